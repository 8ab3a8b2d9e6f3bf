package lab

import (
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/drover-llm/drover/gateway/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Init() // a container's builder and init are this test binary again
	if dir := os.Getenv(childEnv); dir != "" {
		os.Exit(runChild(dir))
	}
	os.Exit(m.Run())
}

// The bundled programs are what they are said to be, by the sandbox's judgement:
// right ones pass all tests, wrong ones fail the visible ones, tempting ones fail
// the hidden ones only. The demo's figures rest on it.
func TestBundledProgramsAreWhatTheyAreSaidToBe(t *testing.T) {
	runner, err := sandbox.New(t.Context(), sandbox.Config{Path: filepath.SplitList(os.Getenv("PATH"))}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer runner.Close()
	if why := runner.Down(); why != "" {
		t.Skip("programs cannot be run on this machine: " + why)
	}
	problems, err := Bundled()
	if err != nil {
		t.Fatal(err)
	}
	judge := func(p Problem, kind, code, tests string, want sandbox.Verdict) {
		report, err := runner.Run(t.Context(), sandbox.Job{EntryPoint: p.EntryPoint, Code: code, Tests: []string{tests}})
		if err != nil || report.Verdict != want {
			t.Errorf("%s: a %s program is %s, %v %s\n%s", p.ID, kind, report.Verdict, err, report.Failure+report.Detail, code)
		}
	}
	next := make(chan Problem)
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for p := range next {
				for _, code := range p.Right {
					judge(p, "right", code, p.Tests, sandbox.Passed)
					judge(p, "right", code, p.Hidden, sandbox.Passed)
				}
				for _, code := range p.Wrong {
					judge(p, "wrong", code, p.Tests, sandbox.Failed)
				}
				for _, code := range p.Tempting {
					judge(p, "tempting", code, p.Tests, sandbox.Passed)
					judge(p, "tempting", code, p.Hidden, sandbox.Failed)
				}
			}
		})
	}
	for _, p := range problems {
		next <- p
	}
	close(next)
	all.Wait()
}
