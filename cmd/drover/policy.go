package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/lab"
	"github.com/drover-llm/drover/pricing"
)

type policyCmd struct {
	Show     showCmd     `cmd:"" help:"What was learned, class by class, or why a request was routed as it was."`
	Simulate simulateCmd `cmd:"" help:"What another configuration would have been worth on the recorded outcomes."`
	Replay   replayCmd   `cmd:"" help:"Replay policies on recorded pass counts."`
}

type replayCmd struct {
	File   string `arg:"" help:"Table of pass rates (CSV) or recorded samples (JSON lines)."`
	Small  string `default:"llama-3.1-8b" help:"Model that is sampled: a part of its name."`
	Strong string `default:"gpt-4o-2024-08-06" help:"Model that a search escalates to."`
	Of     int    `default:"10" help:"Samples behind each rate, where the header does not say."`

	Host        []string `default:"0.05/0.08,0.22/0.22,0.30/0.61" help:"Prices of the small model, prompt/completion in dollars per million tokens; one report for each."`
	StrongPrice string   `default:"2.50/10.00" help:"Prices of the strong model."`
	Tokens      string   `default:"180/220" help:"Tokens of a call, prompt/completion."`

	FalsePass   float64 `default:"0" help:"Chance that a wrong answer passes the tests; the policy is not told."`
	FalseFail   float64 `default:"0" help:"Chance that a right answer fails."`
	Replace     bool    `help:"Draw with replacement. Default: without, and so no more samples than were recorded."`
	Depth       int     `default:"64" help:"Most samples of a request."`
	StrongTries int     `default:"3" help:"Answers of the strong model to one request, while they fail the tests: a route's strong_tries."`
	Batches     bool    `help:"Draw in the gateway's batches, each paid for whole. Default: one by one."`

	Value      string  `default:"0.05" help:"Dollars that a right answer is worth, in the learning runs."`
	Loss       string  `default:"0.05" help:"Dollars that a wrong answer costs that was handed out as verified."`
	Orders     int     `default:"20" help:"Random splits into halves, and orders of requests."`
	Repeats    int     `default:"20" help:"Requests for each test problem, for the fronts."`
	Requests   int     `default:"2000" help:"Requests of a learning run."`
	Audit      float64 `default:"0.02" help:"Share of requests that are audited."`
	Explore    float64 `default:"0.02" help:"Share of requests that explore."`
	Bootstraps int     `default:"1000" help:"Bootstraps of the intervals."`
	Seed       uint64  `default:"1" help:"Seed of all that is drawn."`

	Plots string `placeholder:"DIR" help:"Write plots as SVG and PNG."`
	JSON  bool   `name:"json" help:"Print one JSON object."`
}

func (replayCmd) Help() string {
	return "Compares the gateway's own policy with baselines on recorded pass counts. No model is asked and nothing runs: answers are drawn from each problem's counts. Problems are split into halves; priors are fitted to the one, everything is measured on the other. Audits and their spending are reported apart."
}

// pair reads "0.05/0.08".
func pair(name, text string) (a, b float64, err error) {
	first, second, ok := strings.Cut(text, "/")
	if !ok {
		return 0, 0, fmt.Errorf("--%s: must be two numbers such as 0.05/0.08, got %q", name, text)
	}
	for _, p := range []struct {
		text string
		to   *float64
	}{{first, &a}, {second, &b}} {
		usd, err := pricing.ParseUSD(p.text)
		if err != nil || usd < 0 {
			return 0, 0, fmt.Errorf("--%s: must be two numbers such as 0.05/0.08, got %q", name, text)
		}
		*p.to = usd.Float64()
	}
	return a, b, nil
}

