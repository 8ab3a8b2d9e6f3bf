package search

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/pricing"
)

// Find draws samples in batches until one passes the task's tests and is
// accepted, or the Stopper or a limit ends the search. The first accepted pass
// cancels whatever still runs. When Find returns, no call and no run of it is
// left; the Result is complete also beside an error, which is ctx's or that of a
// plan or tests that cannot be used.
func Find(ctx context.Context, t Task, p Plan) (Result, error) {
	s, err := Begin(t, p)
	if err != nil {
		return s.result, err
	}
	return s.Find(ctx)
}

// run searches until the search ends.
func (f *finder) run(ctx context.Context) (Result, error) {
	err := f.find(ctx)
	f.result.Took, f.result.Groups = f.plan.Now().Sub(f.started), f.sizes()
	if f.result.Best = f.result.best(); len(f.groups) > 0 && f.result.Winner < 0 {
		f.result.Best = f.inHand()
	}
	return f.result, err
}

// finder is a search that runs. Everything in it belongs to the goroutine of
// Find; others hand it events.
type finder struct {
	task    Task
	plan    Plan
	base    *openai.ChatRequest
	result  Result
	started time.Time

	left  int         // samples over all rungs
	asked []int       // samples asked for, by rung
	spent pricing.USD // as far as is known; the bound where a cost is not
	tests int         // checks that the tests make
	rung  int         // of the last batch
	waits []time.Duration

	runs    map[Hash]*run
	groups  []group // of the passes that were not accepted, where they are compared
	batch   batch
	events  chan func()
	pending int // goroutines that owe an event
	err     error
}

// find makes batch after batch.
func (f *finder) find(ctx context.Context) error {
	outer := ctx
	if !f.plan.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.plan.Deadline.Sub(f.plan.Now()))
		defer cancel()
	}
	for f.result.Stop == "" {
		rung, n, stop := f.next(ctx)
		if stop != "" {
			f.end(stop)
			break
		}
		if f.err != nil {
			return f.err
		}
		f.draw(ctx, rung, n)
	}
	if f.err == nil && f.result.Winner < 0 {
		f.err = outer.Err()
	}
	return f.err
}

// next is the next batch, cut to what the limits leave, or why there is none.
func (f *finder) next(ctx context.Context) (rung, n int, stop string) {
	state := f.state()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return f.last(state, StopDeadline)
	case ctx.Err() != nil:
		return 0, 0, StopCancelled
	case state.Time <= state.Batch:
		return f.last(state, StopDeadline)
	case f.left <= 0:
		return f.last(state, StopSamples)
	}
	move := f.plan.Stopper.Next(state)
	if move.Take && f.take() {
		return 0, 0, StopPassed
	}
	if move.Samples <= 0 {
		return 0, 0, first(move.Stop, StopGaveUp)
	}
	if move.Rung < 0 || move.Rung >= len(f.plan.Rungs) {
		f.err = fmt.Errorf("search: the stopper chose rung %d of %d", move.Rung, len(f.plan.Rungs))
		return 0, 0, ""
	}
	rung = move.Rung
	for f.result.Rungs[rung].Ended {
		if rung++; rung == len(f.plan.Rungs) {
			return f.last(state, StopProvider)
		}
	}
	if n = min(move.Samples, f.left, f.result.Rungs[rung].Left); n <= 0 {
		return f.last(state, StopSamples)
	}
	if bound := f.plan.Rungs[rung].Bound; bound > 0 {
		if n = int(min(int64(n), max(int64(state.Money/bound), 0))); n == 0 {
			return f.last(state, StopBudget)
		}
	}
	return rung, n, ""
}

// last ends a search that cannot go on. It first offers the Stopper the best pass
// that was refused while more could be drawn.
func (f *finder) last(state State, why string) (rung, n int, stop string) {
	state.Samples, state.Time = 0, max(state.Time, 0)
	if f.inHand() >= 0 && f.plan.Stopper.Next(state).Take && f.take() {
		return 0, 0, StopPassed
	}
	return 0, 0, why
}

// state is what the Stopper is shown.
func (f *finder) state() State {
	s := State{Rungs: slices.Clone(f.result.Rungs), Rung: f.rung, Tests: f.tests, Samples: f.left, Groups: f.sizes(), Time: math.MaxInt64, Batch: f.longestWait()}
	s.Money = max(f.plan.Ceiling-f.spent, 0)
	if !f.plan.Deadline.IsZero() {
		s.Time = f.plan.Deadline.Sub(f.plan.Now())
	}
	return s
}

// longestWait is the 95 % quantile of the batches so far: with less time than
// that another one is likely to be paid for and thrown away.
func (f *finder) longestWait() time.Duration {
	if len(f.waits) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(f.waits))
	return sorted[(len(sorted)*95+99)/100-1]
}

// end notes why the search ends, the first reason counts, and cancels what runs.
func (f *finder) end(why string) {
	if f.result.Stop == "" {
		f.result.Stop = why
	}
	if f.batch.cancel != nil {
		f.batch.cancel()
	}
}

// spend counts a charge against the ceiling. What a call of an unknown price
// cost is taken for its bound.
func (f *finder) spend(c Charge, bound pricing.USD) {
	cost := bound
	if c.Cost != nil {
		cost = *c.Cost
	}
	if c.Most != nil {
		cost = max(cost, *c.Most)
	}
	sum, err := f.spent.Add(cost)
	if err != nil {
		sum = math.MaxInt64
	}
	f.spent = sum
}

// verdict counts a sample's verdict, and asks whether a pass is accepted.
func (f *finder) verdict(i int, r sandbox.Report) {
	s := &f.result.Samples[i]
	s.Verdict, s.Report = r.Verdict, r
	s.Judged = f.plan.Now().Sub(f.started) - s.At
	rung := &f.result.Rungs[s.Rung]
	f.tests = max(f.tests, r.Total)
	switch {
	case r.Verdict == sandbox.Failed:
		rung.Failed++
	case r.Verdict != sandbox.Passed:
		rung.Unjudged++
	case f.result.Winner >= 0:
	case f.result.Stop == "" && f.accepts(i):
		f.result.Winner = i
		f.end(StopPassed)
	default:
		f.refuse(i)
	}
}

// accepts asks whether a sample that passed is taken. An equal program, too,
// confirms what passed before.
func (f *finder) accepts(i int) bool {
	s := f.state()
	if g := f.groupOf(i); g >= 0 {
		s.Alike = len(f.groups[g].samples)
	}
	return f.plan.Stopper.Accept(s)
}
