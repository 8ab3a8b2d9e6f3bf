package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/search"
	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/policy/lab"
	"github.com/drover-llm/drover/pricing"
)

type demoCmd struct {
	Problems int    `default:"72" help:"How many of the bundled problems, spread over all grades."`
	Asserts  int    `default:"12" help:"Visible asserts of a problem, from 5, what one writes in a hurry, to 12."`
	Keep     bool   `help:"Leave the gateway running afterwards, with a key to try."`
	JSON     bool   `name:"json" help:"Print one JSON object instead of the table."`
	Seed     uint64 `default:"1" help:"Of the simulated models' draws."`
}

func (demoCmd) Help() string {
	return "Solves the bundled problems in three ways, by simulated models behind the real gateway and in the real sandbox, and compares what was solved and what it cost. No key, no configuration, no network."
}

// note is said wherever the demo's figures are.
func (c demoCmd) note() string {
	return fmt.Sprintf("Both models are simulated: they answer with programs from the bundled problem set, right as often as published figures say "+
		"(8B: 90.5 %% within 100 tries, 95.1 %% within 1,000; GPT-4o: 90.2 %% at once), and %.0f %% of their wrong answers pass the visible tests. "+
		"Gateway, sandbox, tests, prices and ledger are real.", 100*lab.Tempted(c.Asserts))
}

// A way of answering that the demo compares.
type strategy struct {
	name, model, onFail string
}

var strategies = []strategy{
	{"always GPT-4o", "gpt-4o", ""},
	{"8B, best of 64", "best-of-64", search.OnFailBest},
	{"Drover", "auto", search.OnFailEscalate},
}

// strategyResult is what a strategy came to; the JSON of --json.
type strategyResult struct {
	Name          string  `json:"name"`
	Problems      int     `json:"problems"`
	SolvedVisible int     `json:"solved_visible"`
	SolvedHidden  int     `json:"solved_hidden"`
	Samples       int     `json:"samples"`
	CostUSD       dollars `json:"cost_usd"`
	P50MS         int64   `json:"p50_ms"`
	P95MS         int64   `json:"p95_ms"`

	took  []time.Duration
	costs [][]float64 // of each problem, for the bootstrap
}

// dollars is an amount as a JSON number.
type dollars pricing.USD

func (d dollars) MarshalJSON() ([]byte, error) { return []byte(pricing.USD(d).String()), nil }

// Run plays the demo.
func (c demoCmd) Run(ctx context.Context) (err error) {
	if c.Keep && c.JSON {
		fmt.Fprintln(os.Stderr, "drover: demo: --keep and --json do not go together: the key to try is told beside the table, and one JSON object ends the output")
		return exitCode(exitUsage)
	}
	problems, err := spread(c.Problems, c.Asserts)
	if err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	runner, err := sandbox.New(ctx, withPath(sandbox.Config{}), log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, runner.Close()) }()
	if err := judgesPython(ctx, runner, "go run ./cmd/drover demo"); err != nil {
		return err
	}
	d := &demo{problems: problems, runner: runner, out: os.Stdout, seed: c.Seed}
	if c.JSON {
		d.out = io.Discard
	}
	fmt.Fprintf(d.out, "SIMULATED MODELS. %s\n\n", c.note())
	d.gateway, err = startLoopback(ctx, demoConfig, standin.Config{Keep: -1, Models: map[string]standin.Script{
		"gpt-4o":       {FirstByte: 60 * time.Millisecond, Func: d.write},
		"llama-3.1-8b": {FirstByte: 20 * time.Millisecond, Func: d.write},
	}}, runner, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.gateway.end()) }()
	results, err := d.compare(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"simulated": true, "note": c.note(), "problems": len(problems), "strategies": results})
	}
	d.print(results)
	if c.Keep {
		fmt.Fprintf(d.out, "\nStill running (simulated): base_url %s/v1, api_key %s, model auto. Ctrl-C ends it.\n", d.gateway.url, d.gateway.key)
		<-ctx.Done()
	}
	return nil
}

