package openai

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

var responsesFields = map[string]field{
	"model": {kinds: `"`}, "input": {kinds: `"[`, empty: true}, "instructions": {kinds: `"[`, empty: true}, "stream": {kinds: `t`}, "stream_options": {kinds: `{`},
	"max_output_tokens": {kinds: `0`, integer: true, min: 1, max: 1 << 31}, "max_tool_calls": {kinds: `0`, integer: true, min: 1, max: 1 << 31},
	"temperature": {kinds: `0`, min: 0, max: 2}, "top_p": {kinds: `0`, min: 0, max: 1}, "top_logprobs": {kinds: `0`, integer: true, min: 0, max: 20},
	"tools": {kinds: `[`}, "tool_choice": {kinds: `"{`}, "parallel_tool_calls": {kinds: `t`}, "text": {kinds: `{`}, "reasoning": {kinds: `{`}, "include": {kinds: `[`},
	"metadata": {kinds: `{`}, "store": {kinds: `t`}, "background": {kinds: `t`}, "previous_response_id": {kinds: `"`}, "conversation": {kinds: `"{`}, "prompt": {kinds: `{`},
	"user": {kinds: `"`, empty: true}, "safety_identifier": {kinds: `"`, empty: true}, "prompt_cache_key": {kinds: `"`, empty: true}, "service_tier": {kinds: `"`},
	"truncation": {kinds: `"`}, "verify": {kinds: `"{[0t`, empty: true},
}

// decodeResponsesRequest reads a request to /responses: the instructions and the
// items of its input are the messages.
func decodeResponsesRequest(body []byte) (*ChatRequest, error) {
	return Responses.decodeRequest(body, responsesFields, "input", func(q *ChatRequest) error {
		// What is kept at the provider is a part of the prompt that nobody here can count.
		q.Beyond = q.Get("previous_response_id") != nil || q.Get("conversation") != nil || q.Get("prompt") != nil
		if v := q.Get("background"); v.Kind() == 't' {
			return invalid("invalid_value", "background", "background must be false: what runs on after its answer could not be charged")
		}
		if v := q.Get("instructions"); v.Kind() == '"' {
			q.Messages = append(q.Messages, Message{Role: "developer", Content: v})
		}
		switch v := q.Get("input"); v.Kind() {
		case '"':
			q.Messages = append(q.Messages, Message{Role: "user", Content: v})
		case '[':
			return q.items(v)
		default:
			if !q.Beyond {
				return missing("input", "send a string or an array of items")
			}
		}
		return nil
	})
}

// items takes in the items of an input. Only what is counted is looked at.
func (q *ChatRequest) items(v jsontext.Value) error {
	i := 0
	err := eachValue(v, func(raw jsontext.Value) error {
		at := fmt.Sprintf("input[%d]", i)
		i++
		if raw.Kind() != '{' {
			return invalid("invalid_type", at, "%s must be an object, got %s", at, KindName(raw.Kind()))
		}
		item, err := DecodeObject(raw)
		if err != nil {
			return BadRequest(at, "%s: %v", at, err)
		}
		m := Message{Role: "user"}
		if role := item.Get("role"); role != nil {
			if m.Role = Text(role); !roles[m.Role] {
				return invalid("invalid_value", at+".role", "%s.role must be one of developer, system, user, assistant, got %.40s", at, role)
			}
		}
		var texts []string
		for _, member := range item {
			text, media := itemText(member.Value)
			m.Media = m.Media || media
			if text != "" {
				texts = append(texts, text)
			}
		}
		m.Content = joined(texts)
		q.Messages = append(q.Messages, m)
		if Text(item.Get("type")) == "item_reference" {
			q.Beyond = true
		}
		return nil
	})
	if err == nil && i == 0 && !q.Beyond {
		return invalid("invalid_value", "input", "input must not be an empty array")
	}
	return err
}

// itemText is every text in a member of an item: of a message's parts, of a
// call's arguments, of a result. media says that there is an image or a file.
func itemText(v jsontext.Value) (text string, media bool) {
	switch v.Kind() {
	case '"':
		return Text(v), false
	case '[':
		var texts []string
		_ = eachValue(v, func(part jsontext.Value) error { // a client's array, which was read already
			text, inner := itemText(part)
			texts, media = append(texts, text), media || inner
			return nil
		})
		return strings.Join(texts, "\n"), media
	case '{':
		o, err := DecodeObject(v)
		if err != nil {
			return "", false
		}
		switch Text(o.Get("type")) {
		case "input_image", "input_file", "input_audio", "computer_screenshot":
			return "", true
		}
		return Text(o.Get("text")), false
	}
	return "", false
}

