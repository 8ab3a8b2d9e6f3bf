package gateway

import (
	"context"
	"net/http"
	"time"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/search"
	"github.com/drover-llm/drover/policy"
)

// Call is one request on its way through Drover.
type Call struct {
	ID       string // of the answer, "chatcmpl-…"
	At       time.Time
	Key      policy.Key
	Request  *openai.ChatRequest // as the client sent it
	Task     search.Task
	Prompt   *openai.ChatRequest // what a model is asked directly; nil: the request, as the task has it
	Tags     map[string]string
	Out      Sink          // where chunks go; nil when a whole reply is wanted
	Debug    bool          // the client wants the decision in full
	Patience time.Duration // after which the client's SDK gives up, 0 when it did not say
}

// prompt is what a model is asked directly.
func (c Call) prompt() *openai.ChatRequest {
	if c.Prompt != nil {
		return c.Prompt
	}
	return c.Task.Request(c.Request)
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
	Way      string               // direct, search, escalated or cache
	Model    string               // YAML name of the model that answered, "" when none did
	Reply    *openai.ChatResponse // nil when the chunks went to the Sink
	Usage    openai.Usage         // of the answer, as it is told to the client
	Header   http.Header          // of the provider's reply
	Report   *sandbox.Report      // of the answer that was returned; nil when it was not tested
	Search   *search.Result       // nil when there was none
	Spent    []policy.Call
	Warnings []string
}

// answer takes a request from its decision to its outcome. The outcome is
// journalled when it returns, whatever the error: what was spent was spent.
func (g *Gateway) answer(ctx context.Context, call Call, d Decision) (Answer, policy.Outcome, error) {
	hold := policy.Hold{ID: call.ID, At: call.At, Account: call.Key.Account(), Route: d.Route, Ceiling: d.Ceiling}
	if err := g.hold(ctx, hold); err != nil {
		return Answer{}, policy.Outcome{}, err
	}
	settled := false
	defer func() {
		if !settled { // a panic: nobody knows what was spent
			o := g.outcome(ctx, call, d, Answer{}, errInternal)
			o.Cost = hold.Ceiling
			_ = g.settle(ctx, o)
		}
	}()
	answer, err := d.Responder.Respond(ctx, call, d)
	outcome := g.outcome(ctx, call, d, answer, err)
	settled = true
	if lost := g.settle(ctx, outcome); lost != nil {
		return Answer{}, outcome, lost
	}
	g.Log.DebugContext(ctx, "settled", "id", outcome.ID, "key", outcome.Account.Key, "model", outcome.Model, "status", outcome.Status, "cost", string(dollars(outcome.Cost)), "took", outcome.Took)
	return answer, outcome, err
}

// hold journals the most that a request may spend, before it spends.
func (g *Gateway) hold(ctx context.Context, h policy.Hold) error {
	err := g.late.settle(ctx, g.Journal)
	if err == nil {
		err = g.Journal.Hold(ctx, h)
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return &openai.CallError{Failure: openai.Cancelled, Err: err}
	}
	g.Log.Error("ledger", "error", err)
	return errNoLedger
}

// settleWithin bounds the wait for the ledger once an answer is there.
const settleWithin = 30 * time.Second

// settle outlives the request: a client that hangs up has still spent.
func (g *Gateway) settle(ctx context.Context, o policy.Outcome) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	err := g.Journal.Settle(ctx, o)
	if err == nil {
		return nil
	}
	g.Log.Error("ledger", "error", err)
	if ctx.Err() == nil { // otherwise it may be written yet
		g.late.keep(o, err)
	}
	return errNotRecorded
}

// outcome says what came of a request.
func (g *Gateway) outcome(ctx context.Context, call Call, d Decision, a Answer, err error) policy.Outcome {
	o := policy.Outcome{
		ID: call.ID, At: call.At, Account: call.Key.Account(),
		Requested: call.Request.Model, Route: d.Route, Model: a.Model, Reason: d.Reason, Way: a.Way, Task: taskOf(call.Task, a.Report),
		Stream: call.Request.Stream, Calls: a.Spent, Cost: total(a.Spent),
		Status: http.StatusOK, Took: g.Now().Sub(call.At), Tags: call.Tags, Prices: g.Prices.Version(),
	}
	if a.Search != nil {
		o.Samples, o.Stop = samplesOf(*a.Search), a.Search.Stop
	}
	if err != nil {
		f := failureOf(ctx, err)
		o.Status, o.Error = f.status, f.word()
	}
	return o
}
