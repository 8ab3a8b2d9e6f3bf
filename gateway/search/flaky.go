package search

import (
	"cmp"
	"context"
	"time"

	"github.com/drover-llm/drover/gateway/sandbox"
)

// closeToLimit is the share of a limit from which on a pass may be luck.
const closeToLimit = .8

// runTwiceIfClose runs a job, and once more where it passed close to a limit of
// time or memory: what passes on one run in two is handed out as a pass on none.
func runTwiceIfClose(ctx context.Context, runner Runner, job sandbox.Job) (sandbox.Report, error) {
	report, err := runner.Run(ctx, job)
	if err != nil || report.Verdict != sandbox.Passed || !isClose(report, job.Limits) {
		return report, err
	}
	again, err := runner.Run(ctx, job)
	switch {
	case err != nil && ctx.Err() != nil:
		return again, err
	case err != nil || again.Verdict != sandbox.Failed:
		again = report // trouble of our own takes no pass away
	default:
		again.Failure = "passed once and failed once, close to a limit: " + again.Failure
	}
	again.Wall += report.Wall
	return again, nil
}

// isClose reports whether a run nearly met one of its limits, those of the verify
// schema where none are stated.
func isClose(r sandbox.Report, l sandbox.Limits) bool {
	cpu := cmp.Or(l.CPU, sandbox.DefaultCPU)
	wall := 3*cpu + 2*time.Second
	memory := cmp.Or(l.Memory, sandbox.DefaultMemory)
	near := func(used, limit float64) bool { return used >= closeToLimit*limit }
	return near(float64(r.CPU), float64(cpu)) || near(float64(r.Wall), float64(wall)) || near(float64(r.Memory), float64(memory))
}