func (c replayCmd) replay() (lab.Replay, error) {
	f, err := os.Open(c.File)
	if err != nil {
		return lab.Replay{}, err
	}
	defer f.Close()
	counts, err := lab.ReadPassCounts(f, c.Of)
	if err != nil {
		return lab.Replay{}, fmt.Errorf("%s: %w", c.File, err)
	}
	r := lab.Replay{
		Counts: counts, Small: c.Small, Strong: c.Strong, FalsePass: c.FalsePass, FalseFail: c.FalseFail, Replacement: c.Replace, Depth: c.Depth, Batches: c.Batches, StrongTries: c.StrongTries,
		Orders: c.Orders, Repeats: c.Repeats, Requests: c.Requests, AuditShare: c.Audit, AuditDepth: 16, Explore: c.Explore, Bootstraps: c.Bootstraps, Seed: c.Seed,
	}
	for name, share := range map[string]float64{"false-pass": c.FalsePass, "false-fail": c.FalseFail, "audit": c.Audit, "explore": c.Explore} {
		if !(share >= 0 && share < 1) {
			return r, fmt.Errorf("--%s: must be at least 0 and below 1, got %g", name, share)
		}
	}
	for name, n := range map[string]int{"orders": c.Orders, "repeats": c.Repeats, "requests": c.Requests, "bootstraps": c.Bootstraps, "depth": c.Depth, "strong-tries": c.StrongTries} {
		if n < 1 || n > 1_000_000 || name == "depth" && n > 256 || name == "strong-tries" && n > 3 {
			return r, fmt.Errorf("--%s: out of range: %d", name, n)
		}
	}
	value, err := pricing.ParseUSD(c.Value)
	if err != nil || value <= 0 {
		return r, fmt.Errorf("--value: must be positive dollars, got %q", c.Value)
	}
	loss, err := pricing.ParseUSD(c.Loss)
	if err != nil || loss < 0 {
		return r, fmt.Errorf("--loss: must be dollars, got %q", c.Loss)
	}
	r.Rule = policy.Rule{ValueOfCorrect: value.Float64(), LossOfWrong: loss.Float64()}
	if r.StrongPrompt, r.StrongCompletion, err = pair("strong-price", c.StrongPrice); err != nil {
		return r, err
	}
	r.StrongPrompt, r.StrongCompletion = r.StrongPrompt/1e6, r.StrongCompletion/1e6
	r.Prompt, r.Completion, err = pair("tokens", c.Tokens)
	return r, err
}

// Run prints a report for each host.
func (c replayCmd) Run() error {
	r, err := c.replay()
	if err != nil {
		return err
	}
	var reports []*lab.ReplayReport
	for _, host := range c.Host {
		prompt, completion, err := pair("host", host)
		if err != nil {
			return err
		}
		r.SmallPrompt, r.SmallCompletion = prompt/1e6, completion/1e6
		report, err := r.Run()
		if err != nil {
			return fmt.Errorf("%s: %w", c.File, err)
		}
		reports = append(reports, report)
		if c.Plots != "" {
			if err := c.plot(host, report); err != nil {
				return err
			}
		}
		if !c.JSON {
			c.print(host, report)
		}
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"replayed": true, "file": filepath.Base(c.File), "hosts": c.Host, "reports": reports})
	}
	return nil
}

func (c replayCmd) print(host string, r *lab.ReplayReport) {
	drawn := "without replacement"
	if r.Replacement {
		drawn = "with replacement"
	}
	fmt.Printf("\n%s at %s over %s: REPLAYED from recorded counts, no model was asked.\n", r.Small, host, r.Strong)
	fmt.Printf("%d problems, %d of them tested, %d splits (seed %d), samples drawn %s, at most %d; wrong answers pass with %g.\n", r.Problems, r.TestHalf, r.Orders, r.Seed, drawn, r.Depth, r.FalsePass)
	fmt.Printf("One answer of the small model is right with %.1f %%, of the strong one with %.1f %%; a sample costs %.4f of a strong call.\n\n", 100*r.SmallAccuracy, 100*r.StrongAccuracy, r.SampleUSD/r.StrongUSD)
	t := table.NewWriter()
	t.SetOutputMirror(os.Stdout)
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"", "AIQ", "95 %", "APGR", "CPT(50)", "CPT(80)", "CPT(95)"})
	for _, f := range r.Families {
		row := table.Row{f.Name, fmt.Sprintf("%.4f", f.AIQ.Value), fmt.Sprintf("%.3f-%.3f", f.AIQ.Low, f.AIQ.High), fmt.Sprintf("%.2f", f.APGR)}
		for _, cpt := range f.CPT {
			if cpt == nil {
				row = append(row, "-")
			} else {
				row = append(row, fmt.Sprintf("%.3f", *cpt))
			}
		}
		t.AppendRow(row)
	}
	t.Render()
	l := r.Learning
	fmt.Printf("Cost at 98.5 %% right: %.4f; at the strong model's accuracy %.4f, static cascade %.4f\n", r.At985, r.AsGood.Value, r.CascadeAsGood)
	fmt.Printf("\nLearning from %d requests, a right answer worth $%s, a wrong one $%s, audits left out:\n", l.Requests, c.Value, c.Loss)
	fmt.Printf("  all requests: right %.4f at cost %.4f; the strong model %.4f at 1; the best cascade of the tuning half %.4f at %.4f\n", l.Accuracy, l.Cost, l.StrongAccuracy, l.StaticAccuracy, l.StaticCost)
	fmt.Printf("  at the end, on the test half: right %.4f (%.4f to %.4f) at cost %.4f; the strong model %.4f, the cascade %.4f; no answer %.4f\n", l.EndAccuracy.Value, l.EndAccuracy.Low, l.EndAccuracy.High, l.EndCost.Value, l.EndStrong.Value, l.EndStatic.Value, l.Unanswered)
	fmt.Printf("  below the strong model: the policy in %.0f %% of splits (worst %+.4f), the tuned cascade in %.0f %%, the one of %d samples (right %.4f) in %.0f %%\n", 100*l.PolicyBelow, l.WorstAgainstStrong, 100*l.StaticBelow, r.Depth, l.FixedAccuracy, 100*l.FixedBelow)
	fmt.Printf("  hopeless, right by neither model in any sample: %.1f %% of requests, at cost %.4f each\n", 100*l.Hopeless, l.HopelessCost)
	fmt.Printf("  calibration: passes ECE %.4f (noise %.4f), Brier %.4f; accepted is right ECE %.4f (noise %.4f), Brier %.4f\n", l.ECEPasses, l.ECEPassesNoise, l.BrierPasses, l.ECEAccepted, l.ECEAcceptedNoise, l.BrierAccepted)
	fmt.Printf("  audits, apart: %.2f %% of requests, %.2f %% of what was spent otherwise\n\n", 100*l.Audits, 100*l.AuditSpend)
	aims := table.NewWriter()
	aims.SetOutputMirror(os.Stdout)
	aims.SetStyle(table.StyleLight)
	aims.AppendHeader(table.Row{"aim", "asked", "reached", "95 %", "limit", "verdict"})
	for _, a := range r.Aims {
		asked, between, limit := "", "", ""
		if a.AtLeast != nil {
			asked = fmt.Sprintf("at least %g", *a.AtLeast)
		} else {
			asked = fmt.Sprintf("at most %g", *a.AtMost)
		}
		if !math.IsNaN(a.Value.Low) {
			between = fmt.Sprintf("%.4f to %.4f", a.Value.Low, a.Value.High)
		}
		if a.Limit != nil {
			limit = fmt.Sprintf("%.4f", *a.Limit)
		}
		aims.AppendRow(table.Row{a.Name, asked, fmt.Sprintf("%.4f", a.Value.Value), between, limit, a.Verdict})
	}
	aims.Render()
}