// mostAsserts is how many visible asserts a bundled problem has at most.
const mostAsserts = 12

// spread picks n of the bundled problems, over all grades, from easy to hard, with
// at most so many visible asserts.
func spread(n, asserts int) ([]lab.Problem, error) {
	all, err := lab.Bundled()
	if err != nil {
		return nil, err
	}
	if n < 1 || n > len(all) {
		return nil, fmt.Errorf("--problems must be between 1 and %d, got %d", len(all), n)
	}
	if asserts < lab.HastyTests || asserts > mostAsserts {
		return nil, fmt.Errorf("--asserts must be between %d and %d, got %d", lab.HastyTests, mostAsserts, asserts)
	}
	picked := make([]lab.Problem, n)
	for i := range picked {
		picked[i] = all[i*len(all)/n].Hasten(asserts)
	}
	return picked, nil
}

// demo is a gateway over simulated models, and what is asked of it.
type demo struct {
	problems []lab.Problem
	runner   *sandbox.Runner
	out      io.Writer
	seed     uint64

	gateway *loopback
	mu      sync.Mutex
	writers map[string]*lab.Writer // by the model's name
}

const demoConfig = `
providers: { simulated: { base_url: "${URL}", supports_n: true } }
models:
  gpt-4o: { provider: simulated, price: { prompt_per_1m: "2.50", completion_per_1m: "10.00" } }
  llama-3.1-8b: { provider: simulated, price: { prompt_per_1m: "0.05", completion_per_1m: "0.08" } }
routes:
  best-of-64: { direct: gpt-4o, search: [ { model: llama-3.1-8b, max_samples: 64 } ], learn: { explore: 0 } }
  auto: { direct: gpt-4o, search: [ { model: llama-3.1-8b, max_samples: 64 } ], goal: { value_of_correct: "0.01", loss_of_wrong: "0.03" }, learn: { explore: 0 } }
`

// write answers for a simulated model.
func (d *demo) write(r standin.Request) standin.Answer {
	d.mu.Lock()
	w := d.writers[r.Model]
	d.mu.Unlock()
	if text, ok := w.Write(r.Prompt); ok {
		return standin.Answer{Text: text}
	}
	return standin.Answer{}
}

// compare solves the problems with every strategy in turn. Each meets the same
// models: the draws begin anew.
func (d *demo) compare(ctx context.Context) ([]strategyResult, error) {
	bar := newBar(d.out, "solving", len(strategies)*len(d.problems))
	defer bar.stop()
	var results []strategyResult
	for _, s := range strategies {
		d.mu.Lock()
		d.writers = map[string]*lab.Writer{
			"gpt-4o":       lab.NewWriter(d.problems, func(s lab.Skill) float64 { return s.Strong }, d.seed),
			"llama-3.1-8b": lab.NewWriter(d.problems, func(s lab.Skill) float64 { return s.Small }, d.seed+1),
		}
		d.mu.Unlock()
		r, err := d.solve(ctx, s, bar)
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	return results, nil
}

// clients is how many requests the demo has under way at a time.
const clients = 4

func (d *demo) solve(ctx context.Context, s strategy, bar *bar) (strategyResult, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	result := strategyResult{Name: s.name, Problems: len(d.problems)}
	var mu sync.Mutex
	next := make(chan lab.Problem)
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for p := range next {
				one, err := d.ask(ctx, s, p)
				if err != nil {
					cancel(fmt.Errorf("%s, %s: %w", s.name, p.ID, err))
					continue
				}
				mu.Lock()
				result.add(one)
				mu.Unlock()
				bar.step(s.name)
			}
		})
	}
	for _, p := range d.problems {
		next <- p
	}
	close(next)
	all.Wait()
	if ctx.Err() != nil {
		return result, context.Cause(ctx)
	}
	slices.Sort(result.took)
	result.P50MS = result.took[len(result.took)/2].Milliseconds()
	result.P95MS = result.took[len(result.took)*95/100].Milliseconds()
	return result, nil
}

// solved is what became of one problem.
type solved struct {
	visible, hidden bool
	samples         int
	cost            pricing.USD
	took            time.Duration
}

