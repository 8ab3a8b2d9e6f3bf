package gateway

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/search"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// searched answers with the first sample of a cheap model that passes the tests
// and is accepted; when none is, with one call to the strong model.
type searched struct {
	g      *Gateway
	plan   searchPlan
	belief *policy.Belief // of the models and the tests
}

// Respond searches, and escalates where that is due.
func (r searched) Respond(ctx context.Context, call Call, d Decision) (Answer, error) {
	answer := Answer{Way: "search", Warnings: r.plan.warnings}
	compare := r.compares(call)
	stop, err := r.g.newStopper(r.plan, r.belief, compare)
	if err != nil {
		return answer, err
	}
	plan := r.search(call, stop)
	plan.Compare = compare
	hunt, err := search.Begin(call.Task, plan)
	if err != nil {
		return answer, err
	}
	result, err := hunt.Find(ctx)
	answer.Search, answer.Spent = &result, callsOf(r.g, result)
	if err != nil {
		return answer, lostSearch(ctx, err, result)
	}
	if _, ok := result.Accepted(); ok {
		return r.hand(answer, result, result.Winner)
	}
	switch {
	case r.plan.escalates && ctx.Err() == nil:
		return r.insist(ctx, call, d, hunt, answer)
	case call.Task.Spec.OnFail == search.OnFailError:
		if result.Best >= 0 {
			answer.Report = &result.Samples[result.Best].Report
		}
		return answer, nothingPassed(result)
	case result.Best >= 0:
		return r.hand(answer, result, result.Best)
	case len(result.Samples) > 0: // nothing could be judged
		return r.hand(answer, result, 0)
	}
	return answer, noSample(result)
}

// compares says whether passes are compared: where a wrong answer costs something
// that a strong one would save.
func (r searched) compares(call Call) bool {
	return r.plan.escalates && len(r.plan.rungs) == 1 && r.plan.goal.ValueOfCorrect > 0 && call.Task.Comparable()
}

// search is the plan as the search takes it.
func (r searched) search(call Call, stop search.Stopper) search.Plan {
	plan := search.Plan{
		Request: r.plan.request, Stopper: stop, Runner: r.g.Sandbox, Ceiling: r.plan.money(), MaxSamples: r.plan.maxSamples,
		Deadline: r.until(call), Now: r.g.Now,
	}
	for i, rung := range r.plan.rungs {
		plan.Rungs = append(plan.Rungs, r.rung(rung, r.plan.bounds[i]))
	}
	return plan
}

// until is when the search ends: early enough for the strong model, if that may be
// asked.
func (r searched) until(call Call) time.Time {
	if reserve := min(strongReserve, r.plan.deadline.Sub(call.At)/3); reserve > 0 && r.plan.open() {
		return r.plan.deadline.Add(-reserve)
	}
	return r.plan.deadline
}

// rung is one model of the search.
func (r searched) rung(c RungConfig, bound pricing.USD) search.Rung {
	model := r.g.Models[c.Model]
	return search.Rung{
		Model: c.Model, Sampler: sampler{model}, MaxSamples: c.MaxSamples, First: *c.First.Temperature, Then: *c.Then.Temperature,
		SupportsN: model.SupportsN, Bound: bound,
		Charge: func(q *openai.ChatRequest, reply *openai.ChatResponse, err error) search.Charge {
			bill := meter{g: r.g, name: c.Model, model: model, request: q, tries: 1}
			if reply != nil {
				bill.usage = reply.Usage
				for _, choice := range reply.Choices {
					bill.text = choice.AppendText(bill.text)
				}
			}
			spent, _ := bill.settle(err, 0)
			return search.Charge{Usage: spent[0].Usage, Counted: spent[0].Counted, Cost: spent[0].Cost, Most: spent[0].Most, Tries: spent[0].Tries}
		},
	}
}

// sampler asks a model as its host takes it.
type sampler struct{ model Model }

func (s sampler) Complete(ctx context.Context, q *openai.ChatRequest) (*openai.ChatResponse, error) {
	adapted, _ := adapt(q, s.model)
	reply, err := s.model.Client.Complete(ctx, adapted)
	return reply.ChatResponse, err
}

