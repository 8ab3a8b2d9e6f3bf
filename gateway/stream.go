package gateway

import (
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/drover-llm/drover/gateway/openai"
)

// stream writes an answer as server-sent events, by the rules that OpenAI's
// clients live by: a choice is opened once with its role, ended once with its
// reason, and the last chunk alone carries usage and verify. It holds back the
// end of a choice until it knows whether that is the last chunk.
type stream struct {
	w      http.ResponseWriter
	rc     *http.ResponseController
	header func(h http.Header, model string, provider http.Header) // sets the reply's headers
	id     string
	at     time.Time
	usage  bool // the client asked for usage

	begun   bool // something was sent
	opening bool // the headers were
	model   string
	head    []byte // what every chunk begins with
	rest    []byte // members of the provider's chunk that are passed on
	carry   []byte // those of a chunk without choices, which go with the next event
	opened  int    // choices 0 to opened-1 have their role
	ended   map[int]bool
	tools   map[int]*openai.ToolCalls // by choice
	buf     []byte                    // events to be sent together
	end     []byte                    // the choice of the end that is held back, nil for none
}

// stalled is how long a client may leave an event unread before it is given up.
const stalled = 2 * time.Minute

func (s *stream) Begin(model string, provider http.Header) {
	s.begun = true
	s.model = model
	s.ended, s.tools = map[int]bool{}, map[int]*openai.ToolCalls{}
	s.head = append(s.head[:0], `data: {"id":`...)
	s.head = openai.AppendString(s.head, s.id)
	s.head = append(s.head, `,"object":"chat.completion.chunk","created":`...)
	s.head = strconv.AppendInt(s.head, s.at.Unix(), 10)
	s.head = append(s.head, `,"model":`...)
	s.head = openai.AppendString(s.head, model)

	s.open(provider)
}

// open sends the headers, once.
func (s *stream) open(provider http.Header) {
	if s.opening {
		return
	}
	s.opening = true
	h := s.w.Header()
	set(h, "Content-Type", "text/event-stream")
	set(h, "Cache-Control", "no-cache")
	set(h, "X-Accel-Buffering", "no")
	s.header(h, s.model, provider)
	s.w.WriteHeader(http.StatusOK)
}

// ping shows that an answer is being searched for: comments, which clients skip.
func (s *stream) ping() error {
	s.begun = true
	s.open(nil)
	s.buf = append(s.buf, ": ping\n\n"...)
	return s.flush()
}

// Chunk passes on what a provider's chunk adds.
func (s *stream) Chunk(c openai.Chunk) error {
	s.rest = openai.AppendRest(s.rest[:0], c.Object)
	if len(c.Choices) == 0 && c.Usage == nil {
		s.carry = append(s.carry[:0], s.rest...)
		return nil
	}
	for _, d := range c.Choices {
		for s.opened <= d.Index { // choice 0 opens the stream, whatever the provider sends first
			s.event(openai.AppendOpening(nil, s.opened), "")
			s.opened++
		}
		if s.ended[d.Index] {
			continue // nothing follows an end
		}
		var calls []jsontext.Value
		if d.Delta.Has("tool_calls") {
			d, calls = s.toolCalls(d.Index).Split(d, func() string { return newID("call_", s.at) })
		}
		if !d.Empty() {
			s.release("")
			s.begin()
			s.buf = d.AppendJSON(s.buf)
			s.close("")
		}
		for _, call := range calls {
			s.release("")
			s.event(openai.AppendToolCall(nil, d.Index, call), "")
		}
		if d.Ended {
			s.ended[d.Index] = true
			s.release("")
			s.end = d.AppendEnd(nil)
		}
	}
	return s.flush()
}

// finish sends what was held back, with verify on the last chunk, and [DONE].
func (s *stream) finish(usage, verify string) error {
	for i := range s.opened {
		if !s.ended[i] {
			s.release("")
			s.end = openai.Delta{Index: i}.AppendEnd(nil)
		}
	}
	extension := `,"verify":` + verify
	if s.usage {
		s.release("")
		s.buf = append(s.buf, s.head...)
		s.buf = append(s.buf, s.rest...)
		s.buf = append(s.buf, `,"choices":[],"usage":`...)
		s.buf = append(s.buf, usage...)
		s.buf = append(s.buf, extension...)
		s.buf = append(s.buf, "}\n\n"...)
	} else {
		s.release(extension)
	}
	s.buf = append(s.buf, "data: [DONE]\n\n"...)
	defer s.rc.SetWriteDeadline(time.Time{}) // the connection may serve others
	return s.flush()
}

// fail sends the error as the last event: the status has gone out already.
func (s *stream) fail(f *failure) {
	s.end = nil
	s.buf = append(s.buf, "data: "...)
	s.buf = f.body.AppendJSON(s.buf)
	s.buf = append(s.buf, "\n\n"...)
	_ = s.flush() // nobody is left to be told
	_ = s.rc.SetWriteDeadline(time.Time{})
}

// release sends the end that was held back.
func (s *stream) release(extension string) {
	if s.end != nil {
		s.event(s.end, extension)
		s.end = nil
	}
}

func (s *stream) event(choice []byte, extension string) {
	s.begin()
	s.buf = append(s.buf, choice...)
	s.close(extension)
}

func (s *stream) toolCalls(choice int) *openai.ToolCalls {
	if s.tools[choice] == nil {
		s.tools[choice] = new(openai.ToolCalls)
	}
	return s.tools[choice]
}

func (s *stream) begin() {
	s.buf = append(s.buf, s.head...)
	s.buf = append(s.buf, s.rest...)
	s.buf = append(s.buf, s.carry...)
	s.carry = s.carry[:0]
	s.buf = append(s.buf, `,"choices":[`...)
}

func (s *stream) close(extension string) {
	s.buf = append(s.buf, ']')
	if s.usage {
		s.buf = append(s.buf, `,"usage":null`...)
	}
	s.buf = append(s.buf, extension...)
	s.buf = append(s.buf, "}\n\n"...)
}

func (s *stream) flush() error {
	if len(s.buf) == 0 {
		return nil
	}
	_ = s.rc.SetWriteDeadline(time.Now().Add(stalled)) // where there is none, a stalled client is the server's to end
	if _, err := s.w.Write(s.buf); err != nil {
		return err
	}
	s.buf = s.buf[:0]
	return s.rc.Flush()
}
