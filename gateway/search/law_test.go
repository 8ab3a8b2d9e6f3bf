package search

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/pricing"
)

// world is a search's surroundings, drawn at random before time is made synthetic.
type world struct {
	models   []*scripted
	bounds   []pricing.USD
	n        []bool
	most     []int
	moves    []Move
	refuse   int // passes that the stopper refuses
	compare  bool
	runFor   time.Duration
	down     string
	ceiling  pricing.USD
	samples  int
	deadline time.Duration
	cancel   time.Duration
	resumed  []resumption
}

// resumption is how a search that ended is taken up again.
type resumption struct {
	after, deadline time.Duration // until then, and of it from then on
	ceiling         pricing.USD   // for all calls
	moves           []Move
}

func drawWorld(t *rapid.T) world {
	milliseconds := func(name string, most int) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, name)) * time.Millisecond
	}
	w := world{
		refuse: rapid.IntRange(0, 4).Draw(t, "refuse"), compare: rapid.Bool().Draw(t, "compare"), runFor: milliseconds("run", 300), ceiling: pricing.USD(rapid.IntRange(0, 400).Draw(t, "ceiling")),
		samples: rapid.IntRange(0, 20).Draw(t, "samples"), deadline: milliseconds("deadline", 5000), cancel: milliseconds("cancel", 5000),
	}
	if rapid.Bool().Draw(t, "is down") {
		w.down = "down"
	}
	failures := []openai.Failure{openai.Unavailable, openai.RateLimited, openai.Denied, openai.TimedOut, openai.Cut}
	texts := []string{"pass", "fail 1", "fail 2", "fail # 3", "half", "lost", "```python\nfail\n```", "", "pass 2"}
	for range rapid.IntRange(1, 3).Draw(t, "rungs") {
		m := &scripted{}
		for range rapid.IntRange(1, 8).Draw(t, "script") {
			s := said{text: rapid.SampledFrom(texts).Draw(t, "text"), delay: milliseconds("delay", 2000)}
			if rapid.IntRange(0, 4).Draw(t, "fails") == 0 {
				s.err = &openai.CallError{Failure: rapid.SampledFrom(failures).Draw(t, "failure"), Spent: true}
			}
			m.script = append(m.script, s)
		}
		w.models = append(w.models, m)
		w.bounds = append(w.bounds, pricing.USD(rapid.IntRange(0, 30).Draw(t, "bound")))
		w.n = append(w.n, rapid.Bool().Draw(t, "n"))
		w.most = append(w.most, rapid.IntRange(0, 12).Draw(t, "most"))
	}
	moves := func() (all []Move) {
		for range rapid.IntRange(0, 6).Draw(t, "moves") {
			all = append(all, Move{Rung: rapid.IntRange(0, len(w.models)-1).Draw(t, "rung"), Samples: rapid.IntRange(0, 9).Draw(t, "size"), Take: rapid.Bool().Draw(t, "take")})
		}
		return all
	}
	w.moves = moves()
	for range rapid.IntRange(0, 2).Draw(t, "resumptions") {
		w.resumed = append(w.resumed, resumption{milliseconds("away", 2000), milliseconds("deadline", 5000), pricing.USD(rapid.IntRange(0, 800).Draw(t, "ceiling")), moves()})
	}
	return w
}

// Whatever the order in which samples finish, fail or are cancelled, and however
// often the search is taken up again: spent never exceeds the ceiling, every call is
// charged in the result exactly once, nothing outlives Find or Resume, and no trouble
// of our own is a failed test.
func TestFindKeepsTheLawInAnyOrder(t *testing.T) {
	q := request(t, "Write f.", verifyField)
	tk := task(t, q)
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		var broken error
		synctest.Test(t, func(t *testing.T) { broken = w.search(t.Context(), tk, q) })
		if broken != nil {
			rt.Fatal(broken)
		}
	})
}

func (w world) search(ctx context.Context, tk Task, q *openai.ChatRequest) error {
	runner := &judge{delay: w.runFor, down: w.down}
	refused := 0
	stopper := &steps{moves: slices.Clone(w.moves), accept: func(State) bool { refused++; return refused > w.refuse }}
	plan := Plan{Request: q, Stopper: stopper, Runner: runner, Ceiling: w.ceiling, MaxSamples: w.samples, Compare: w.compare, Now: time.Now}
	for i, m := range w.models {
		r := m.rung(w.bounds[i])
		r.SupportsN, r.MaxSamples = w.n[i], w.most[i]
		plan.Rungs = append(plan.Rungs, r)
	}
	if w.deadline > 0 {
		plan.Deadline = time.Now().Add(w.deadline)
	}
	if w.cancel > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, w.cancel)
		defer cancel()
	}
	hunt, err := Begin(tk, plan)
	if err != nil {
		return err
	}
	began := time.Now()
	r, err := hunt.Find(ctx)
	if err := errors.Join(w.check(r, err, w.ceiling, runner, stopper), w.checkTime(r, stopper, began)); err != nil {
		return err
	}
	for _, again := range w.resumed {
		time.Sleep(again.after)
		before, from := r, time.Now()
		stopper := &steps{moves: slices.Clone(again.moves), accept: stopper.accept}
		r, err = hunt.Resume(ctx, stopper, again.ceiling, from.Add(again.deadline))
		if err := w.check(r, err, max(again.ceiling, costOf(before)), runner, stopper); err != nil {
			return fmt.Errorf("taken up again: %w", err)
		}
		switch {
		case before.Winner >= 0 && (r.Winner != before.Winner || len(r.Calls) != len(before.Calls)):
			return fmt.Errorf("a search that was won went on: %+v, %+v", before, r)
		case len(r.Samples) < len(before.Samples) || r.Winner < 0 && r.Batches == before.Batches && r.Stop != before.Stop:
			return fmt.Errorf("%+v became %+v", before, r)
		case time.Since(from) > again.deadline:
			return fmt.Errorf("took %s of %s", time.Since(from), again.deadline)
		}
	}
	return nil
}