// plot writes the front, the learning curve and the calibration.
func (c replayCmd) plot(host string, r *lab.ReplayReport) error {
	if err := os.MkdirAll(c.Plots, 0o755); err != nil {
		return err
	}
	name := strings.NewReplacer("/", "-", ".", "").Replace(host)
	figure := lab.Figure{Title: fmt.Sprintf("%s at %s (replayed)", path.Base(r.Small), host), X: "cost over always asking the strong model", Y: "accuracy", LogX: true}
	for _, f := range r.Families {
		// The fronts begin with nothing at no cost, which a logarithm does not show.
		paid := slices.DeleteFunc(slices.Clone(f.Front), func(p lab.Point) bool { return p.X <= 0 })
		name, _, _ := strings.Cut(f.Name, ":")
		if len(paid) > 0 {
			figure.Series = append(figure.Series, lab.Series{Name: name, Points: paid})
		}
	}
	var accuracy, cost, regret []lab.Point
	for _, p := range r.Learning.Curve {
		accuracy = append(accuracy, lab.Point{X: float64(p.Requests), Y: p.Accuracy})
		cost = append(cost, lab.Point{X: float64(p.Requests), Y: p.Cost})
		regret = append(regret, lab.Point{X: float64(p.Requests), Y: p.Regret})
	}
	for file, f := range map[string]lab.Figure{
		"front-" + name: figure,
		"learning-" + name: {Title: "Learning (replayed)", X: "requests", Y: "share", YMin: min(0, slices.MinFunc(regret, func(a, b lab.Point) int { return cmp.Compare(a.Y, b.Y) }).Y), YMax: 1.02,
			Series: []lab.Series{{Name: "accuracy", Points: accuracy}, {Name: "cost", Points: cost}, {Name: "regret closed", Points: regret}}},
		"calibration-" + name: {Title: "Calibration (replayed)", X: "foretold", Y: "came true",
			Series: []lab.Series{{Name: "a sample passes", Shape: lab.Dots, Points: r.Learning.BinsPasses}, {Name: "an accepted answer is right", Shape: lab.Dots, Points: r.Learning.BinsAccepted}, {Name: "perfect", Points: []lab.Point{{X: 0, Y: 0}, {X: 1, Y: 1}}}}},
	} {
		if _, err := f.Save(filepath.Join(c.Plots, file)); err != nil {
			return err
		}
	}
	return nil
}
