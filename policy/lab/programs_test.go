package lab

import (
	"flag"
	"os"
	"sync"
	"testing"

	"github.com/drover-llm/drover/gateway/sandbox"
)

// all is for CI: every bundled program and every published set.
var all = flag.Bool("all", false, "judge every bundled program, read every published set")

func TestMain(m *testing.M) {
	sandbox.Init() // a container's builder and init are this test binary again
	if dir := os.Getenv(childEnv); dir != "" {
		os.Exit(runChild(dir))
	}
	code := m.Run()
	if shared != nil {
		shared.Close()
	}
	os.Exit(code)
}

// The bundled programs are what they are said to be, by the sandbox's judgement:
// right ones pass all tests, wrong ones fail the visible ones, tempting ones fail
// the hidden ones only. The demo's figures rest on it. Without -all, one problem
// of each grade is judged.
func TestBundledProgramsAreWhatTheyAreSaidToBe(t *testing.T) {
	runner := testRunner(t)
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
	var judges sync.WaitGroup
	for range 2 {
		judges.Go(func() {
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
	for i, p := range problems {
		if !*all && i%6 != p.Grade%6 {
			continue
		}
		next <- p
	}
	close(next)
	judges.Wait()
}
