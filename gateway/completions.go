package gateway

import (
	"fmt"
	"net/http"

	"github.com/drover-llm/drover/gateway/openai"
)

// completionsEndpoint is POST /v1/completions, passed on to the direct model.
var completionsEndpoint = endpoint{
	wire: openai.Completions, prefix: "cmpl-", encode: encodeCompletion,
	stream: func(s events, call Call) outlet {
		return &completionStream{events: s, usage: call.Request.IncludeUsage}
	},
}

func encodeCompletion(call Call, a Answer, v verification) []byte {
	b := fmt.Appendf(nil, `{"id":%q,"object":"text_completion","created":%d,"model":%q,"choices":[`, call.ID, call.At.Unix(), a.Model)
	for i, choice := range a.Reply.Choices {
		if i > 0 {
			b = append(b, ',')
		}
		b = openai.AppendCompletionChoice(b, choice.Object, i, true)
	}
	b = append(b, `],"usage":`...)
	b = a.Usage.AppendJSON(b, string(v.Cost))
	b = openai.AppendRest(b, a.Reply.Object)
	return append(b, '}')
}

// completionStream writes a completion in chunks.
type completionStream struct {
	events
	usage bool // the client asked for usage
	head  []byte
}

func (s *completionStream) Begin(model string, provider http.Header) {
	s.model = model
	s.head = s.prefix("text_completion")
	s.open(provider)
}

// Chunk passes on what a provider's chunk adds.
func (s *completionStream) Chunk(c openai.Chunk) error {
	for _, d := range c.Choices {
		s.buf = append(s.buf, s.head...)
		s.buf = openai.AppendRest(s.buf, c.Object)
		s.buf = append(s.buf, `,"choices":[`...)
		s.buf = openai.AppendCompletionChoice(s.buf, d.Object, d.Index, d.Ended)
		s.buf = append(s.buf, ']')
		if s.usage {
			s.buf = append(s.buf, `,"usage":null`...)
		}
		s.buf = append(s.buf, "}\n\n"...)
	}
	return s.flush()
}

func (s *completionStream) finish(u openai.Usage, v verification) error {
	if s.usage {
		s.buf = append(s.buf, s.head...)
		s.buf = append(s.buf, `,"choices":[],"usage":`...)
		s.buf = u.AppendJSON(s.buf, string(v.Cost))
		s.buf = append(s.buf, "}\n\n"...)
	}
	return s.done()
}
