package search

import (
	"context"
	"time"

	"github.com/drover-llm/drover/pricing"
)

// Search is one that may be taken up again after it ended with no pass accepted:
// when whoever was asked in its place does no better. It is for one goroutine.
type Search struct{ finder }

// Begin sets up a search, and fails where the plan cannot be used.
func Begin(t Task, p Plan) (*Search, error) {
	s := &Search{finder{task: t, plan: p, runs: map[Hash]*run{}, asked: make([]int, len(p.Rungs)), events: make(chan func())}}
	s.result = Result{Winner: -1, Best: -1, Rungs: make([]RungState, len(p.Rungs))}
	if err := p.check(); err != nil {
		return s, err
	}
	s.base, s.started = t.Request(p.Request), p.Now()
	s.left, s.tests = p.total(), t.Checks()
	for i := range p.Rungs {
		s.result.Rungs[i].Left = p.samples(i)
	}
	return s, nil
}

// Find runs the search as [Find] does.
func (s *Search) Find(ctx context.Context) (Result, error) { return s.run(ctx) }

// Resume takes the search up where it ended, under another Stopper, and within a
// ceiling and a deadline that count as those of the plan: for all calls, also the
// earlier ones, and until what still runs is cancelled. All that was drawn and judged
// counts, and no more samples are drawn in all than the plan allows. A search that
// ended for good, with a pass accepted or because nothing more can be judged, stays
// as it is; one that draws nothing more keeps the reason for its end. The Result
// takes the place of the earlier one.
func (s *Search) Resume(ctx context.Context, stopper Stopper, ceiling pricing.USD, deadline time.Time) (Result, error) {
	ended, batches := s.result.Stop, s.result.Batches
	switch ended {
	case "", StopPassed, StopRunner, StopLanguage, StopNothingSaid, StopCancelled: // "": there was an error
		return s.result, s.err
	}
	s.plan.Stopper, s.plan.Ceiling, s.plan.Deadline = stopper, ceiling, deadline
	s.result.Stop = ""
	r, err := s.run(ctx)
	if s.result.Batches == batches && s.result.Winner < 0 {
		s.result.Stop = ended
		r.Stop = ended
	}
	return r, err
}
