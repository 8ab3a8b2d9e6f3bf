package gateway

import (
	"context"
	"crypto/sha256"
	"runtime/debug"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/search"
	"github.com/drover-llm/drover/policy"
)

// chatEndpoint is POST /v1/chat/completions, the one whose requests are tasks.
var chatEndpoint = endpoint{
	wire: openai.Chat, prefix: "chatcmpl-", task: (*Gateway).chatTask, encode: encodeChat,
	stream: func(s events, call Call) outlet { return &chatStream{events: s, usage: call.Request.IncludeUsage} },
}

// chatTask finds the tests of a chat request. Those in the prompt are looked for
// only where a route may search.
func (g *Gateway) chatTask(c echo.Context, key policy.Key, q *openai.ChatRequest) (t search.Task, err error) {
	h := c.Request().Header
	if _, pinned := g.Models[q.Model]; pinned && h.Get("X-Verify") == "" && h.Get("X-Verify-Suite") == "" && q.Get("verify") == nil && q.Get("metadata") == nil {
		return search.Task{Reason: search.ReasonNoTests}, nil
	}
	if t, err = g.task(q, key, h); err != nil || g.Sandbox == nil {
		return t, err
	}
	tried, err := t.TryTests(c.Request().Context(), g.Sandbox)
	if err != nil {
		g.Log.Error("sandbox", "error", err)
	}
	return tried, nil
}

// search answers by a search, which outlives the request for a moment and which
// a repetition of the request joins.
func (g *Gateway) search(c echo.Context, call Call, d Decision, body []byte, ping func() error) (*flight, error) {
	count := c.Request().Header.Get("X-Stainless-Retry-Count") // official SDKs send 0 at first
	retry := count > "0"
	start := func() *flight { return &flight{call: call, decision: d, lingers: count != ""} }
	id := flightID{call.Key.ID, sha256.Sum256(body)}
	return g.flights.ride(c.Request().Context(), id, retry, start, func(ctx context.Context, f *flight) {
		defer func() {
			if r := recover(); r != nil {
				g.Log.Error("panic", "error", r, "stack", string(debug.Stack()))
			}
		}()
		ctx, release := g.holdReplies(ctx)
		defer release()
		call.attended = func(ctx context.Context) error { return g.flights.attended(ctx, f) }
		f.answer, f.outcome, f.err = g.answer(ctx, call, d)
	}, ping)
}

// encodeChat makes the reply's JSON of what the provider sent: its own id, model and
// usage, the rest as it came.
func encodeChat(call Call, a Answer, v verification) []byte {
	b := make([]byte, 0, a.Reply.Size()+1024)
	b = append(b, `{"id":`...)
	b = openai.AppendString(b, call.ID)
	b = append(b, `,"object":"chat.completion","created":`...)
	b = strconv.AppendInt(b, call.At.Unix(), 10)
	b = append(b, `,"model":`...)
	b = openai.AppendString(b, a.Model)
	b = append(b, `,"choices":[`...)
	for i, choice := range a.Reply.Choices {
		if i > 0 {
			b = append(b, ',')
		}
		b = choice.AppendJSON(b, i)
	}
	b = append(b, `],"usage":`...)
	b = a.Usage.AppendJSON(b, string(v.Cost))
	b = openai.AppendRest(b, a.Reply.Object.Without("verify"))
	b = append(b, `,"verify":`...)
	b = v.appendJSON(b)
	return append(b, '}')
}

// searchedStream sends what a search came to in pieces, and comments until then.
func (g *Gateway) searchedStream(c echo.Context, s *chatStream, call *Call, d *Decision, body []byte) (Answer, policy.Outcome, error) {
	f, err := g.search(c, *call, *d, body, s.ping)
	if err != nil && !f.landed() {
		return Answer{}, policy.Outcome{}, err
	}
	*call, *d, s.id, s.at = f.call, f.decision, f.call.ID, f.call.At // those of the first try, where this is a retry
	if err != nil {
		return f.answer, f.outcome, err
	}
	s.Begin(f.answer.Model, f.answer.Header)
	for chunk := range inPieces(f.answer.Reply) {
		if err := s.Chunk(chunk); err != nil {
			return f.answer, f.outcome, &openai.CallError{Failure: openai.Cancelled, Spent: true, Err: err}
		}
	}
	return f.answer, f.outcome, nil
}
