package sandbox

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"
)

// A Go program writes to its own layer of the compiler's cache: what others see
// of it stays as it was, and they pass and fail as they should.
func TestGoProgramsCannotPoisonEachOther(t *testing.T) {
	if !*all {
		t.Skip("compiling Go's standard library takes a minute: with -args -all")
	}
	c := Config{Parallel: 1, Cache: t.TempDir()}
	r := testRunner(t, c)
	if why := r.tools.languages["go"].missing; why != "" {
		t.Skip(why)
	}
	tests := []string{"func TestF(t *testing.T) {\n\tif F(3) != 9 {\n\t\tt.Fatal(F(3))\n\t}\n}\n"}
	right := Job{Language: "go", Code: "func F(x int) int { return x * x }\n", Tests: tests}
	poison := Job{Language: "go", Tests: tests, Code: `package solution

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

func init() {
	_ = filepath.WalkDir("/tmp/go-cache", func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if os.WriteFile(p, []byte("poison"), 0o644) != nil && os.Remove(p) == nil {
				_ = os.WriteFile(p, []byte("poison"), 0o644)
			}
		}
		return nil
	})
	fmt.Println("poisoned")
}

func F(x int) int { return 0 }
`}
	if report, err := r.Run(t.Context(), right); err != nil || report.Verdict != Passed {
		t.Fatalf("%+v, %v", report, err)
	}
	before := sizes(t, c.Cache)
	if report, err := r.Run(t.Context(), poison); err != nil || report.Verdict != Failed {
		t.Fatalf("%+v, %v", report, err)
	}
	if after := sizes(t, c.Cache); len(before) < 100 || !maps.Equal(before, after) {
		t.Errorf("the shared cache changed: %d files before, %d after", len(before), len(after))
	}
	if report, err := r.Run(t.Context(), right); err != nil || report.Verdict != Passed {
		t.Errorf("after poisoning: %+v, %v", report, err)
	}
	judgeForgeries(t, r, "go")
	judgeGoReferences(t, r)
}

// judgeGoReferences sees that references of HumanEval-X pass, whose tests are
// written for testify and for the end of the solution's own file.
func judgeGoReferences(t *testing.T, r *Runner) {
	t.Helper()
	problems := readLines[struct {
		TaskID      string `json:"task_id"`
		Import      string `json:"import"`
		Declaration string `json:"declaration"`
		Solution    string `json:"canonical_solution"`
		Setup       string `json:"test_setup"`
		Test        string `json:"test"`
	}](t, "data/problems/humaneval_go.jsonl.gz")[:24]
	jobs := make([]Job, len(problems))
	for i, p := range problems {
		jobs[i] = Job{Language: "go", Code: "package main\n\n" + p.Import + p.Declaration + p.Solution, Tests: []string{p.Setup + "\n" + p.Test}}
	}
	passed := 0
	judgeAll(t, r, jobs, func(i int, report Report) {
		if report.Verdict == Passed {
			passed++
			return
		}
		t.Logf("%s: %s %s %s", problems[i].TaskID, report.Verdict, report.Failure, report.Detail)
	})
	if passed < len(problems)*9/10 {
		t.Errorf("%d of %d references in Go pass", passed, len(problems))
	}
}

func sizes(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	found := map[string]int64{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := os.Lstat(p)
		if err == nil {
			found[p] = info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
