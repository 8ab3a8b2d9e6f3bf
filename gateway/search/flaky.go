package search

import (
	"context"

	"github.com/drover-llm/drover/gateway/sandbox"
)

// runTwiceIfClose runs a job, and once more where it passed close to a limit of
// time or memory: what passes on one run in two is handed out as a pass on none.
func runTwiceIfClose(ctx context.Context, runner Runner, job sandbox.Job) (sandbox.Report, error) {
	report, err := runner.Run(ctx, job)
	if err != nil || report.Verdict != sandbox.Passed || !report.Close {
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
