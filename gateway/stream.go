package gateway

import (
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/drover-llm/drover/gateway/openai"
)

// events writes server-sent events.
type events struct {
	w      http.ResponseWriter
	rc     *http.ResponseController                                // of what is behind echo's writer, whose Flush tells no error
	header func(h http.Header, model string, provider http.Header) // sets the reply's headers
	id     string
	at     time.Time

	started bool      // something was sent
	opened  bool      // the headers were
	model   string    // that answers
	buf     []byte    // events to be sent together
	until   time.Time // when the client is given up, if it reads nothing until then
}

// stalled is how long a client may leave an event unread before it is given up; in a
// stream at least half as long.
const stalled = 2 * time.Minute

func (s *events) begun() bool { return s.started }

// open sends the headers, once.
func (s *events) open(provider http.Header) {
	s.started = true
	if s.opened {
		return
	}
	s.opened = true
	h := s.w.Header()
	set(h, "Content-Type", "text/event-stream", "Cache-Control", "no-cache", "X-Accel-Buffering", "no")
	s.header(h, s.model, provider)
	s.w.WriteHeader(http.StatusOK)
}

// prefix is what every chunk of the stream begins with.
func (s *events) prefix(object string) []byte {
	b := append([]byte(nil), `data: {"id":`...)
	b = openai.AppendString(b, s.id)
	b = append(b, `,"object":`...)
	b = openai.AppendString(b, object)
	b = append(b, `,"created":`...)
	b = strconv.AppendInt(b, s.at.Unix(), 10)
	b = append(b, `,"model":`...)
	return openai.AppendString(b, s.model)
}

// fail sends the error as the last event: the status has gone out already.
func (s *events) fail(f *failure) {
	s.buf = append(s.buf, "data: "...)
	s.buf = f.body.AppendJSON(s.buf)
	s.buf = append(s.buf, "\n\n"...)
	_ = s.flush() // nobody is left to be told
	s.letGo()
}

// close stops what the stream does by itself; this kind does nothing.
func (s *events) close() {}

// letGo lets the connection serve others.
func (s *events) letGo() { _ = s.rc.SetWriteDeadline(time.Time{}) }

// done sends what ends a stream of chunks.
func (s *events) done() error {
	defer s.letGo()
	s.buf = append(s.buf, "data: [DONE]\n\n"...)
	return s.flush()
}

func (s *events) flush() error {
	if len(s.buf) == 0 {
		return nil
	}
	if now := time.Now(); s.until.Sub(now) < stalled/2 { // not anew for every chunk
		s.until = now.Add(stalled)
		_ = s.rc.SetWriteDeadline(s.until) // where there is none, a stalled client is the server's to end
	}
	if _, err := s.w.Write(s.buf); err != nil {
		return err
	}
	s.buf = s.buf[:0]
	return s.rc.Flush()
}

// chatStream writes a chat's answer by the rules that OpenAI's clients live by: a
// choice is opened once with its role, ended once with its reason, and the last
// chunk alone carries usage and verify. It holds back the end of a choice until it
// knows whether that is the last chunk.
type chatStream struct {
	events
	usage bool // the client asked for usage

	head    []byte // what every chunk begins with
	rest    []byte // members of the provider's chunk that are passed on
	carry   []byte // those of a chunk without choices, which go with the next event
	choices int    // choices 0 to choices-1 have their role
	ended   map[int]bool
	tools   map[int]*openai.ToolCalls // by choice
	end     []byte                    // the choice of the end that is held back, nil for none
}

func (s *chatStream) Begin(model string, provider http.Header) {
	s.model = model
	s.ended, s.tools = map[int]bool{}, map[int]*openai.ToolCalls{}
	s.head = s.prefix("chat.completion.chunk")
	s.open(provider)
}

// ping shows that an answer is being searched for: comments, which clients skip.
func (s *chatStream) ping() error {
	s.open(nil)
	s.buf = append(s.buf, ": ping\n\n"...)
	return s.flush()
}

// Chunk passes on what a provider's chunk adds.
func (s *chatStream) Chunk(c openai.Chunk) error {
	s.rest = openai.AppendRest(s.rest[:0], c.Object)
	if len(c.Choices) == 0 && c.Usage == nil {
		s.carry = append(s.carry[:0], s.rest...)
		return nil
	}
	for _, d := range c.Choices {
		for s.choices <= d.Index { // choice 0 opens the stream, whatever the provider sends first
			s.event(openai.AppendOpening(nil, s.choices), "")
			s.choices++
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
			s.shut("")
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
func (s *chatStream) finish(u openai.Usage, v verification) error {
	for i := range s.choices {
		if !s.ended[i] {
			s.release("")
			s.end = openai.Delta{Index: i}.AppendEnd(nil)
		}
	}
	extension := string(v.appendJSON([]byte(`,"verify":`)))
	if s.usage {
		s.release("")
		s.buf = append(s.buf, s.head...)
		s.buf = append(s.buf, s.rest...)
		s.buf = append(s.buf, `,"choices":[],"usage":`...)
		s.buf = u.AppendJSON(s.buf, string(v.Cost))
		s.buf = append(s.buf, extension...)
		s.buf = append(s.buf, "}\n\n"...)
	} else {
		s.release(extension)
	}
	return s.done()
}

// fail sends the error as the last event, in place of the end.
func (s *chatStream) fail(f *failure) {
	s.end = nil
	s.events.fail(f)
}

// release sends the end that was held back.
func (s *chatStream) release(extension string) {
	if s.end != nil {
		s.event(s.end, extension)
		s.end = nil
	}
}

func (s *chatStream) event(choice []byte, extension string) {
	s.begin()
	s.buf = append(s.buf, choice...)
	s.shut(extension)
}

func (s *chatStream) toolCalls(choice int) *openai.ToolCalls {
	if s.tools[choice] == nil {
		s.tools[choice] = new(openai.ToolCalls)
	}
	return s.tools[choice]
}

func (s *chatStream) begin() {
	s.buf = append(s.buf, s.head...)
	s.buf = append(s.buf, s.rest...)
	s.buf = append(s.buf, s.carry...)
	s.carry = s.carry[:0]
	s.buf = append(s.buf, `,"choices":[`...)
}

func (s *chatStream) shut(extension string) {
	s.buf = append(s.buf, ']')
	if s.usage {
		s.buf = append(s.buf, `,"usage":null`...)
	}
	s.buf = append(s.buf, extension...)
	s.buf = append(s.buf, "}\n\n"...)
}
