package search

import (
	"context"
	"testing"

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
	pass := sandbox.Report{Verdict: sandbox.Passed, Total: 1, Passed: 1}
	late, fail := pass, sandbox.Report{Verdict: sandbox.Failed, Close: true, Failure: "timed out"}
	late.Close = true
	lost := sandbox.Report{Verdict: sandbox.Unjudged, Reason: sandbox.ReasonRunnerDown}
	for name, c := range map[string]struct {
		reports []sandbox.Report
		runs    int
		want    sandbox.Verdict
	}{
		"far from every limit":        {[]sandbox.Report{pass, fail}, 1, sandbox.Passed},
		"close, fails":                {[]sandbox.Report{late, fail}, 2, sandbox.Failed},
		"close, passes":               {[]sandbox.Report{late, late, fail}, 2, sandbox.Passed},
		"the second run is lost":      {[]sandbox.Report{late, lost}, 2, sandbox.Passed},
		"a failure is not run again":  {[]sandbox.Report{fail, late}, 1, sandbox.Failed},
		"no verdict is not run again": {[]sandbox.Report{lost, late}, 1, sandbox.Unjudged},
	} {
		r := &reports{list: c.reports}
		got, err := runTwiceIfClose(t.Context(), r, sandbox.Job{})
		if err != nil || got.Verdict != c.want || r.runs != c.runs {
			t.Errorf("%s: %s after %d runs, %v", name, got.Verdict, r.runs, err)
		}
	}
}
