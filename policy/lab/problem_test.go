package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPublishedSetsAreRead(t *testing.T) {
	for _, c := range []struct {
		file     string
		kind     Kind
		problems int
		defined  string // what some of its tests hold
	}{
		{"HumanEval.jsonl.gz", KindCheck, 164, "def check(candidate):"},
		{"HumanEvalPlus-Mini.jsonl.gz", KindReference, 164, ""},
		{"HumanEvalPlus-NoExtreme.jsonl.gz", KindReference, 164, "def check(candidate):"},
		{"MbppPlus-NoExtreme.jsonl.gz", KindReference, 378, "assert similar_elements("},
		{"mbpp_sanitized.jsonl", KindCheck, 427, "def check(candidate):"},
	} {
		if !*all && strings.HasSuffix(c.file, "NoExtreme.jsonl.gz") {
			continue // large; CI reads them
		}
		t.Run(c.file, func(t *testing.T) {
			file := openShared(t, "data/problems/"+c.file)
			count, defined := 0, false
			for p, err := range ReadProblems(file) {
				if err != nil {
					t.Fatal(err)
				}
				count++
				defined = defined || strings.Contains(p.Tests, c.defined)
				if p.Kind != c.kind {
					t.Errorf("%s: kind %q, want %q", p.ID, p.Kind, c.kind)
				}
				if !strings.Contains(p.Solution, "def "+p.EntryPoint) {
					t.Errorf("%s: the solution defines no %s", p.ID, p.EntryPoint)
				}
				if c.kind == KindReference && len(p.Inputs)+len(p.HiddenInputs) == 0 {
					t.Errorf("%s: no inputs", p.ID)
				}
			}
			if count != c.problems {
				t.Errorf("%d problems, want %d", count, c.problems)
			}
			if !defined {
				t.Errorf("no tests hold %q", c.defined)
			}
		})
	}
}

func TestOtherLanguagesAreRefused(t *testing.T) {
	count := 0
	for _, err := range ReadProblems(openShared(t, "data/problems/humaneval_go.jsonl.gz")) {
		count++
		if err == nil || !strings.Contains(err.Error(), "entry_point") {
			t.Fatalf("got %v, want an error about entry_point", err)
		}
	}
	if count != 164 {
		t.Errorf("%d errors, want one for each of 164 lines", count)
	}
}

// openShared opens a file of the data that lies beside the project, and skips
// the test where it is not there.
func openShared(t *testing.T, name string) *os.File {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			break
		}
		if filepath.Dir(folder) == folder {
			t.Skip("no go.mod above the test")
		}
		folder = filepath.Dir(folder)
	}
	file, err := os.Open(filepath.Join(folder, "..", "shared", filepath.FromSlash(name)))
	if err != nil {
		t.Skipf("no shared data here: %v", err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}
