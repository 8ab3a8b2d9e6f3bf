package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// The demo solves problems through the real gateway and sandbox, and says that
// its models are simulated.
func TestDemo(t *testing.T) {
	t.Parallel()
	code, out := command(t, "demo", "--problems", "8", "--json")
	if code != 0 {
		t.Fatalf("exit status %d: %s", code, out)
	}
	var result struct {
		Simulated  bool
		Strategies []struct {
			Name          string
			Problems      int
			SolvedVisible int     `json:"solved_visible"`
			SolvedHidden  int     `json:"solved_hidden"`
			Samples       int     `json:"samples"`
			Cost          float64 `json:"cost_usd"`
			P50           *int64  `json:"p50_ms"`
			P95           *int64  `json:"p95_ms"`
		}
	}
	if err := json.Unmarshal([]byte(out), &result); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !result.Simulated || len(result.Strategies) != 3 {
		t.Fatalf("result %s", out)
	}
	for _, s := range result.Strategies {
		if s.Problems != 8 || s.P50 == nil || s.P95 == nil || *s.P50 < 20 || *s.P95 < *s.P50 { // the quicker model's delay, in ms
			t.Errorf("strategy %+v", s)
		}
		// By its seed each model has an answer to each of the eight that passes what is
		// visible, and one of the small model's that passes is wrong.
		if s.SolvedVisible != 8 || s.SolvedHidden < 7 || s.SolvedHidden > 8 {
			t.Errorf("solved: %+v", s)
		}
	}
	strong, small, drover := result.Strategies[0], result.Strategies[1], result.Strategies[2]
	// Nothing but the seed and the prices decides what the strong model alone comes to.
	if strong.SolvedHidden != 8 || strong.Samples != 0 || strong.Cost != 0.0359475 {
		t.Errorf("GPT-4o %+v", strong)
	}
	// A search draws one sample at least; what the small model costs is little.
	if small.Samples < 8 || small.Samples > 8*64 || small.Cost <= 0 || small.Cost >= strong.Cost/10 {
		t.Errorf("best of 64 %+v", small)
	}
	// Drover asks the small model first and the strong one where that pays.
	if drover.SolvedHidden < small.SolvedHidden || drover.Samples < 8 || drover.Samples > 8*64 || drover.Cost < small.Cost || drover.Cost >= strong.Cost {
		t.Errorf("Drover %+v, best of 64 %+v, GPT-4o %+v", drover, small, strong)
	}
	if code, out := command(t, "demo", "--problems", "0"); code == 0 || strings.Contains(out, "SIMULATED") {
		t.Errorf("no problems: %d %s", code, out)
	}
}

func TestDemoRefusesToKeepAndPrintJSON(t *testing.T) {
	t.Parallel()
	if status, out := command(t, "demo", "--keep", "--json", "--problems", "1"); status != exitUsage || out != "" {
		t.Errorf("status %d: %s", status, out)
	}
}