func (r *strategyResult) add(s solved) {
	if s.visible {
		r.SolvedVisible++
	}
	if s.hidden {
		r.SolvedHidden++
	}
	r.Samples += s.samples
	r.CostUSD += dollars(s.cost)
	r.took = append(r.took, s.took)
	r.costs = append(r.costs, []float64{s.cost.Float64()})
}

// ask sends one problem as an application would, and judges the answer by the
// hidden tests, which the gateway never sees.
func (d *demo) ask(ctx context.Context, s strategy, p lab.Problem) (solved, error) {
	verify := map[string]any{"tests": p.Tests, "entry_point": p.EntryPoint, "language": "python"}
	if s.onFail != "" {
		verify["on_fail"] = s.onFail
	}
	body, err := json.Marshal(map[string]any{"model": s.model, "verify": verify, "messages": []any{map[string]string{"role": "user", "content": p.Prompt}}})
	if err != nil {
		return solved{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.gateway.url+"/v1/chat/completions", bytes.NewReader(body))
	if err != nil {
		return solved{}, err
	}
	r.Header.Set("Authorization", "Bearer "+d.gateway.key)
	started := time.Now()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return solved{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return solved{}, err
	}
	took := time.Since(started)
	var reply struct {
		Choices []struct{ Message struct{ Content string } }
		Verify  struct {
			Verified *bool
			Cost     json.Number `json:"cost_usd"`
			Samples  struct{ Drawn int }
		}
	}
	if err := json.Unmarshal(text, &reply); err != nil || len(reply.Choices) == 0 {
		return solved{}, fmt.Errorf("status %d: %.300s", resp.StatusCode, text)
	}
	cost, err := pricing.ParseUSD(reply.Verify.Cost.String())
	if err != nil {
		return solved{}, err
	}
	code, language := search.Extraction{EntryPoint: p.EntryPoint, Language: "python"}.Extract(reply.Choices[0].Message.Content)
	report, err := d.runner.Run(ctx, sandbox.Job{Language: "python", EntryPoint: p.EntryPoint, Code: code, Tests: []string{p.Tests, p.Hidden}})
	if err != nil {
		return solved{}, err
	}
	if report.Verdict == sandbox.Unjudged {
		return solved{}, fmt.Errorf("hidden tests of a %s answer: %s", language, report.Detail)
	}
	return solved{reply.Verify.Verified != nil && *reply.Verify.Verified, report.Verdict == sandbox.Passed, reply.Verify.Samples.Drawn, cost, took}, nil
}

// print shows the comparison. Intervals of shares are Wilson's, those of costs a
// bootstrap over the problems.
func (d *demo) print(results []strategyResult) {
	t := newTable(d.out, "95 % intervals in brackets", "passes its tests", "right (hidden tests)", "8B samples", "cost, $", "of GPT-4o's", "p50 / p95, ms")
	for _, r := range results {
		n := float64(r.Problems)
		share := func(k int) string {
			i := lab.Wilson(k, r.Problems)
			return fmt.Sprintf("%d: %.1f %% (%.0f to %.0f)", k, 100*float64(k)/n, 100*i.Low, 100*i.High)
		}
		mean := lab.Bootstrap(r.costs)[0]
		t.AppendRow(table.Row{r.Name, share(r.SolvedVisible), share(r.SolvedHidden), r.Samples,
			fmt.Sprintf("%.4f (%.4f to %.4f)", pricing.USD(r.CostUSD).Float64(), n*mean.Low, n*mean.High),
			fmt.Sprintf("%.0f %%", 100*float64(r.CostUSD)/float64(results[0].CostUSD)), fmt.Sprintf("%d / %d", r.P50MS, r.P95MS)})
	}
	fmt.Fprintln(d.out)
	t.Render()
	fmt.Fprintln(d.out, "A failed search asks GPT-4o up to three times, and draws further samples in between, while its answers fail the tests too and that pays. Latencies are those of the simulated models (20 and 60 ms a call) and of this machine's sandbox.")
}
