package search

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// What policy believes of passes that are compared (rightApart and blind in sight.go
// of package policy) is computed from these counts: of pairs of programs that pass
// the visible tests of a bundled problem, how many behave alike.
func TestBundledPassesBehaveAlikeAsPolicyBelieves(t *testing.T) {
	if !*all {
		t.Skip("half a minute; add -args -all")
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "policy", "lab", "problems.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	runner := testSandbox(t)
	type count struct{ alike, pairs int }
	var right, wrong, mixed count
	for line := range bytes.SplitSeq(bytes.TrimSpace(text), []byte("\n")) {
		var p struct {
			Entry    string `json:"entry_point"`
			Tests    string
			Right    []string
			Tempting []string
		}
		if err := json.Unmarshal(line, &p); err != nil {
			t.Fatal(err)
		}
		spec, err := json.Marshal(map[string]any{"tests": p.Tests, "entry_point": p.Entry, "language": "python"})
		if err != nil {
			t.Fatal(err)
		}
		tk := task(t, request(t, "Write "+p.Entry+".", `"verify":`+string(spec)))
		name, patterns := tk.patterns()
		programs := append(p.Right, p.Tempting...)
		does := make([][]string, len(programs))
		for i, code := range programs {
			if does[i], _, err = tk.behaviourAt(t.Context(), runner, tk.Candidate("```python\n"+code+"\n```"), name, patterns, comparedInputs); err != nil {
				t.Fatal(err)
			}
		}
		for a := range programs {
			for b := range a {
				c := &mixed
				if a < len(p.Right) {
					c = &right
				} else if b >= len(p.Right) {
					c = &wrong
				}
				c.pairs++
				if alike(does[a], does[b]) {
					c.alike++
				}
			}
		}
	}
	t.Logf("alike are %d of %d pairs of right programs, %d of %d pairs of wrong ones that pass, %d of %d of one each",
		right.alike, right.pairs, wrong.alike, wrong.pairs, mixed.alike, mixed.pairs)
	for got, want := range map[count]int{right: 146, wrong: 26, mixed: 124} {
		if got.alike < want-8 || got.alike > want+8 { // a few programs come near the limits of a run
			t.Errorf("%d of %d pairs are alike, sight.go says %d", got.alike, got.pairs, want)
		}
	}
}
