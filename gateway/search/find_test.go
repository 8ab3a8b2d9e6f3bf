package search

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/pricing"
)

const verifyField = `"verify":{"tests":"assert f(1) == 1","entry_point":"f"}`

// simple is a plan over one scripted model.
func simple(t testing.TB, s *scripted, stopper Stopper, runner Runner) (Task, Plan) {
	q := request(t, "Write f.", verifyField)
	return task(t, q), Plan{Request: q, Rungs: []Rung{s.rung(10)}, Stopper: stopper, Runner: runner, Ceiling: 1000, Now: time.Now}
}

func TestFindCancelsTheRestAtTheFirstAcceptedPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := &scripted{script: []said{
			{text: "fail 0", delay: time.Second},
			{text: "fail 1", delay: 3 * time.Second}, {text: "pass 2", delay: time.Second}, {text: "fail 3", delay: time.Hour},
		}}
		runner := &judge{delay: 100 * time.Millisecond}
		tk, plan := simple(t, model, batches(1, 3, 99), runner)
		r, err := Find(t.Context(), tk, plan)
		if err != nil {
			t.Fatal(err)
		}
		won, ok := r.Accepted()
		if !ok || won.Text != "pass 2" || r.Stop != StopPassed || r.Best != r.Winner {
			t.Errorf("got %+v, stop %s", won, r.Stop)
		}
		if want := 2*time.Second + 200*time.Millisecond; r.Took != want {
			t.Errorf("took %s, want %s", r.Took, want)
		}
		if r.Sampling != r.Took-100*time.Millisecond {
			t.Errorf("sampled for %s of %s", r.Sampling, r.Took)
		}
		if len(r.Calls) != 4 || len(r.Samples) != 2 || model.running != 0 || runner.running != 0 {
			t.Errorf("%d calls, %d samples, %d calls and %d runs left", len(r.Calls), len(r.Samples), model.running, runner.running)
		}
		if got := costOf(r); got != 9+9+10+10 {
			t.Errorf("cost %d", got)
		}
	})
}

func TestFindRunsEqualProgramsOnceAndCountsThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := &scripted{script: []said{
			{text: "```python\nx = 'half'\n```"}, {text: "```python\nx = 'half' # again\n```"}, {text: "```python\n\nx   = 'half'\n```", delay: time.Second}, {text: "fail"},
		}}
		runner := &judge{delay: 10 * time.Millisecond}
		tk, plan := simple(t, model, batches(4), runner)
		r, err := Find(t.Context(), tk, plan)
		if err != nil {
			t.Fatal(err)
		}
		if len(runner.runs) != 2 {
			t.Errorf("ran %q", runner.runs)
		}
		equals := 0
		for _, s := range r.Samples {
			if s.Equals >= 0 {
				equals++
				if s.Candidate.Hash != r.Samples[s.Equals].Candidate.Hash || s.Verdict != sandbox.Failed || s.Report.Total != 2 {
					t.Errorf("got %+v", s)
				}
			}
		}
		want := RungState{Drawn: 4, Failed: 4, Left: maxSamples - 4}
		if equals != 2 || r.Rungs[0] != want || len(r.Calls) != 4 {
			t.Errorf("%d equal, %+v, %d calls", equals, r.Rungs[0], len(r.Calls))
		}
		if r.Samples[r.Best].Text != "```python\nx = 'half'\n```" && r.Samples[r.Best].Report.Passed != 1 {
			t.Errorf("best is %+v", r.Samples[r.Best])
		}
		if r.Stop != StopGaveUp || r.Winner != -1 {
			t.Errorf("stop %s, winner %d", r.Stop, r.Winner)
		}
	})
}

func TestFindAsksTheStopperAboutEveryPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := &scripted{script: []said{{text: "fail 1", delay: time.Second}, {text: "fail 2"}, {text: "pass # late"}, {text: "pass # again"}}}
		stopper := batches(1, 1, 1, 1)
		asked := 0
		stopper.accept = func(s State) bool { asked++; return s.Rungs[0].Failed < 2 || s.Rungs[0].Refused > 0 }
		tk, plan := simple(t, model, stopper, &judge{})
		plan.MaxSamples = 10
		r, err := Find(t.Context(), tk, plan)
		if err != nil {
			t.Fatal(err)
		}
		// The refused pass is confirmed by an equal program, which is asked about too.
		if want := (RungState{Drawn: 4, Failed: 2, Refused: 1, Left: 6}); r.Rungs[0] != want || r.Winner != 3 || r.Samples[3].Equals != 2 {
			t.Errorf("got %+v, winner %d", r.Rungs[0], r.Winner)
		}
		if asked != 2 {
			t.Errorf("asked %d times", asked)
		}
		if r.Samples[r.Best].Verdict != sandbox.Passed {
			t.Error("a pass is the best that there is")
		}
		last := stopper.seen[len(stopper.seen)-1]
		if last.Batch != time.Second || last.Samples != 7 || last.Money != 1000-3*9 || last.Tests != 2 {
			t.Errorf("the stopper saw %+v", last)
		}
	})
}

