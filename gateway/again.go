package gateway

import (
	"context"
	"math"
	"strconv"
	"time"

	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/search"
	"github.com/drover-llm/drover/policy"
)

// repeats is the temperature below which a model's second answer is much as its
// first: asking again would buy it twice.
const repeats = 0.5

// strongTries is how often a failed search of the request may ask the strong
// model.
func strongTries(call Call, route RouteConfig) int {
	t, err := strconv.ParseFloat(string(call.Request.Get("temperature")), 64)
	if route.StrongTries < 2 || !call.Task.Spec.HasTests() || err == nil && t < repeats {
		return 1
	}
	return route.StrongTries
}

// insist asks the strong model, and again while its answer fails the tests, for as
// long as that pays, there is time, and what was held covers it: nothing more is
// held than for one call, but samples and calls mostly cost far less than they
// might, and the output limit is lowered where that helps. The last answer is
// handed out; the outcome has the others beside it.
func (r searched) insist(ctx context.Context, call Call, d Decision, searched Answer, result search.Result) (Answer, error) {
	if r.plan.strongTries < 2 {
		return r.escalate(ctx, call, d, searched, result)
	}
	call.Out = nil // what may be replaced is not handed out before it is judged
	asked := r.g.Now()
	answer, err := r.escalate(ctx, call, d, searched, result)
	for failed := 1; err == nil; failed++ {
		again, pays := r.again(call, d, answer, result, failed, asked)
		if !pays {
			break
		}
		searched.Spent = answer.Spent
		beside := append(answer.Beside, strongSample(answer))
		asked = r.g.Now()
		next, lost := again.escalate(ctx, call, d, searched, result)
		if ctx.Err() == nil && (lost != nil || next.Way != "escalated") {
			answer.Spent = next.Spent // it stays with the answer that is there
			break
		}
		next.Beside = beside
		answer, err = next, lost
	}
	return answer, err
}

// again is the search with what it may still ask the strong model, after so many
// answers that failed, the last of which was asked for at the given time; false
// where that does not pay.
func (r searched) again(call Call, d Decision, a Answer, result search.Result, failed int, asked time.Time) (searched, bool) {
	left, now := rest(d.Ceiling, a.Spent), r.g.Now()
	switch {
	case failed >= r.plan.strongTries, a.Way != "escalated", a.Report == nil || a.Report.Verdict != sandbox.Failed:
		return r, false
	case left == nil, now.Add(now.Sub(asked)).After(r.plan.deadline):
		return r, false
	}
	fit, ok := r.g.fitting(call, r.plan.escalation, *left)
	if !ok {
		return r, false
	}
	r.plan.escalation = fit
	stop, err := r.g.newStopper(r.plan, r.belief, false)
	if err != nil {
		return r, false
	}
	state := policy.State{Strong: failed, Budget: left.Float64(), Time: math.Inf(1)}
	for i, rung := range result.Rungs {
		state.Seen = append(state.Seen, policy.Seen{Failed: rung.Failed, Refused: rung.Refused})
		if rung.Drawn > 0 {
			state.Rung = i
		}
	}
	return r, stop.index.Next(state).Move == policy.Escalate
}

// strongSample is the strong model's answer as it is journalled where another one
// was handed out.
func strongSample(a Answer) policy.Sample {
	call := len(a.Spent) - 1
	return policy.Sample{Call: call, Model: a.Spent[call].Model, Temperature: 1, Verdict: string(a.Report.Verdict), Passed: a.Report.Passed}
}
