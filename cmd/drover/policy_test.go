package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/lab"
	"github.com/drover-llm/drover/policy/ledger"
	"github.com/drover-llm/drover/pricing"
)

const learnedConfig = `
ledger: { path: %q }
providers:
  p: { base_url: "http://127.0.0.1:9/v1", api_key: "none" }
models:
  small: { provider: p, name: s-1, price: { prompt_per_1m: "0.05", completion_per_1m: "0.08" } }
  strong: { provider: p, name: g-1, price: { prompt_per_1m: "2.50", completion_per_1m: "10" } }
routes:
  auto: { direct: strong, search: [ { model: small } ], goal: { value_of_correct: "0.05", loss_of_wrong: "0.05" } }
`

// stdout is what f prints.
func stdout(t *testing.T, f func() error) string {
	t.Helper()
	old := os.Stdout
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	os.Stdout = w
	out := make(chan string)
	go func() {
		b, _ := io.ReadAll(r)
		out <- string(b)
	}()
	err = f()
	os.Stdout = old
	w.Close()
	text := <-out
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Half of the recorded requests asked the strong model, at a hundred times the
// price of those that were searched and were right as often: the configuration,
// which searches, is recommended.
func TestSimulateRecommendsWhatTheRecordShows(t *testing.T) {
	dir := t.TempDir()
	path, file := filepath.Join(dir, "drover.db"), filepath.Join(dir, "drover.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, learnedConfig, path), 0o600); err != nil {
		t.Fatal(err)
	}
	journal, err := ledger.Open(path, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	searched, direct := policy.Plan{Samples: 64, LastResort: true, Small: "small"}, policy.Plan{LastResort: true, Small: "small"}
	done := make(chan error)
	const n = 450
	for i := range n {
		go func() {
			o := policy.Outcome{ID: fmt.Sprintf("chatcmpl-%d", i), At: time.Unix(1, 0), Route: "auto", Way: "search", Model: "small", Reason: "tests_given", Plan: &searched,
				Cost: new(pricing.USD), Status: 200, Chances: []policy.Chance{{Plan: direct, Propensity: .5}, {Plan: searched, Propensity: .5}},
				Features: &policy.Features{Language: "python", Tests: 200, Prompt: 400}, Versions: map[string]string{"small": "s-1", "strong": "g-1"},
				Task: &policy.Task{Language: "python", Source: "field", Tests: 200, Verified: new(i%10 > 0)}}
			call := policy.Call{Model: "small", Usage: pricing.Usage{Prompt: 180, Completion: 220}, Status: 200}
			if i%2 == 0 {
				o.Way, o.Model, o.Plan, call.Model = "direct", "strong", &direct, "strong"
			} else {
				o.Samples = []policy.Sample{{Model: "small", Verdict: "passed", Returned: true}}
			}
			o.Calls = []policy.Call{call}
			err := journal.Hold(ctx, policy.Hold{ID: o.ID, At: o.At, Ceiling: new(pricing.USD)})
			if err == nil {
				err = journal.Settle(ctx, o)
			}
			done <- err
		}()
	}
	for range n {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	flags := recordedFlags{configFile: configFile{file}}
	if err := (showCmd{recordedFlags: flags}).Run(ctx); err == nil || !strings.Contains(err.Error(), "drover ledger backup") {
		t.Errorf("a ledger that is held: %v", err)
	}
	if err := journal.Close(); err != nil {
		t.Fatal(err)
	}
	var report struct{ Estimate lab.OffPolicy }
	text := stdout(t, func() error { return simulateCmd{recordedFlags: flags, JSON: true}.Run(ctx) })
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if e := report.Estimate; e.Requests != n || e.Verdict != lab.Recommended || e.Effective < 150 {
		t.Errorf("%+v", e)
	}
	var shown struct {
		Lessons int
		Models  []policy.Believed
	}
	text = stdout(t, func() error { return showCmd{recordedFlags: flags, JSON: true}.Run(ctx) })
	if err := json.Unmarshal([]byte(text), &shown); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if shown.Lessons != n || len(shown.Models) != 2 || shown.Models[0].Right.Mean < .85 || shown.Models[0].Right.Low > shown.Models[0].Right.High {
		t.Errorf("%+v", shown)
	}
	text = stdout(t, func() error { return showCmd{recordedFlags: flags, ID: "chatcmpl-1"}.Run(ctx) })
	if !strings.Contains(text, "50.00 %  searching with up to 64 samples") {
		t.Error(text)
	}
}