func TestFindKeepsToItsLimits(t *testing.T) {
	failing := func() *scripted { return &scripted{script: []said{{text: "fail", delay: time.Second}}} }
	for name, c := range map[string]struct {
		change  func(*Plan)
		stop    string
		samples int
		took    time.Duration
	}{
		"samples of the plan": {func(p *Plan) { p.MaxSamples = 5 }, StopSamples, 5, 2 * time.Second},
		"samples of the rung": {func(p *Plan) { p.Rungs[0].MaxSamples = 3 }, StopSamples, 3, 2 * time.Second},
		"money for no sample": {func(p *Plan) { p.Ceiling = 9 }, StopBudget, 0, 0},
		"money for a part":    {func(p *Plan) { p.Ceiling, p.Stopper = 9*3+10, batches(1, 8, 8, 8) }, StopBudget, 4, 3 * time.Second},
		"no time at all":      {func(p *Plan) { p.Deadline = time.Now() }, StopDeadline, 0, 0},
		"time for one batch":  {func(p *Plan) { p.Deadline = time.Now().Add(1900 * time.Millisecond) }, StopDeadline, 1, time.Second},
		"time ends a batch":   {func(p *Plan) { p.Deadline = time.Now().Add(500 * time.Millisecond) }, StopDeadline, 0, 500 * time.Millisecond},
		"the stopper":         {func(p *Plan) {}, StopGaveUp, 9, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tk, plan := simple(t, failing(), batches(1, 8), &judge{})
				c.change(&plan)
				r, err := Find(t.Context(), tk, plan)
				if err != nil {
					t.Fatal(err)
				}
				if r.Stop != c.stop || len(r.Samples) != c.samples || r.Took != c.took {
					t.Errorf("stopped by %s with %d samples after %s", r.Stop, len(r.Samples), r.Took)
				}
			})
		})
	}
}

func TestFindGoesOnToAnotherRungWhenAProviderFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := &scripted{script: []said{{err: &openai.CallError{Failure: openai.Unavailable}}}}
		working := &scripted{script: []said{{text: "fail"}, {text: "pass"}}}
		tk, plan := simple(t, broken, batches(1, 1, 1, 1), &judge{})
		plan.Rungs = append(plan.Rungs, working.rung(20))
		r, err := Find(t.Context(), tk, plan)
		if err != nil {
			t.Fatal(err)
		}
		if r.Stop != StopPassed || !r.Rungs[0].Ended || r.Rungs[0].Failed+r.Rungs[0].Unjudged != 0 || r.Rungs[1].Failed != 1 || len(r.Calls) != 3 {
			t.Errorf("got %+v, stop %s, %d calls", r.Rungs, r.Stop, len(r.Calls))
		}
		var failed *openai.CallError
		if !errors.As(r.Calls[0].Err, &failed) || r.Calls[0].Charge.Cost == nil {
			t.Errorf("the failed call is %+v", r.Calls[0])
		}

		tk, plan = simple(t, broken, batches(1, 1), &judge{})
		if r, err = Find(t.Context(), tk, plan); err != nil || r.Stop != StopProvider || r.Best != -1 {
			t.Errorf("stop %s, best %d: %v", r.Stop, r.Best, err)
		}
	})
}

func TestFindSurvivesSingleFailuresOfABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := &scripted{script: []said{{text: "fail"}, {err: &openai.CallError{Failure: openai.TimedOut, Spent: true}}, {text: "fail too"}, {text: "pass"}}}
		tk, plan := simple(t, model, batches(1, 2, 1), &judge{})
		r, err := Find(t.Context(), tk, plan)
		if err != nil || r.Stop != StopPassed || r.Rungs[0].Ended || len(r.Calls) != 4 {
			t.Errorf("stop %s, %+v, %d calls: %v", r.Stop, r.Rungs, len(r.Calls), err)
		}
	})
}

