package gateway

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/search"
	"github.com/drover-llm/drover/policy"
)

// repeats is the temperature below which a model's second answer is much as its
// first: asking again would buy it twice.
const repeats = 0.5

// defaultStrongTries is how often a failed search may ask the strong model where
// the route does not say.
const defaultStrongTries = 3

// strongTries is how often a failed search of the request may ask the strong
// model: once where a second answer would be much as the first.
func strongTries(call Call, route RouteConfig) int {
	t, err := strconv.ParseFloat(string(call.Request.Get("temperature")), 64)
	seed := call.Request.Get("seed")
	if !call.Task.Spec.HasTests() || err == nil && t < repeats || seed != nil && seed.Kind() != 'n' {
		return 1
	}
	return cmp.Or(route.StrongTries, defaultStrongTries)
}

// insist asks the strong model. When its answer fails the tests, the index says
// what then pays: to ask again, to hand out a pass that was not accepted before, or
// to leave it at that, and then the last answer is handed out. Nothing more is held
// than for one call, but samples and calls mostly cost far less than they might,
// and the output limit is lowered where that helps. The outcome has the strong
// model's other answers beside the one that is handed out.
func (r searched) insist(ctx context.Context, call Call, d Decision, searched Answer, result search.Result) (Answer, error) {
	inHand := firstPass(result) >= 0
	if call.Out != nil {
		foreseen := append(slices.Clone(searched.Spent), policy.Call{Cost: &r.plan.escalation.cost})
		if _, move := r.after(call, d, foreseen, result, 1, r.g.Now()); !inHand && move != policy.Escalate {
			return r.escalate(ctx, call, d, searched, result) // nothing will replace it: it is streamed as it comes
		}
		call.Out = nil
	}
	asked, tries := r.g.Now(), r.plan.strongTries
	answer, err := r.escalate(ctx, call, d, searched, result)
	for failed := 1; err == nil && answer.Way == "escalated" && answer.Report != nil && answer.Report.Verdict == sandbox.Failed; {
		r.plan.strongTries = tries
		again, move := r.after(call, d, answer.Spent, result, failed, asked)
		if move == policy.Take && inHand {
			answer.Beside = append(answer.Beside, strongSample(answer))
			return r.fallBack(answer, result)
		}
		if move != policy.Escalate {
			break
		}
		searched.Spent = answer.Spent
		asked = r.g.Now()
		next, lost := again.escalate(ctx, call, d, searched, result)
		if ctx.Err() == nil && (lost != nil || next.Way != "escalated") {
			answer.Spent, tries = next.Spent, failed // no more: what is there already is the answer
			continue
		}
		next.Beside = append(answer.Beside, strongSample(answer))
		answer, err = next, lost
		failed++
	}
	if err != nil && inHand && ctx.Err() == nil {
		answer.Warnings = append(answer.Warnings, d.Models[0]+" could not answer, so this is a sample that passes the tests, of which another answer was wanted for confirmation")
		return r.fallBack(answer, result)
	}
	return answer, err
}

// fallBack hands out the pass in hand in place of the strong model's answer.
func (r searched) fallBack(strong Answer, result search.Result) (Answer, error) {
	result.Winner = result.Best
	strong.Way, strong.Search, strong.Header = "search", &result, nil
	return r.hand(strong, result, result.Winner)
}

// after is what pays after so many answers of the strong model that failed, the
// last of which was asked for at the given time: to ask again, as the returned
// search does within what is left of the hold and the time, to take the pass in
// hand, or neither.
func (r searched) after(call Call, d Decision, spent []policy.Call, result search.Result, failed int, asked time.Time) (searched, policy.Move) {
	state := policy.State{Strong: failed, Groups: result.Groups, Time: math.Inf(1)}
	left, now := rest(d.Ceiling, spent), r.g.Now()
	if left != nil && failed < r.plan.strongTries && !now.Add(now.Sub(asked)).After(r.plan.deadline) {
		if fit, ok := r.g.fitting(call, r.plan.escalation, *left); ok {
			r.plan.escalation, state.Budget = fit, left.Float64()
		}
	}
	stop, err := r.g.newStopper(r.plan, r.belief, r.compares(call))
	if err != nil {
		return r, policy.GiveUp
	}
	for i, rung := range result.Rungs {
		state.Seen = append(state.Seen, policy.Seen{Failed: rung.Failed, Refused: rung.Refused})
		if rung.Drawn > 0 {
			state.Rung = i
		}
	}
	return r, stop.index.Next(state).Move
}

// strongSample is the strong model's answer as it is journalled where another one
// was handed out.
func strongSample(a Answer) policy.Sample {
	call := len(a.Spent) - 1
	return policy.Sample{Call: call, Model: a.Spent[call].Model, Temperature: 1, Verdict: string(a.Report.Verdict), Passed: a.Report.Passed}
}
