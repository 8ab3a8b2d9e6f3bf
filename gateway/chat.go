package gateway

import (
	"context"
	"crypto/sha256"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/policy"
)

// chat answers POST /v1/chat/completions.
func (g *Gateway) chat(c echo.Context) error {
	at := g.Now()
	h := c.Request().Header
	key, err := g.authenticate(h)
	if err != nil {
		return err
	}
	body, release, err := g.readBody(c)
	if err != nil {
		return err
	}
	defer release()
	request, err := openai.DecodeChatRequest(body)
	if err != nil {
		return err
	}
	call := Call{ID: newID("chatcmpl-", at), At: at, Key: key, Request: request, Patience: announced(h)}
	if call.Task, err = g.task(request, key, h); err != nil {
		return err
	}
	if g.Sandbox != nil {
		if call.Task, err = call.Task.TryTests(c.Request().Context(), g.Sandbox); err != nil {
			g.Log.Error("sandbox", "error", err)
		}
	}
	if call.Tags, err = parseTags(h.Get("X-Drover-Tags")); err != nil {
		return err
	}
	id := flightID{key.ID, sha256.Sum256(body)}
	if request.Stream {
		return g.streamed(c, call, id)
	}
	return g.whole(c, call, id)
}

// whole answers with one JSON object.
func (g *Gateway) whole(c echo.Context, call Call, id flightID) error {
	d, err := g.decide(call)
	if err != nil {
		return err
	}
	var answer Answer
	var outcome policy.Outcome
	if d.Budget > 0 {
		f, err := g.search(c, call, d, id, func() error { return nil })
		if err != nil {
			return err
		}
		call, d, answer, outcome = f.call, f.decision, f.answer, f.outcome
	} else if answer, outcome, err = g.answer(c.Request().Context(), call, d); err != nil {
		return err
	}
	v := g.verification(call, d, answer, outcome)
	h := c.Response().Header()
	setHeaders(h, d, answer, answer.Header)
	setCostHeaders(h, v, outcome)
	set(h, "Content-Type", "application/json")
	reply := g.encode(call, answer, v)
	set(h, "Content-Length", strconv.Itoa(len(reply)))
	rc := http.NewResponseController(c.Response())
	_ = rc.SetWriteDeadline(time.Now().Add(stalled))
	defer rc.SetWriteDeadline(time.Time{}) // the connection may serve others
	c.Response().WriteHeader(http.StatusOK)
	_, err = c.Response().Write(reply)
	return g.written(err)
}

// search answers by a search, which outlives the request for a moment and which
// a repetition of the request joins.
func (g *Gateway) search(c echo.Context, call Call, d Decision, id flightID, ping func() error) (*flight, error) {
	retry := c.Request().Header.Get("X-Stainless-Retry-Count") > "0"
	start := func() *flight { return &flight{call: call, decision: d} }
	return g.flights.ride(c.Request().Context(), id, retry, start, func(ctx context.Context, f *flight) {
		defer func() {
			if r := recover(); r != nil {
				g.Log.Error("panic", "error", r, "stack", string(debug.Stack()))
			}
		}()
		f.answer, f.outcome, f.err = g.answer(ctx, call, d)
	}, ping)
}

// encode makes the reply's JSON of what the provider sent: its own id, model and
// usage, the rest as it came.
func (g *Gateway) encode(call Call, a Answer, v verification) []byte {
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
	b = append(b, v.json()...)
	return append(b, '}')
}

// streamed answers with server-sent events.
func (g *Gateway) streamed(c echo.Context, call Call, id flightID) error {
	d, err := g.decide(call)
	if err != nil {
		return err
	}
	way := "direct"
	if d.Budget > 0 {
		way = "search"
	}
	s := &stream{
		w: c.Response(), rc: http.NewResponseController(c.Response()), id: call.ID, at: call.At, usage: call.Request.IncludeUsage,
		header: func(h http.Header, model string, provider http.Header) {
			setHeaders(h, d, Answer{Way: way, Model: model}, provider)
		},
	}
	var answer Answer
	var outcome policy.Outcome
	if d.Budget > 0 {
		answer, outcome, err = g.searchedStream(c, s, &call, d, id)
	} else {
		call.Out = s
		answer, outcome, err = g.answer(c.Request().Context(), call, d)
	}
	switch {
	case err == nil:
		v := g.verification(call, d, answer, outcome)
		return g.written(s.finish(string(answer.Usage.AppendJSON(nil, string(v.Cost))), string(v.json())))
	case !s.begun:
		return err
	}
	f := failureOf(c.Request().Context(), err)
	g.logFailure(c, f, err)
	if f.status != statusGone {
		s.fail(f)
	}
	return nil
}

// searchedStream sends what a search came to in pieces, and comments until then.
func (g *Gateway) searchedStream(c echo.Context, s *stream, call *Call, d Decision, id flightID) (Answer, policy.Outcome, error) {
	f, err := g.search(c, *call, d, id, s.ping)
	if err != nil {
		return Answer{}, f.outcome, err
	}
	*call, s.id, s.at = f.call, f.call.ID, f.call.At
	s.Begin(f.answer.Model, f.answer.Header)
	for chunk := range inPieces(f.answer.Reply) {
		if err := s.Chunk(chunk); err != nil {
			return f.answer, f.outcome, &openai.CallError{Failure: openai.Cancelled, Spent: true, Err: err}
		}
	}
	return f.answer, f.outcome, nil
}

// written takes note of a client that went away while it was answered. Its
// answer is journalled.
func (g *Gateway) written(err error) error {
	if err != nil {
		g.Log.Info("client gone", "error", err)
	}
	return nil
}

// announced is after how long the client's SDK gives up, 0 when it does not say.
func announced(h http.Header) time.Duration {
	for _, name := range []string{"X-Stainless-Timeout", "X-Stainless-Read-Timeout"} {
		if s, err := strconv.ParseFloat(h.Get(name), 64); err == nil && s > 0 && s < 1e6 {
			return time.Duration(s * float64(time.Second))
		}
	}
	return 0
}

const (
	maxTags     = 16
	maxTagBytes = 128
)

// parseTags reads "a=b,c=d".
func parseTags(header string) (map[string]string, error) {
	if header == "" {
		return nil, nil
	}
	tags := map[string]string{}
	for pair := range strings.SplitSeq(header, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
		if !ok || name == "" || len(name) > maxTagBytes || len(value) > maxTagBytes || len(tags) == maxTags {
			return nil, openai.BadRequest("x-drover-tags", "the header x-drover-tags must be at most %d pairs such as project=atlas,env=ci, names and values of at most %d bytes each", maxTags, maxTagBytes)
		}
		tags[name] = value
	}
	return tags, nil
}
