package search

import "testing"

// Programs as models and people write them have no line that is taken for prose.
func TestProgramsHaveNoProse(t *testing.T) {
	readShared(t, "samples/codegen16b_humaneval_x100.jsonl.gz", func(s struct{ Code, Base string }) {
		if s.Base != "pass" {
			return
		}
		if got := withoutProse(s.Code); got != s.Code {
			t.Errorf("%q became %q", s.Code, got)
		}
	})
	readShared(t, "problems/HumanEval.jsonl.gz", func(p struct {
		Prompt, Test string
		Solution     string `json:"canonical_solution"`
	}) {
		for _, program := range []string{p.Prompt + p.Solution, p.Test} {
			if got := withoutProse(program); got != program {
				t.Errorf("%q became %q", program, got)
			}
		}
	})
}
