package search

import (
	"context"
	"fmt"
	"strings"

	"github.com/drover-llm/drover/gateway/sandbox"
)

// TryTests runs tests that were found in the prompt against a program that does
// nothing. Tests that it passes, or that check nothing, prove nothing: the task
// comes back without them. Tests that a client handed over are not tried, they
// are meant; and where nothing could be run, the tests stay.
func (t Task) TryTests(ctx context.Context, runner Runner) (Task, error) {
	if t.Source != SourcePrompt {
		return t, nil
	}
	code, ok := t.stub()
	if !ok {
		return t, nil
	}
	report, err := runner.Run(ctx, t.Job(Candidate{Code: code}))
	switch {
	case ctx.Err() != nil:
		return t, ctx.Err()
	case err != nil:
		return t, fmt.Errorf("trying the prompt's tests: %w", err)
	case report.Verdict == sandbox.Passed, report.Reason == sandbox.ReasonNoTests:
		return t.withoutTests(), nil
	}
	return t, nil
}

// stub is a program that defines what the tests call and does nothing.
func (t Task) stub() (code string, ok bool) {
	if len(t.Spec.Cases) > 0 {
		return "\n", t.Language == "python" || t.Language == ""
	}
	names := calledNames(strings.Join(t.Spec.Tests, "\n"))
	if t.Spec.EntryPoint != "" {
		names = append(names, t.Spec.EntryPoint)
	}
	var b strings.Builder
	switch t.Language {
	case "python", "":
		for _, name := range names {
			if !strings.Contains(name, ".") {
				fmt.Fprintf(&b, "def %s(*args, **kwargs):\n    pass\n", name)
			}
		}
	case "javascript":
		for _, name := range names {
			fmt.Fprintf(&b, "function %s() {}\n", name)
		}
	default:
		return "", false
	}
	return b.String(), b.Len() > 0
}
