package gateway

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/search"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
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
	Out      Sink     // where chunks go; nil when a whole reply is wanted
	Debug    bool     // the client wants the decision in full
	Patience Patience // of the client's SDK

	pass *pass // the key's limits, told what was spent; nil where there are none
	// attended waits until somebody waits for the answer; nil: somebody does.
	attended func(context.Context) error

	exact bool // prompts are counted where their bytes do not fit
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
	Way       string               // direct, search, escalated or cache
	Model     string               // YAML name of the model that answered, "" when none did
	Reply     *openai.ChatResponse // nil when the chunks went to the Sink
	Usage     openai.Usage         // of the answer, as it is told to the client
	Header    http.Header          // of the provider's reply
	Report    *sandbox.Report      // of the answer that was returned; nil when it was not tested
	Search    *search.Result       // nil when there was none
	Returned  *int                 // index of the search's sample that is the answer; nil where none is
	Agreement *search.Agreement    // of samples without tests; nil where there were tests
	Spent     []policy.Call
	Warnings  []string
	Audit     bool            // everything was drawn, to learn from it
	Beside    []policy.Sample // tested answers of the strong model in whose place another one was handed out

	placed []int // by the search's calls: their places in Spent; nil: they are the first
}

// answer takes a request from its decision to its outcome. The outcome is
// journalled when it returns, whatever the error: what was spent was spent.
func (g *Gateway) answer(ctx context.Context, call Call, d Decision) (Answer, policy.Outcome, error) {
	call.pass.answers()
	d, hold, err := g.hold(ctx, call, d)
	if err != nil {
		call.pass.spent(0)
		return Answer{}, policy.Outcome{}, err
	}
	if d.Limit > 0 {
		call.Request = withLimit(call.Request, d.Limit)
	}
	d, audited := g.audit(call, d)
	settled := false
	defer func() {
		if !settled { // a panic: nobody knows what was spent
			o := g.outcome(ctx, call, d, Answer{}, errInternal)
			o.Cost = hold.Ceiling
			audited(o)
			_ = g.settle(ctx, o)
		}
	}()
	answer, err := d.Responder.Respond(ctx, call, d)
	answer.Warnings = slices.Concat(d.Warnings, answer.Warnings)
	outcome := g.outcome(ctx, call, d, answer, err)
	settled = true
	audited(outcome)
	call.pass.spent(tokensOf(outcome))
	if lost := g.settle(ctx, outcome); lost != nil {
		return Answer{}, outcome, g.observeAnswer(outcome, lost)
	}
	err = g.observeAnswer(outcome, err)
	if g.Log.Enabled(ctx, slog.LevelDebug) {
		g.Log.DebugContext(ctx, "settled", "id", outcome.ID, "key", outcome.Account.Key, "model", outcome.Model, "status", outcome.Status, "cost", string(dollars(outcome.Cost)), "took", outcome.Took)
	}
	return answer, outcome, err
}

// holdTries is how often a decision is made smaller when others took the money
// that it was fitted to.
const holdTries = 4

// hold takes the most that a request may spend out of its budgets, of all or of
// none, and journals it, before it spends. What cannot be journalled is given back.
func (g *Gateway) hold(ctx context.Context, call Call, d Decision) (Decision, policy.Hold, error) {
	h := policy.Hold{ID: call.ID, At: call.At, Account: call.Key.Account(), Route: d.Route, Budgets: d.budgets()}
	if err := g.late.settle(ctx, g.Journal); err != nil {
		return d, h, g.notHeld(ctx, err)
	}
	for try := 1; ; try++ {
		h.Ceiling = d.Ceiling
		err := g.Book.Hold(h)
		if err == nil {
			break
		}
		if !errors.Is(err, policy.ErrBudgetSpent) || try == holdTries {
			return d, h, g.refusedHold(call, d, err)
		}
		if d, err = g.fit(call, d); err != nil {
			return d, h, err
		}
	}
	if err := g.Journal.Hold(ctx, h); err != nil {
		g.Book.Cancel(h.ID)
		return d, h, g.notHeld(ctx, err)
	}
	return d, h, nil
}

// notHeld is the error of a hold that the ledger did not take.
func (g *Gateway) notHeld(ctx context.Context, err error) error {
	if ctx.Err() != nil {
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
	g.Book.Settle(o) // it is spent, whatever became of its record
	if err == nil {
		return nil
	}
	g.Log.Error("ledger", "error", err)
	if ctx.Err() == nil { // otherwise it may be written yet
		g.late.keep(o, err)
	}
	return errNotRecorded
}

// tokensOf are the tokens of all calls.
func tokensOf(o policy.Outcome) (sum int64) {
	for _, c := range o.Calls {
		sum += c.Usage.Total()
	}
	return sum
}

// baseline is what the route's first model would have cost, nil where its price is
// not known: as many tokens as the answer took.
func (g *Gateway) baseline(d Decision, u openai.Usage) *pricing.USD {
	cost, err := g.Prices.Cost(cmp.Or(d.Wanted, d.Models[0]), pricing.Usage{Prompt: u.Prompt, CachedPrompt: u.CachedPrompt, Completion: u.Completion})
	if err != nil {
		return nil
	}
	return &cost
}

// outcome says what came of a request.
func (g *Gateway) outcome(ctx context.Context, call Call, d Decision, a Answer, err error) policy.Outcome {
	o := policy.Outcome{
		ID: call.ID, At: call.At, Account: call.Key.Account(),
		Requested: call.Request.Model, Route: d.Route, Model: a.Model, Reason: d.Reason, Way: a.Way, Task: taskOf(call.Task, a.Report),
		Stream: call.Request.Stream, Calls: a.Spent, Cost: total(a.Spent),
		Status: http.StatusOK, Took: g.Now().Sub(call.At), Tags: call.Tags, Prices: g.Prices.Version(),
	}
	d.choice.note(&o)
	if a.Search != nil {
		o.Samples, o.Stop = samplesOf(*a.Search, a.placed), a.Search.Stop
		if a.Returned != nil {
			o.Samples[*a.Returned].Returned = true
		}
		o.Samples = append(o.Samples, a.Beside...)
	}
	if err != nil {
		f := failureOf(ctx, err)
		o.Status, o.Error = f.status, f.word()
	} else if d.Route != "" {
		o.Baseline = g.baseline(d, a.Usage)
	}
	return o
}
