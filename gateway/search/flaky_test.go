package search

import (
	"context"
	"testing"
	"time"

	"github.com/drover-llm/drover/gateway/sandbox"
)

// reports answers with one report after the other.
type reports struct {
	list []sandbox.Report
	runs int
}

func (r *reports) Run(context.Context, sandbox.Job) (sandbox.Report, error) {
	r.runs++
	return r.list[min(r.runs, len(r.list))-1], nil
}

func TestPassCloseToALimitIsRunOnceMore(t *testing.T) {
	pass := func(cpu time.Duration, memory int64) sandbox.Report {
		return sandbox.Report{Verdict: sandbox.Passed, CPU: cpu, Memory: memory, Total: 1, Passed: 1}
	}
	late, fail := pass(900*time.Millisecond, 0), sandbox.Report{Verdict: sandbox.Failed, CPU: time.Second, Failure: "timed out"}
	lost := sandbox.Report{Verdict: sandbox.Unjudged, Reason: sandbox.ReasonRunnerDown}
	limits := sandbox.Limits{CPU: time.Second, Memory: 100 << 20}
	for name, c := range map[string]struct {
		reports []sandbox.Report
		limits  sandbox.Limits
		runs    int
		want    sandbox.Verdict
	}{
		"far from every limit":        {[]sandbox.Report{pass(time.Millisecond, 10<<20), fail}, limits, 1, sandbox.Passed},
		"close in time, fails":        {[]sandbox.Report{late, fail}, limits, 2, sandbox.Failed},
		"close in time, passes":       {[]sandbox.Report{late, late, fail}, limits, 2, sandbox.Passed},
		"close in memory, fails":      {[]sandbox.Report{pass(0, 99<<20), fail}, limits, 2, sandbox.Failed},
		"close to the default limit":  {[]sandbox.Report{pass(4500*time.Millisecond, 0), fail}, sandbox.Limits{}, 2, sandbox.Failed},
		"the second run is lost":      {[]sandbox.Report{late, lost}, limits, 2, sandbox.Passed},
		"a failure is not run again":  {[]sandbox.Report{fail, late}, limits, 1, sandbox.Failed},
		"no verdict is not run again": {[]sandbox.Report{lost, late}, limits, 1, sandbox.Unjudged},
	} {
		r := &reports{list: c.reports}
		got, err := runTwiceIfClose(t.Context(), r, sandbox.Job{Limits: c.limits})
		if err != nil || got.Verdict != c.want || r.runs != c.runs {
			t.Errorf("%s: %s after %d runs, %v", name, got.Verdict, r.runs, err)
		}
	}
}
