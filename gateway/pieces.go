package gateway

import (
	"iter"
	"strings"

	"github.com/drover-llm/drover/gateway/openai"
)

// piece is how many bytes of an answer that is there already go into one chunk.
const piece = 256

// inPieces yields a whole reply as a stream would have brought it.
func inPieces(reply *openai.ChatResponse) iter.Seq[openai.Chunk] {
	return func(yield func(openai.Chunk) bool) {
		for i, choice := range reply.Choices {
			whole := openai.Delta{Object: choice.Object.Without("message"), Index: i, Delta: choice.Message.Without("content"), Ended: true}
			text := openai.Text(choice.Message.Get("content"))
			for len(text) > 0 {
				end := cut(text)
				d := openai.Delta{Index: i, Delta: openai.Object{{Name: "content", Value: openai.String(text[:end])}}}
				if !yield(openai.Chunk{Object: reply.Object, Choices: []openai.Delta{d}}) {
					return
				}
				text = text[end:]
			}
			if !yield(openai.Chunk{Object: reply.Object, Choices: []openai.Delta{whole}}) {
				return
			}
		}
	}
}

// cut is where the first piece of a text ends: behind a line if there is one, and
// never within a character.
func cut(text string) int {
	if len(text) <= piece {
		return len(text)
	}
	if line := strings.LastIndexByte(text[:piece], '\n'); line >= 0 {
		return line + 1
	}
	end := piece
	for end < len(text) && text[end]&0xC0 == 0x80 {
		end++
	}
	return end
}