func (w world) check(r Result, err error, ceiling pricing.USD, runner *judge, stopper *steps) error {
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return errors.Join(w.checkMoney(r, ceiling), w.checkVerdicts(r, runner), w.checkEnd(r, stopper))
}

// checkMoney compares the result with what the models themselves have charged.
func (w world) checkMoney(r Result, ceiling pricing.USD) error {
	var charged, billed []pricing.USD
	asked := 0
	for i, m := range w.models {
		charged = append(charged, m.charges...)
		if len(m.charges) != len(m.requests) {
			return fmt.Errorf("model %d: %d calls, %d charges", i, len(m.requests), len(m.charges))
		}
		if m.running != 0 {
			return fmt.Errorf("model %d: %d calls outlive the search", i, m.running)
		}
	}
	for _, c := range r.Calls {
		billed = append(billed, *c.Charge.Cost)
		asked += c.Asked
	}
	slices.Sort(charged)
	slices.Sort(billed)
	if !slices.Equal(charged, billed) {
		return fmt.Errorf("charged %v, billed %v", charged, billed)
	}
	if cost := costOf(r); cost > ceiling {
		return fmt.Errorf("spent %d of %d", cost, ceiling)
	}
	if w.samples > 0 && asked > w.samples {
		return fmt.Errorf("asked for %d samples of %d", asked, w.samples)
	}
	return nil
}

func (w world) checkVerdicts(r Result, runner *judge) error {
	if runner.running != 0 {
		return fmt.Errorf("%d runs outlive the search", runner.running)
	}
	counted := make([]RungState, len(r.Rungs))
	ran := map[Hash]int{}
	for i, s := range r.Samples {
		counted[s.Rung].Drawn++
		want := sandbox.Failed
		switch s.Text {
		case "pass", "pass 2":
			want = sandbox.Passed
		case "lost":
			want = sandbox.Unjudged
		}
		if s.Verdict != "" && s.Verdict != want {
			return fmt.Errorf("sample %d %q: %s", i, s.Text, s.Verdict)
		}
		switch {
		case s.Verdict == sandbox.Failed:
			counted[s.Rung].Failed++
		case s.Verdict == sandbox.Passed && i != r.Winner:
			counted[s.Rung].Refused++
		case s.Verdict == sandbox.Unjudged:
			counted[s.Rung].Unjudged++
		}
		if s.Verdict == sandbox.Failed && s.Equals < 0 && s.Text != "" {
			if ran[s.Candidate.Hash]++; ran[s.Candidate.Hash] > 1 {
				return fmt.Errorf("sample %d ran again", i)
			}
		}
	}
	for i, c := range counted {
		if got := r.Rungs[i]; got.Drawn != c.Drawn || got.Failed != c.Failed || got.Refused > c.Refused || got.Unjudged != c.Unjudged {
			return fmt.Errorf("rung %d is %+v, its samples are %+v", i, got, c)
		}
	}
	return nil
}

func (w world) checkEnd(r Result, stopper *steps) error {
	if r.Stop == "" || (r.Winner >= 0) != (r.Stop == StopPassed) {
		return fmt.Errorf("stopped by %q with winner %d", r.Stop, r.Winner)
	}
	if won, ok := r.Accepted(); ok && won.Verdict != sandbox.Passed {
		return fmt.Errorf("the winner is %+v", won)
	}
	for _, s := range stopper.seen {
		if s.Money < 0 || s.Samples < 0 || s.Time < 0 || s.Time == 0 && s.Samples > 0 {
			return fmt.Errorf("the stopper saw %+v", s)
		}
	}
	return nil
}

func (w world) checkTime(r Result, stopper *steps, began time.Time) error {
	for _, s := range stopper.seen {
		if w.deadline == 0 && s.Time != math.MaxInt64 {
			return fmt.Errorf("the stopper saw %+v", s)
		}
	}
	for _, limit := range []time.Duration{w.deadline, w.cancel} {
		if limit > 0 && (r.Took > limit || time.Since(began) > limit) {
			return fmt.Errorf("took %s of %s", r.Took, limit)
		}
	}
	return nil
}