func TestFindNeverTakesTroubleOfItsOwnForAVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := &scripted{script: []said{{text: "lost 1"}, {text: "lost 2"}, {text: "fail"}}}
		tk, plan := simple(t, model, batches(1, 1, 1), &judge{})
		r, err := Find(t.Context(), tk, plan)
		if err != nil {
			t.Fatal(err)
		}
		if want := (RungState{Drawn: 3, Failed: 1, Unjudged: 2, Left: maxSamples - 3}); r.Rungs[0] != want || r.Best != 2 {
			t.Errorf("got %+v, best %d", r.Rungs[0], r.Best)
		}
		tk, plan = simple(t, model, batches(4, 4), &judge{down: "no namespaces here"})
		if r, err = Find(t.Context(), tk, plan); err != nil || r.Stop != StopRunner || r.Batches != 1 || r.Rungs[0].Failed > 1 {
			t.Errorf("stop %s after %d batches, %+v: %v", r.Stop, r.Batches, r.Rungs, err)
		}
		for reason, stop := range map[string]string{sandbox.ReasonNoTests: StopNothingSaid, sandbox.ReasonUnsupportedLanguage: StopLanguage} {
			tk, plan = simple(t, model, batches(1, 1), &judge{accept: map[string]sandbox.Report{"": {Verdict: sandbox.Unjudged, Reason: reason}}})
			if r, err = Find(t.Context(), tk, plan); err != nil || r.Stop != stop || r.Batches != 1 {
				t.Errorf("%s: stop %s: %v", reason, r.Stop, err)
			}
		}
	})
}

func TestFindEndsWithItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := &scripted{script: []said{{text: "fail"}, {text: "fail", delay: time.Hour}}}
		tk, plan := simple(t, model, batches(1, 4), &judge{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r, err := Find(ctx, tk, plan)
		if !errors.Is(err, context.DeadlineExceeded) || r.Took != time.Minute || len(r.Calls) != 5 || model.running != 0 {
			t.Errorf("took %s, %d calls, %d left: %v", r.Took, len(r.Calls), model.running, err)
		}
		if want := pricing.USD(9 * 3); costOf(r) < want {
			t.Errorf("cost %s", costOf(r))
		}
	})
}

func TestFindAsksForSeveralChoicesWhereTheHostCan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := &scripted{script: []said{{text: "fail"}}}
		q := request(t, "Write f.", verifyField, `"seed":7`, `"stream":true`, `"temperature":1`, `"max_tokens":99`)
		tk, plan := simple(t, model, batches(1, 4), &judge{})
		plan.Request, plan.Rungs[0].SupportsN = q, true
		r, err := Find(t.Context(), tk, plan)
		if err != nil || len(r.Samples) != 5 || len(r.Calls) != 2 || r.Calls[1].Asked != 4 {
			t.Fatalf("%d samples of %d calls: %v", len(r.Samples), len(r.Calls), err)
		}
		bodies := make([]string, 2)
		for i, q := range model.requests {
			bodies[i] = string(q.AppendJSON(nil))
		}
		want := []string{
			`{"model":"small","messages":[{"role":"user","content":"Write f."}],"seed":7,"max_tokens":99,"temperature":0.2}`,
			`{"model":"small","messages":[{"role":"user","content":"Write f."}],"max_tokens":99,"temperature":0.8,"n":4}`,
		}
		if diff := cmp.Diff(want, bodies); diff != "" {
			t.Error(diff)
		}
		if got := []float64{r.Samples[0].Temperature, r.Samples[1].Temperature}; !cmp.Equal(got, []float64{.2, .8}) {
			t.Errorf("temperatures %v", got)
		}
	})
}

// A schedule of 1, 2, 4 and 9 needs four rounds for 8 samples, and no more.
func TestFindTakesAsLongAsItsRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := &scripted{}
		for i := range 16 {
			model.script = append(model.script, said{text: "fail" + strings.Repeat("!", i), delay: 500 * time.Millisecond})
		}
		model.script[7].text = "pass"
		tk, plan := simple(t, model, batches(1, 2, 4, 9), &judge{delay: 20 * time.Millisecond})
		r, err := Find(t.Context(), tk, plan)
		if err != nil || r.Stop != StopPassed {
			t.Fatalf("stop %s: %v", r.Stop, err)
		}
		if most := 4 * 520 * time.Millisecond; r.Took > most {
			t.Errorf("took %s, more than %s", r.Took, most)
		}
	})
}

func TestFindRefusesAPlanThatLacksSomething(t *testing.T) {
	tk, plan := simple(t, &scripted{script: []said{{text: "fail"}}}, batches(1), &judge{})
	for name, change := range map[string]func(*Plan){
		"request": func(p *Plan) { p.Request = nil }, "rungs": func(p *Plan) { p.Rungs = nil }, "stopper": func(p *Plan) { p.Stopper = nil },
		"runner": func(p *Plan) { p.Runner = nil }, "clock": func(p *Plan) { p.Now = nil },
		"sampler": func(p *Plan) { p.Rungs = []Rung{{}} }, "bound": func(p *Plan) { p.Rungs = []Rung{p.Rungs[0]}; p.Rungs[0].Bound = -1 },
		"move": func(p *Plan) { p.Stopper = &steps{moves: []Move{{Rung: 3, Samples: 1}}} },
	} {
		broken := plan
		change(&broken)
		if r, err := Find(t.Context(), tk, broken); err == nil || r.Winner != -1 || len(r.Calls) != 0 {
			t.Errorf("%s: got %+v", name, r)
		}
	}
}
