package gateway

import (
	"context"

	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/search"
)

// judge runs the task's tests on an answer. It returns nil where there are no
// tests, where nothing can be judged, or when the client has gone.
func (g *Gateway) judge(ctx context.Context, t search.Task, reply []byte) *sandbox.Report {
	if !t.Spec.HasTests() || g.Sandbox == nil || g.Sandbox.Down() != "" {
		return nil
	}
	_, report, err := t.Judge(ctx, g.Sandbox, string(reply))
	if err != nil {
		if ctx.Err() == nil {
			g.Log.Error("sandbox", "error", err)
		}
		return nil
	}
	return &report
}

// verified is a report in the words of the verify schema: nil when nothing was
// judged.
func verified(r *sandbox.Report) *bool {
	if r == nil || r.Verdict == sandbox.Unjudged {
		return nil
	}
	return new(r.Verdict == sandbox.Passed)
}
