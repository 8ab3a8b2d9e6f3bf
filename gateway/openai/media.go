package openai

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Media is what a prompt has beside text, as far as it decides what the prompt can
// take.
type Media struct {
	Images    int  // with a detail other than low
	LowImages int  // with detail low
	Inline    int  // bytes of the request that are images, and no text
	Other     bool // something whose size nobody here can tell, such as a file
}

// FindMedia looks at every part of the prompt. Audio is not told apart: its bytes
// are those of the request.
func (q *ChatRequest) FindMedia() Media {
	var m Media
	if !q.HasMedia() {
		return m
	}
	m.Other = q.Beyond
	if q.Endpoint() == Chat {
		for _, message := range q.Messages {
			m.add(Objects(message.Content))
		}
		return m
	}
	before := m
	for _, item := range Objects(q.Get("input")) {
		m.add(Objects(item.Get("content")))
	}
	m.Other = m.Other || m == before // it is somewhere else
	return m
}

func (m *Media) add(parts []Object) {
	for _, part := range parts {
		switch Text(part.Get("type")) {
		case "text", "refusal", "input_text", "output_text", "input_audio":
		case "image_url":
			image, err := DecodeObject(part.Get("image_url"))
			m.Other = m.Other || err != nil
			m.image(image.Get("url"), image.Get("detail"))
		case "input_image":
			m.Other = m.Other || part.Get("file_id") != nil
			m.image(part.Get("image_url"), part.Get("detail"))
		default:
			m.Other = true
		}
	}
}

func (m *Media) image(url, detail jsontext.Value) {
	if Text(detail) == "low" {
		m.LowImages++
	} else {
		m.Images++
	}
	if bytes.HasPrefix(url, []byte(`"data:`)) {
		m.Inline += len(url)
	}
}