// hand gives out the sample of this index.
func (r searched) hand(a Answer, result search.Result, i int) (Answer, error) {
	s := result.Samples[i]
	a.Returned, a.Model = new(i), s.Model
	if s.Verdict != "" {
		a.Report = &s.Report
	}
	charge := result.Calls[s.Call].Charge.Usage
	a.Usage = openai.Usage{Prompt: charge.Prompt, CachedPrompt: charge.CachedPrompt, Completion: charge.Completion}
	if result.Calls[s.Call].Asked > 1 {
		a.Usage.Completion = min(charge.Completion, int64(r.g.Models[s.Model].Family.Count(s.Text)))
	}
	a.Reply = &openai.ChatResponse{Choices: []openai.Choice{s.Choice}}
	return a, nil
}

// whole is the request for a reply that is not streamed: whoever waits for a
// search gets its answer in pieces once it is there.
func whole(q *openai.ChatRequest) *openai.ChatRequest {
	if !q.Stream {
		return q
	}
	asked := *q
	asked.Object = q.Object.Without("stream").Without("stream_options")
	asked.Stream, asked.IncludeUsage = false, false
	return &asked
}

// callsOf are the search's calls as they are journalled.
func callsOf(g *Gateway, r search.Result) []policy.Call {
	calls := make([]policy.Call, len(r.Calls))
	for i, c := range r.Calls {
		calls[i] = policy.Call{Model: c.Model, Provider: g.Models[c.Model].Client.Provider(), Usage: c.Charge.Usage, Counted: c.Charge.Counted,
			Cost: c.Charge.Cost, Most: c.Charge.Most, Tries: c.Charge.Tries, Finish: c.Finish, Took: c.Took, Status: http.StatusOK}
		var failed *openai.CallError
		if errors.As(c.Err, &failed) {
			calls[i].Status, calls[i].Error = failed.Status, string(failed.Failure)
		}
	}
	return calls
}

// samplesOf are the search's samples as they are journalled. placed has the places of
// the search's calls among those of the request, nil where they are the first.
func samplesOf(r search.Result, placed []int) []policy.Sample {
	samples := make([]policy.Sample, len(r.Samples))
	for i, s := range r.Samples {
		samples[i] = policy.Sample{Call: s.Call, Model: s.Model, Temperature: s.Temperature, Hash: hex.EncodeToString(s.Candidate.Hash[:]),
			Verdict: string(s.Verdict), Passed: s.Report.Passed, Took: s.At, Judged: s.Judged}
		if placed != nil {
			samples[i].Call = placed[s.Call]
		}
		if s.Equals >= 0 {
			samples[i].Equals = new(s.Equals)
		}
	}
	return samples
}

// lostSearch is the error of a search that its client, or a fault, ended.
func lostSearch(ctx context.Context, err error, r search.Result) error {
	if ctx.Err() != nil {
		return &openai.CallError{Failure: openai.Cancelled, Spent: len(r.Calls) > 0, Err: err}
	}
	return err
}

// nothingPassed is the answer to on_fail: error.
func nothingPassed(r search.Result) *failure {
	tested, _ := r.Tested()
	if tested == 0 {
		return unverified("No sample could be tested within the budget (" + r.Stop + ").")
	}
	return unverified("No sample passed the tests within the budget.")
}

// unverified is the error of a request that wants a verified answer or none.
func unverified(message string) *failure {
	return &failure{status: http.StatusUnprocessableEntity, final: true, body: openai.Error{
		Message: message, Type: "verification_failed", Param: "verify", Code: "verification_failed"}}
}

// noSample is the error of a search whose models did not answer at all.
func noSample(r search.Result) error {
	spent := false
	var last *openai.CallError
	for _, c := range r.Calls {
		var failed *openai.CallError
		if errors.As(c.Err, &failed) {
			last = failed
			spent = spent || failed.Spent
		}
	}
	if last == nil {
		return &openai.CallError{Failure: openai.TimedOut, Err: errors.New("the search ended without a sample: " + r.Stop)}
	}
	e := *last
	e.Spent = spent
	if e.Failure == openai.Cancelled { // by the search's own deadline: its client is there
		e.Failure = openai.TimedOut
	}
	return &e
}

// judgedTimes are the times that the verify object tells of a search.
func judgedTimes(r *search.Result) (sampling, testing time.Duration) {
	if r == nil {
		return 0, 0
	}
	return r.Sampling, r.Testing
}