// decodeResponse reads a provider's reply to a request to /responses.
func decodeResponse(body []byte) (*ChatResponse, error) {
	o, err := DecodeObject(tidy(body))
	if err != nil {
		return nil, err
	}
	if o.Get("output").Kind() != '[' {
		return nil, errors.New("a response without output")
	}
	choice := Choice{Object{{"finish_reason", responseFinish(o)}}, Object{{"content", outputText(o)}}}
	return &ChatResponse{Object: o, Choices: []Choice{choice}, Usage: decodeResponseUsage(o.Get("usage"))}, nil
}

// outputText is what the model wrote in a response, whatever it is.
func outputText(response Object) jsontext.Value {
	items, _ := decodeObjects(response.Get("output")) // of what cannot be read nothing is counted
	var texts []string
	for _, item := range items {
		for _, name := range []string{"content", "summary", "name", "arguments", "input", "action"} {
			if text, _ := itemText(item.Get(name)); text != "" {
				texts = append(texts, text)
			}
		}
	}
	return joined(texts)
}

// responseFinish is how a response ended, in the words of chat.
func responseFinish(response Object) jsontext.Value {
	details, _ := DecodeObject(response.Get("incomplete_details")) // null on most
	switch Text(details.Get("reason")) {
	case "max_output_tokens":
		return String("length")
	case "content_filter":
		return String("content_filter")
	}
	return String("stop")
}

func decodeResponseUsage(v jsontext.Value) *Usage {
	o, err := DecodeObject(v)
	if err != nil {
		return nil
	}
	u := &Usage{Prompt: count(o.Get("input_tokens")), Completion: count(o.Get("output_tokens"))}
	if u.Prompt < 0 || u.Completion < 0 || u.Prompt+u.Completion == 0 {
		return nil
	}
	if details, err := DecodeObject(o.Get("input_tokens_details")); err == nil {
		u.CachedPrompt = min(max(count(details.Get("cached_tokens")), 0), u.Prompt)
	}
	u.Details = o.Without("input_tokens").Without("output_tokens").Without("total_tokens")
	return u
}

// lastEvents end a stream of /responses.
var lastEvents = map[string]bool{"response.completed": true, "response.incomplete": true, "response.failed": true, "response.cancelled": true}

// decodeResponseEvent reads an event of a stream of /responses. Its Object is the
// event; what it adds to the answer is the delta of the one choice.
func decodeResponseEvent(data []byte) (Chunk, error) {
	o, err := DecodeObject(tidy(data))
	if err != nil {
		return Chunk{}, err
	}
	kind := Text(o.Get("type"))
	if kind == "error" || kind == "" {
		if e := DecodeError(data); e != nil {
			return Chunk{}, e
		}
		return Chunk{}, errors.New("an event without a type")
	}
	d := Delta{Ended: lastEvents[kind]}
	if text := o.Get("delta"); text.Kind() == '"' {
		d.Delta = Object{{"content", text}}
	}
	c := Chunk{Object: o}
	if d.Ended {
		response, err := DecodeObject(o.Get("response"))
		if err != nil {
			return Chunk{}, fmt.Errorf("response: %w", err)
		}
		d.Object = Object{{"finish_reason", responseFinish(response)}}
		c.Usage = decodeResponseUsage(response.Get("usage"))
	}
	c.Choices = []Delta{d}
	return c, nil
}

// AppendResponseUsage appends the usage as /responses has it, with the cost of
// the request in dollars, which is a JSON number or null.
func (u Usage) AppendResponseUsage(dst []byte, cost string) []byte {
	dst = fmt.Appendf(dst, `{"input_tokens":%d,"output_tokens":%d,"total_tokens":%d`, u.Prompt, u.Completion, u.Prompt+u.Completion)
	if u.Details.Get("input_tokens_details") == nil {
		dst = fmt.Appendf(dst, `,"input_tokens_details":{"cached_tokens":%d}`, u.CachedPrompt)
	}
	if u.Details.Get("output_tokens_details") == nil {
		dst = append(dst, `,"output_tokens_details":{"reasoning_tokens":0}`...)
	}
	dst = appendRest(dst, u.Details, "cost")
	dst = append(dst, `,"cost":`...)
	dst = append(dst, cost...)
	return append(dst, '}')
}
