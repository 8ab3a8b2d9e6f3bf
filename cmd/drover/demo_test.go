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
		if s.Problems != 8 || s.SolvedHidden > 8 || s.SolvedVisible < 4 || s.SolvedHidden < 3 || s.Cost <= 0 || s.P50 == nil || s.P95 == nil {
			t.Errorf("strategy %+v", s)
		}
	}
	strong, drover := result.Strategies[0], result.Strategies[2]
	if strong.Samples != 0 || drover.Samples == 0 || drover.Cost >= strong.Cost {
		t.Errorf("GPT-4o %+v, Drover %+v", strong, drover)
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
