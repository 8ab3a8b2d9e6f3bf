package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/policy"
)

// Call is one request on its way through Drover.
type Call struct {
	ID      string // of the answer, "chatcmpl-…"
	At      time.Time
	Key     policy.Key
	Request *openai.ChatRequest
	Tags    map[string]string
	Out     Sink // where chunks go; nil when a whole reply is wanted
}

// Sink takes a streamed answer as it is made.
type Sink interface {
	// Begin is called once, before the first chunk, with the YAML name of the
	// model that answers and the header of its provider's reply.
	Begin(model string, h http.Header)
	Chunk(c openai.Chunk) error // an error means that the client has gone
}

// Responder answers a decided request. Whatever it spends it reports, also
// beside an error.
type Responder interface {
	Respond(ctx context.Context, call Call, d Decision) (Answer, error)
}

// Answer is what a Responder came back with.
type Answer struct {
	Model    string               // YAML name of the model that answered, "" when none did
	Reply    *openai.ChatResponse // nil when the chunks went to the Sink
	Usage    openai.Usage         // of the answer, as it is told to the client
	Header   http.Header          // of the provider's reply
	Spent    []policy.Call
	Warnings []string
}

// answer takes a request from its decision to its outcome. The outcome is
// journalled when it returns, whatever the error: what was spent was spent.
func (g *Gateway) answer(ctx context.Context, call Call, d Decision) (Answer, policy.Outcome, error) {
	hold := policy.Hold{ID: call.ID, At: call.At, Account: call.Key.Account(), Route: d.Route, Ceiling: g.ceiling(call.Request, d)}
	if err := g.Journal.Hold(ctx, hold); err != nil {
		return Answer{}, policy.Outcome{}, g.unjournalled(ctx, err, errNoLedger)
	}
	answer, err := d.Responder.Respond(ctx, call, d)
	outcome := g.outcome(ctx, call, d, answer, err)
	if lost := g.settle(ctx, outcome); lost != nil {
		return Answer{}, outcome, lost
	}
	g.Log.DebugContext(ctx, "settled", "id", outcome.ID, "key", outcome.Account.Key, "model", outcome.Model, "status", outcome.Status, "cost", string(dollars(outcome.Cost)), "took", outcome.Took)
	return answer, outcome, err
}

// settleWithin bounds the wait for the ledger once an answer is there.
const settleWithin = 30 * time.Second

// settle outlives the request: a client that hangs up has still spent.
func (g *Gateway) settle(ctx context.Context, o policy.Outcome) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	if err := g.Journal.Settle(ctx, o); err != nil {
		return g.unjournalled(ctx, err, errNotRecorded)
	}
	return nil
}

// unjournalled logs why the ledger took nothing and says what the client gets.
func (g *Gateway) unjournalled(ctx context.Context, err error, f *failure) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return &openai.CallError{Failure: openai.Cancelled, Err: err}
	}
	g.Log.Error("ledger", "error", err)
	return f
}

// outcome says what came of a request.
func (g *Gateway) outcome(ctx context.Context, call Call, d Decision, a Answer, err error) policy.Outcome {
	o := policy.Outcome{
		ID: call.ID, At: call.At, Account: call.Key.Account(),
		Requested: call.Request.Model, Route: d.Route, Model: a.Model, Reason: d.Reason,
		Stream: call.Request.Stream, Calls: a.Spent, Cost: total(a.Spent),
		Status: http.StatusOK, Took: g.Now().Sub(call.At), Tags: call.Tags, Prices: g.Prices.Version(),
	}
	if err != nil {
		f := failureOf(ctx, err)
		o.Status, o.Error = f.status, f.body.Code
		if o.Error == "" {
			o.Error = f.body.Type
		}
	}
	return o
}
