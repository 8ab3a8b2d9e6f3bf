package main

import (
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

// record puts requests into the ledger: every so many-th asked the strong model, at a
// hundred times the price of the others, which were searched. One in ten is wrong, and
// the strong model's it is.
func record(t *testing.T, journal *ledger.Ledger, n, every int) {
	t.Helper()
	ctx := t.Context()
	searched, direct := policy.Plan{Samples: 64, LastResort: true, Small: "small"}, policy.Plan{LastResort: true, Small: "small"}
	share := 1 / float64(every)
	done := make(chan error)
	for i := range n {
		go func() {
			o := policy.Outcome{ID: fmt.Sprintf("chatcmpl-%d", i), At: time.Unix(1, 0), Route: "auto", Way: "search", Model: "small", Reason: "tests_given", Plan: &searched,
				Cost: new(pricing.USD), Status: 200, Chances: []policy.Chance{{Plan: direct, Propensity: share}, {Plan: searched, Propensity: 1 - share}},
				Features: &policy.Features{Language: "python", Tests: 200, Prompt: 400}, Versions: map[string]string{"small": "s-1", "strong": "g-1"},
				Task: &policy.Task{Language: "python", Source: "field", Tests: 200, Verified: new(i%10 > 0)}}
			call := policy.Call{Model: "small", Usage: pricing.Usage{Prompt: 180, Completion: 220}, Status: 200}
			if i%every == 0 {
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
}

// recordedIn is a configuration over a ledger with recorded requests.
func recordedIn(t *testing.T, config string, n, every int) recordedFlags {
	t.Helper()
	dir := t.TempDir()
	path, file := filepath.Join(dir, "drover.db"), filepath.Join(dir, "drover.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, config, path), 0o600); err != nil {
		t.Fatal(err)
	}
	journal, err := ledger.Open(path, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	record(t, journal, n, every)
	if err := journal.Close(); err != nil {
		t.Fatal(err)
	}
	return recordedFlags{configFile: configFile{file}}
}

// A configuration that searches is recommended where half of the record asked the
// strong model, which was right less often; too little is shown by sixty requests, or
// where the configuration does as the record did.
func TestSimulateRecommendsWhatTheRecordShows(t *testing.T) {
	for name, c := range map[string]struct {
		config   string
		n, every int
		want     string
	}{
		"half asked the strong model":   {learnedConfig, 420, 2, lab.Recommended},
		"too few":                       {learnedConfig, 60, 2, lab.NotShown},
		"does as was done, but for two": {learnedConfig, 240, 120, lab.NotShown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, skipped, err := simulateCmd{recordedFlags: recordedIn(t, c.config, c.n, c.every)}.estimate(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if e.Verdict != c.want || e.Requests != c.n || skipped != 0 || !(e.Gain.Low <= e.Gain.Value && e.Gain.Value <= e.Gain.High) {
				t.Errorf("%q, must be %q: %+v, %d skipped", e.Verdict, c.want, e, skipped)
			}
		})
	}
}

// A configuration that searches is worse where hidden verdicts say that what was found
// is wrong although it passes, and that the strong model was right.
func TestSimulateSaysThatAConfigurationIsWorse(t *testing.T) {
	t.Parallel()
	const n = 450
	flags := recordedIn(t, learnedConfig, n, 2)
	config, err := flags.load()
	if err != nil {
		t.Fatal(err)
	}
	journal, err := ledger.Open(config.Ledger.Path, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	for i := range n {
		go func() {
			done <- journal.Feedback(t.Context(), policy.Feedback{ID: fmt.Sprintf("chatcmpl-%d", i), At: time.Unix(2, 0), Source: "ci", Correct: i%2 == 0})
		}()
	}
	for range n {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if err := journal.Close(); err != nil {
		t.Fatal(err)
	}
	out, err := droverCommand(t, "policy", "simulate", "-c", flags.Config).Output()
	if err != nil || !strings.Contains(string(out), " against 450 recorded requests: worse.\n") || !strings.Contains(string(out), "450 with a hidden verdict; 0 not comparable.") {
		t.Errorf("%s%v", out, err)
	}
}

// The policy commands read a ledger that a server holds, as the server streams it,
// while it goes on; and say the same in JSON as in words.
func TestPolicyCommandsReadALedgerThatIsServed(t *testing.T) {
	a := newAccess(t)
	journal := serveLedger(t, &a, "configured-token")
	record(t, journal, 40, 2)
	file := filepath.Join(t.TempDir(), "drover.yaml")
	text := fmt.Sprintf(learnedConfig, a.ledger) + fmt.Sprintf("admin: { listen: %q, token: configured-token }\n", a.admin.Listen)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		out, err := droverCommand(t, append(args, "-c", file)...).Output()
		if err != nil {
			t.Fatalf("drover %q: %v", args, err)
		}
		return string(out)
	}
	var shown struct {
		Version string
		Lessons int
	}
	if text := run("policy", "show", "--json"); json.Unmarshal([]byte(text), &shown) != nil || shown.Lessons != 40 {
		t.Errorf("%s", text)
	}
	if words := run("policy", "show"); !strings.Contains(words, "Model "+shown.Version+": 40 lessons folded") || !strings.Contains(words, "suites are broken") {
		t.Errorf("%s", words)
	}
	var one struct {
		ID, Way string
		Chances []policy.Chance
	}
	if text := run("policy", "show", "chatcmpl-4", "--json"); json.Unmarshal([]byte(text), &one) != nil || one.ID != "chatcmpl-4" || one.Way != "direct" || len(one.Chances) != 2 {
		t.Errorf("%s", text)
	}
	var simulated struct{ Estimate lab.OffPolicy }
	if text := run("policy", "simulate", "--json"); json.Unmarshal([]byte(text), &simulated) != nil || simulated.Estimate.Requests != 40 || simulated.Estimate.Verdict != lab.NotShown {
		t.Errorf("%s", text)
	}
	if words := run("policy", "simulate"); !strings.Contains(words, "40 recorded requests: not shown.") {
		t.Errorf("%s", words)
	}
}

// What is shown of a ledger's file is in JSON what was recorded; a ledger that another
// process holds is named with the way to read it.
func TestShowTellsWhatWasLearned(t *testing.T) {
	ctx := t.Context()
	flags := recordedIn(t, learnedConfig, 100, 2)
	config, err := flags.load()
	if err != nil {
		t.Fatal(err)
	}
	journal, err := ledger.Open(config.Ledger.Path, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := (showCmd{recordedFlags: flags}).Run(ctx); err == nil || !strings.Contains(err.Error(), "drover ledger backup") {
		t.Errorf("a ledger that is held: %v", err)
	}
	if err := journal.Close(); err != nil {
		t.Fatal(err)
	}
	var shown struct {
		Lessons int
		Models  []policy.Believed
	}
	text := stdout(t, func() error { return showCmd{recordedFlags: flags, JSON: true}.Run(ctx) })
	if err := json.Unmarshal([]byte(text), &shown); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if shown.Lessons != 100 || len(shown.Models) != 2 || shown.Models[0].Right.Mean < .85 || shown.Models[0].Right.Low > shown.Models[0].Right.High {
		t.Errorf("%+v", shown)
	}
	text = stdout(t, func() error { return showCmd{recordedFlags: flags, ID: "chatcmpl-1"}.Run(ctx) })
	if !strings.Contains(text, "50.00 %  searching with up to 64 samples") {
		t.Error(text)
	}
}
