package gateway

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/drover-llm/drover/gateway/openai"
)

// responsesEndpoint is POST /v1/responses, passed on to the direct model. Its
// answers keep the provider's id, by which a later request may refer to them.
var responsesEndpoint = endpoint{
	wire: openai.Responses, prefix: "resp_", encode: encodeResponse, unknownModel: http.StatusBadRequest,
	stream: func(s events, _ Call) outlet { return &responseStream{events: s} },
}

func encodeResponse(_ Call, a Answer, v verification) []byte {
	o := a.Reply.Object.Clone()
	o.Set("model", openai.String(a.Model))
	o.Set("usage", a.Usage.AppendResponseUsage(nil, string(v.Cost)))
	return o.AppendJSON(nil)
}

// stillWorking is after how long a silent stream says again that the response is
// in progress. Codex gives up after five minutes without an event, and does not
// count comments.
const stillWorking = 15 * time.Second

// responseStream passes on the events of a response. It counts them anew, since
// it adds some, and holds back the last one until the request is settled.
type responseStream struct {
	events

	mu     sync.Mutex // what follows is the timer's too
	number int        // of the next event
	timer  *time.Timer
	closed bool
	latest openai.Object // the response as the last event had it
	last   openai.Object // the event that is held back
}

func (s *responseStream) Begin(model string, provider http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.model = model
	s.open(provider)
	s.timer = time.AfterFunc(stillWorking, s.working)
}

// Chunk passes on an event, but for the last one.
func (s *responseStream) Chunk(c openai.Chunk) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil {
		return nil // nothing follows the end
	}
	event := c.Object.Clone()
	if !event.Has("type") { // a host that does not stream sent the response
		event = s.asEvents(event)
	} else if response := event.Get("response"); response != nil {
		s.latest, _ = openai.DecodeObject(response) // a provider's, and read before where it matters
		s.latest.Set("model", openai.String(s.model))
		event.Set("response", s.latest.AppendJSON(nil))
	}
	if len(c.Choices) > 0 && c.Choices[0].Ended {
		s.last = event
	} else {
		s.add(event)
	}
	s.timer.Reset(stillWorking)
	return s.flush()
}

// asEvents sends what a stream has before its last event, and returns that.
func (s *responseStream) asEvents(response openai.Object) openai.Object {
	response.Set("model", openai.String(s.model))
	s.latest = response
	begun := response.Clone()
	begun.Set("status", openai.String("in_progress"))
	begun.Set("output", jsontext.Value("[]"))
	s.add(openai.Object{{Name: "type", Value: openai.String("response.created")}, {Name: "response", Value: begun.AppendJSON(nil)}})
	for i, item := range openai.Objects(response.Get("output")) {
		s.add(openai.Object{{Name: "type", Value: openai.String("response.output_item.done")},
			{Name: "output_index", Value: jsontext.Value(strconv.Itoa(i))}, {Name: "item", Value: item.AppendJSON(nil)}})
	}
	return openai.Object{{Name: "type", Value: openai.String("response.completed")}, {Name: "response", Value: response.AppendJSON(nil)}}
}

// add puts an event behind those that are to be sent.
func (s *responseStream) add(event openai.Object) {
	event.Set("sequence_number", jsontext.Value(strconv.Itoa(s.number)))
	s.number++
	s.buf = append(s.buf, "event: "...)
	s.buf = append(s.buf, eventName(openai.Text(event.Get("type")))...)
	s.buf = append(s.buf, "\ndata: "...)
	s.buf = event.AppendJSON(s.buf)
	s.buf = append(s.buf, "\n\n"...)
}

// eventName is a type as the name of an event: what a provider sent must not
// begin a line of its own.
func eventName(kind string) string {
	if !errorWord.MatchString(kind) {
		return "message"
	}
	return kind
}

// working says that the response is in progress still.
func (s *responseStream) working() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.latest == nil || s.last != nil {
		return
	}
	s.add(openai.Object{{Name: "type", Value: openai.String("response.in_progress")}, {Name: "response", Value: s.latest.AppendJSON(nil)}})
	if s.flush() == nil { // otherwise the next event finds the client gone
		s.timer.Reset(stillWorking)
	}
}

// finish sends the last event, with what the request cost.
func (s *responseStream) finish(u openai.Usage, v verification) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.letGo()
	if s.last == nil {
		return nil // not reached: a stream without its last event is a broken one
	}
	s.latest.Set("usage", u.AppendResponseUsage(nil, string(v.Cost)))
	s.last.Set("response", s.latest.AppendJSON(nil))
	s.add(s.last)
	return s.flush()
}

// fail says so twice: response.failed is what Codex looks for, the event error
// with an error object what makes the SDKs raise.
func (s *responseStream) fail(f *failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest != nil {
		code := "server_error" // one of the words that a response may have
		if f.body.Code == "rate_limit_exceeded" {
			code = f.body.Code
		}
		s.latest.Set("status", openai.String("failed"))
		s.latest.Set("error", openai.Object{{Name: "code", Value: openai.String(code)}, {Name: "message", Value: openai.String(f.body.Message)}}.AppendJSON(nil))
		s.add(openai.Object{{Name: "type", Value: openai.String("response.failed")}, {Name: "response", Value: s.latest.AppendJSON(nil)}})
	}
	s.add(append(openai.Object{{Name: "type", Value: openai.String("error")}}, f.body.Members()...))
	_ = s.flush() // nobody is left to be told
	s.letGo()
}

// close ends what the stream does of itself.
func (s *responseStream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
}
