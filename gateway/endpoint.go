package gateway

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/search"
	"github.com/drover-llm/drover/policy"
)

// endpoint is what differs between the endpoints that set a model to work: how
// their requests are read and their answers written. What happens in between is
// the same for all, in answer.go.
type endpoint struct {
	wire   *openai.Endpoint
	prefix string // of ids
	// task finds what is to be solved; nil: requests are passed on to the direct
	// model.
	task func(*Gateway, echo.Context, policy.Key, *openai.ChatRequest) (search.Task, error)
	// encode writes a whole reply.
	encode func(Call, Answer, verification) []byte
	// stream makes what writes a streamed one; nil: there is none.
	stream func(events, Call) outlet
	// unknownModel is the status for a name that nobody knows; 0: 404.
	unknownModel int
}

// outlet writes a streamed answer.
type outlet interface {
	Sink
	begun() bool // something was sent
	finish(u openai.Usage, v verification) error
	fail(f *failure)
	close() // nothing is written after it
}

// passedOn is the task of a request that is passed on.
var passedOn = search.Task{Reason: search.ReasonPinnedRoute}

// serve answers the requests of an endpoint.
func (g *Gateway) serve(e endpoint) echo.HandlerFunc {
	return func(c echo.Context) error {
		at := g.Now()
		h := c.Request().Header
		key, body, release, err := g.received(c)
		if err != nil {
			return err
		}
		defer release()
		request, err := e.wire.Request(body)
		if err != nil {
			return err
		}
		pass, err := g.admitted(c, key, expectedTokens(request))
		if err != nil {
			return err
		}
		defer pass.leave()
		call := Call{pass: pass, ID: newID(e.prefix, at), At: at, Key: key, Request: request, Task: passedOn, Patience: announced(h), Debug: strings.EqualFold(h.Get("X-Drover-Debug"), "true")}
		if keep := g.HTTP.KeepAlive; !request.Stream && keep > 0 && keep < call.Patience.First {
			call.Patience.First = call.Patience.Whole // the client hears of us before it is over
		}
		if e.task != nil {
			if call.Task, err = e.task(g, c, key, request); err != nil {
				return err
			}
		}
		if call.Tags, err = parseTags(h.Get("X-Drover-Tags")); err != nil {
			return err
		}
		call.Tags = key.AddTags(call.Tags)
		begin := g.Now()
		d, err := g.decide(call)
		if err != nil {
			return e.refuse(err)
		}
		if d.Models, err = g.serving(d.Models, request); err != nil {
			return err
		}
		if d, err = g.fit(call, d); err != nil {
			return err
		}
		g.observeDecision(begin)
		g.tellRoom(c, d.Shares)
		if request.Stream && e.stream != nil {
			return g.streamed(c, e, call, d, body)
		}
		return g.whole(c, e, call, d, body)
	}
}

// refuse maps an unknown model to the status that OpenAI gives it at this endpoint.
func (e endpoint) refuse(err error) error {
	f := asFailure(err)
	if e.unknownModel == 0 || f.body.Code != codeModelNotFound {
		return err
	}
	own := *f
	own.status, own.body.Param = e.unknownModel, "model"
	return &own
}

// serving are the models whose hosts can answer the request: they have the
// endpoint, and give as many choices as are asked for.
func (g *Gateway) serving(models []string, q *openai.ChatRequest) ([]string, error) {
	var serving []string
	var why error
	for _, name := range models {
		host := g.Models[name].Client.Dialect()
		switch {
		case !host.Serves(q.Endpoint()):
			why = openai.BadRequest("model", "%s is at a host (%s) that has no %s. Name a model of another host, or use /v1/chat/completions, which every host has.", name, host.Name, q.Endpoint().Path)
		case q.Endpoint() == openai.Chat && q.N > 1 && !g.Models[name].SupportsN && !host.Unknown():
			why = openai.BadRequest("n", "n must be 1: %s is at a host (%s) that gives one choice for a call.", name, host.Name)
		default:
			serving = append(serving, name)
		}
	}
	if len(serving) == 0 {
		return nil, why
	}
	return serving, nil
}

