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
// what then pays: to draw further samples, to ask again, to hand out a pass that was
// not accepted before, or to leave it at that, and then the last answer is handed
// out. No more is held for it than for one search and one call, but samples and calls
// mostly cost far less than they might, and the output limit is lowered where that
// helps. The outcome has the strong model's other answers beside the one that is
// handed out.
func (r searched) insist(ctx context.Context, call Call, d Decision, hunt *search.Search, found Answer) (Answer, error) {
	tries := r.plan.strongTries
	if call.Out != nil {
		foreseen := append(slices.Clone(found.Spent), policy.Call{Cost: &r.plan.escalation.cost})
		if next := r.after(call, d, foreseen, *found.Search, 1, tries, 0); next.move(call, *found.Search, drawable(*found.Search)) == policy.GiveUp {
			return r.escalate(ctx, call, d, found) // nothing will replace it: it is streamed as it comes
		}
		call.Out = nil
	}
	var answer Answer // the strong model's last
	var failed []policy.Sample
	found.Warnings = slices.Clip(found.Warnings) // every answer adds its own
	for again := r; ; {
		asked := r.g.Now()
		next, err := again.escalate(ctx, call, d, found)
		found.Spent, next.Beside = next.Spent, failed
		switch came := err == nil && next.Way == "escalated"; {
		case came && (next.Report == nil || next.Report.Verdict != sandbox.Failed):
			return next, nil
		case came:
			answer, failed = next, append(failed, strongSample(next))
		case ctx.Err() != nil:
			return next, err
		case len(failed) > 0:
			tries = len(failed) // no more: what is there already is the answer
		case err != nil && firstPass(*found.Search) >= 0:
			found.Warnings = append(found.Warnings, d.Models[0]+" could not answer, so this is a sample that passes the tests, of which another answer was wanted for confirmation")
			return r.handBest(found)
		default:
			return next, err
		}
		found.Beside = failed
		took := r.g.Now().Sub(asked)
		again = r.after(call, d, found.Spent, *found.Search, len(failed), tries, took)
		if err := again.resume(ctx, call, hunt, &found); err != nil {
			return found, err
		}
		if _, ok := found.Search.Accepted(); ok {
			return r.hand(found, *found.Search, found.Search.Winner)
		}
		again = r.after(call, d, found.Spent, *found.Search, len(failed), tries, took) // less is left
		switch move := again.move(call, *found.Search, 0); {
		case move == policy.Take:
			return r.handBest(found)
		case move != policy.Escalate:
			answer.Spent, answer.Search, answer.placed, answer.Beside = found.Spent, found.Search, found.placed, failed[:len(failed)-1]
			return answer, nil
		}
	}
}

// handBest hands out the pass in hand in place of the strong model's answer.
func (r searched) handBest(found Answer) (Answer, error) {
	result := *found.Search
	result.Winner, found.Search = result.Best, &result
	return r.hand(found, result, result.Winner)
}

// after is the search as it stands after so many answers of the strong model that
// failed, the last of which took so long: of what is left of the hold, one more call
// takes its worst case, if there is the time for it, and further samples the rest.
func (r searched) after(call Call, d Decision, spent []policy.Call, result search.Result, failed, tries int, took time.Duration) searched {
	r.plan.failed, r.plan.strongTries = failed, failed
	left := rest(d.Ceiling, spent)
	if left == nil { // no bound is known, nor that a second call would keep one
		return r
	}
	money := *left
	if failed < tries && !r.g.Now().Add(took).After(r.plan.deadline) {
		few, err := r.plan.bounds[len(r.plan.bounds)-1].Mul(samplesFirst)
		fit, ok := r.g.fitting(call, r.plan.escalation, money-min(few, money))
		if err != nil || !ok {
			fit, ok = r.g.fitting(call, r.plan.escalation, money)
		}
		if ok {
			r.plan.escalation, r.plan.strongTries = fit, tries
			money -= *fit.bound
		}
	}
	calls := callsOf(r.g, result)
	if charge := (policy.Outcome{Calls: calls, Cost: total(calls)}).Charge(); charge != nil {
		money += *charge
	}
	r.plan.ceiling = &money
	return r
}

// resume draws further samples where that pays.
func (r searched) resume(ctx context.Context, call Call, hunt *search.Search, found *Answer) error {
	stop, err := r.g.newStopper(r.plan, r.belief, r.compares(call))
	if err != nil {
		return err
	}
	result, err := hunt.Resume(ctx, stop, r.plan.money(), r.until(call))
	found.add(r.g, result)
	if err != nil {
		return lostSearch(ctx, err, result)
	}
	return nil
}

// add takes in what a search that was taken up again has come to.
func (a *Answer) add(g *Gateway, result search.Result) {
	known := len(a.Search.Calls)
	if a.placed == nil {
		for i := range known {
			a.placed = append(a.placed, i)
		}
	}
	for _, c := range callsOf(g, result)[known:] {
		a.placed = append(a.placed, len(a.Spent))
		a.Spent = append(a.Spent, c)
	}
	a.Search = &result
}

// later reports whether the sample that is handed out was drawn after the strong
// model had failed.
func (a *Answer) later() bool {
	return a.Returned != nil && a.placed != nil && a.placed[a.Search.Samples[*a.Returned].Call] > a.Beside[0].Call
}

// move is what the index wants where so many more samples may be drawn.
func (r searched) move(call Call, result search.Result, samples int) policy.Move {
	stop, err := r.g.newStopper(r.plan, r.belief, r.compares(call))
	if err != nil {
		return policy.GiveUp
	}
	state := search.State{Rungs: result.Rungs, Samples: samples, Groups: result.Groups, Time: math.MaxInt64}
	if samples > 0 {
		state.Money = math.MaxInt64
	}
	for i, rung := range result.Rungs {
		if rung.Drawn > 0 {
			state.Rung = i
		}
	}
	return stop.index.Next(stop.state(state)).Move
}

// drawable is how many samples a search that ended might still draw.
func drawable(r search.Result) (n int) {
	switch r.Stop {
	case search.StopGaveUp, search.StopSamples, search.StopBudget:
		for _, rung := range r.Rungs {
			n += rung.Left
		}
	}
	return n
}

// strongSample is the strong model's answer as it is journalled where another one
// was handed out.
func strongSample(a Answer) policy.Sample {
	call := len(a.Spent) - 1
	return policy.Sample{Call: call, Model: a.Spent[call].Model, Temperature: 1, Verdict: string(a.Report.Verdict), Passed: a.Report.Passed}
}