// whole answers with one JSON object.
func (g *Gateway) whole(c echo.Context, e endpoint, call Call, d Decision, body []byte) error {
	waiting := startKeepAlive(c.Response(), g.HTTP.KeepAlive)
	ctx, release := g.holdReplies(c.Request().Context())
	defer release()
	call, d, answer, outcome, err := g.wholeAnswer(ctx, c, call, d, body)
	sent := waiting.stop()
	var reply []byte
	switch {
	case err != nil && !sent:
		g.tellSpent(c.Response().Header(), call, d, answer, outcome)
		return err
	case err != nil:
		f := failureOf(c.Request().Context(), err)
		g.logFailure(c, f, err)
		reply = f.body.AppendJSON(nil)
	default:
		v := g.verification(call, d, answer, outcome)
		reply = e.encode(call, answer, v)
		if sent {
			break
		}
		h := c.Response().Header()
		setHeaders(h, d, answer, answer.Header)
		setCostHeaders(h, v, outcome)
		if e.task == nil {
			_, warnings := adapt(call.Request, g.Models[answer.Model]) // the reply has no verify object to name them
			setWarnings(h, slices.Concat(d.Warnings, warnings))
		}
	}
	rc := http.NewResponseController(c.Response())
	_ = rc.SetWriteDeadline(time.Now().Add(stalled))
	defer rc.SetWriteDeadline(time.Time{}) // the connection may serve others
	if !sent {
		set(c.Response().Header(), "Content-Type", "application/json", "Content-Length", strconv.Itoa(len(reply)))
		c.Response().WriteHeader(http.StatusOK)
	}
	_, err = c.Response().Write(reply)
	return g.written(err)
}

// wholeAnswer answers a request that is not streamed. A search may be that of an
// earlier try of the same request: then the call and its decision are the first try's.
func (g *Gateway) wholeAnswer(ctx context.Context, c echo.Context, call Call, d Decision, body []byte) (Call, Decision, Answer, policy.Outcome, error) {
	if d.Budget > 0 {
		f, err := g.search(c, call, d, body, func() error { return nil })
		if err != nil && !f.landed() {
			return call, d, Answer{}, policy.Outcome{}, err
		}
		return f.call, f.decision, f.answer, f.outcome, err
	}
	waiting, cancel := patiently(ctx, call.Patience)
	defer cancel()
	answer, outcome, err := g.answer(waiting, call, d)
	return call, d, answer, outcome, inTime(ctx, waiting, err)
}

// streamed answers with server-sent events.
func (g *Gateway) streamed(c echo.Context, e endpoint, call Call, d Decision, body []byte) error {
	way := d.way()
	out := e.stream(events{
		w: c.Response(), rc: http.NewResponseController(c.Response().Writer), id: call.ID, at: call.At,
		header: func(h http.Header, model string, provider http.Header) {
			setHeaders(h, d, Answer{Way: way, Model: model}, provider)
			if e.task == nil {
				_, warnings := adapt(call.Request, g.Models[model])
				setWarnings(h, slices.Concat(d.Warnings, warnings))
			}
		},
	}, call)
	defer out.close()
	var answer Answer
	var outcome policy.Outcome
	var err error
	if chat, ok := out.(*chatStream); ok && d.Budget > 0 {
		answer, outcome, err = g.searchedStream(c, chat, &call, &d, body)
	} else {
		client := c.Request().Context()
		sink, waiting, cancel := patientStream(client, call.Patience, out)
		defer cancel()
		call.Out = sink
		answer, outcome, err = g.answer(waiting, call, d)
		err = inTime(client, waiting, err)
	}
	switch {
	case err == nil:
		return g.written(out.finish(answer.Usage, g.verification(call, d, answer, outcome)))
	case !out.begun():
		g.tellSpent(c.Response().Header(), call, d, answer, outcome)
		return err
	}
	f := failureOf(c.Request().Context(), err)
	g.logFailure(c, f, err)
	if f.status != statusGone {
		out.fail(f)
	}
	return nil
}

// written takes note of a client that went away while it was answered. Its
// answer is journalled.
func (g *Gateway) written(err error) error {
	if err != nil {
		g.Log.Info("client gone", "error", err)
	}
	return nil
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
