package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/drover-llm/drover/configs"
	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/search"
	"github.com/drover-llm/drover/policy/lab"
	"github.com/drover-llm/drover/pricing"
)

// evalCmd measures models, and gateways, over problem sets.
type evalCmd struct {
	Run    evalRunCmd    `cmd:"" help:"Judge a model's answers to a problem set in the sandbox: drawn from an endpoint, or recorded."`
	Report evalReportCmd `cmd:"" help:"Say what an evaluation came to: pass@k with intervals, dollars, latency."`
	Plot   evalPlotCmd   `cmd:"" help:"Draw an evaluation's pass@k and cost curves as SVG and PNG."`
	Replay evalReplayCmd `cmd:"" help:"Judge recorded samples once more through a whole gateway, and search among them."`
}

// problemFlags choose problems.
type problemFlags struct {
	Problems []string `required:"" placeholder:"FILE" help:"Problem set: own JSON lines, HumanEval(+), MBPP(+) or stdio, plain or .gz. May be repeated."`
	Limit    int      `placeholder:"N" help:"Only N problems, spread evenly over the set."`
	LeaveOut []string `placeholder:"ID" help:"Problems to leave out, such as HumanEval/32, whose answers the plain rule of its set does not judge."`
}

// read returns the chosen problems in the order of their files.
func (f problemFlags) read() (chosen []lab.Problem, sources []lab.Source, err error) {
	seen := map[string]bool{}
	for _, id := range f.LeaveOut {
		seen[id] = true
	}
	for _, name := range f.Problems {
		source, err := readSource(name, func(in io.Reader) error {
			for p, err := range lab.ReadProblems(in) {
				if err != nil {
					return err
				}
				if !seen[p.ID] {
					seen[p.ID] = true
					chosen = append(chosen, p)
				}
			}
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
		sources = append(sources, source)
	}
	if f.Limit < 0 {
		return nil, nil, fmt.Errorf("--limit must not be negative, got %d", f.Limit)
	}
	if n := f.Limit; n > 0 && n < len(chosen) {
		for i := range n {
			chosen[i] = chosen[i*len(chosen)/n]
		}
		chosen = chosen[:n]
	}
	if len(chosen) == 0 {
		return nil, nil, errors.New("--problems: there are no problems to evaluate")
	}
	return chosen, sources, nil
}

// readSource reads a file to its end, and says what it held.
func readSource(name string, read func(io.Reader) error) (lab.Source, error) {
	file, err := os.Open(name)
	if err != nil {
		return lab.Source{}, err
	}
	defer file.Close()
	sum := sha256.New()
	in := io.TeeReader(file, sum)
	if err := read(in); err != nil {
		return lab.Source{}, fmt.Errorf("%s: %w", name, err)
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return lab.Source{}, fmt.Errorf("%s: %w", name, err)
	}
	return lab.Source{File: name, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

// readSamples reads the recorded samples of the problems, of one model where that
// is named. others counts those of other problems.
func readSamples(name, model string, problems []lab.Problem) (samples []lab.Sample, source lab.Source, others int, err error) {
	prompts, ids := map[string]string{}, map[string]string{}
	for _, p := range problems {
		prompts[p.ID] = p.Prompt
	}
	for _, p := range problems { // of two that are told apart by signs alone, neither is found without them
		if written := plainID(p.ID); ids[written] == "" {
			ids[written] = p.ID
		} else {
			ids[written] = "?"
		}
	}
	idOf := func(id string) string {
		if _, known := prompts[id]; known {
			return id
		}
		return cmp.Or(ids[plainID(id)], id)
	}
	models := map[string]bool{}
	source, err = readSource(name, func(in io.Reader) error {
		for s, err := range lab.ReadSamples(in, func(id string) string { return prompts[idOf(id)] }) {
			if err != nil {
				return err
			}
			s.TaskID = idOf(s.TaskID)
			models[s.Model] = true
			switch _, known := prompts[s.TaskID]; {
			case model != "" && s.Model != model:
			case !known:
				others++
			default:
				samples = append(samples, s)
			}
		}
		return nil
	})
	switch {
	case err != nil:
	case model != "" && !models[model]:
		err = fmt.Errorf("%s has no samples of the model %q; it has those of %q", name, model, slices.Sorted(maps.Keys(models)))
	case len(samples) == 0:
		err = fmt.Errorf("%s has no sample of these problems; do its task_ids belong to another set?", name)
	}
	return samples, source, others, err
}

// plainID is a task's name without what tools write now so, now so: HumanEval/0,
// HumanEval_0, humaneval-0.
func plainID(id string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("/_-. ", r) {
			return '/'
		}
		return unicode.ToLower(r)
	}, id)
}

// evalRunCmd judges answers.
type evalRunCmd struct {
	problemFlags
	Samples string `placeholder:"FILE" help:"Recorded samples: JSON lines with task_id, code, model, tokens; plain or .gz."`
	BaseURL string `name:"base-url" placeholder:"URL" help:"An OpenAI-compatible endpoint, such as https://api.openai.com/v1."`
	Model   string `help:"Model to ask; of recorded samples, the only one to judge."`
	Out     string `required:"" placeholder:"DIR" help:"Folder of the evaluation. One that was broken off is gone on with."`

	APIKey      string   `name:"api-key" env:"OPENAI_API_KEY" help:"Key of the endpoint."`
	N           int      `short:"n" default:"1" help:"Answers to each problem."`
	Temperature *float64 `help:"Of the answers. Default: 0 for one answer, 0.8 for more."`
	Seed        *int64   `help:"Of the first answer to a problem; each further one has the next."`
	MaxTokens   int      `help:"Output limit. Default: the endpoint's."`
	Verify      bool     `help:"Send the base tests along: a Drover then searches for an answer that passes them."`
	Parallel    int      `default:"4" help:"Calls of the endpoint at a time."`

	Judges   int           `default:"2" help:"Programs judged at a time."`
	Timeout  time.Duration `default:"3s" help:"Processor time of the base tests; the extended ones have five times as much."`
	Prompt1M string        `name:"prompt-per-1m" placeholder:"USD" help:"Price of a million prompt tokens. Default: that of the model in the price list."`
	Output1M string        `name:"completion-per-1m" placeholder:"USD" help:"Price of a million completion tokens."`
	testedFlags
}

func (evalRunCmd) Help() string {
	return "Every answer is judged by the base tests and, if it passes those, by the extended ones, as EvalPlus does. Expected values of HumanEval+ and MBPP+ are what the set's own solution returns, found in the sandbox. An evaluation that was killed goes on where it was: nothing is bought or judged twice."
}

// Run judges.
func (c evalRunCmd) Run(ctx context.Context) error {
	if err := c.check(); err != nil {
		fmt.Fprintln(os.Stderr, "drover: eval run:", err)
		return exitCode(exitUsage)
	}
	problems, sources, err := c.read()
	if err != nil {
		return err
	}
	price, err := c.price()
	if err != nil {
		return err
	}
	manifest := lab.Manifest{Problems: sources, Count: len(problems), Model: c.Model, LeftOut: c.LeaveOut, BaseTime: lab.Milliseconds(c.Timeout), PlusTime: lab.Milliseconds(5 * c.Timeout)}
	var samples []lab.Sample
	total := c.N * len(problems)
	if c.Samples != "" {
		var source lab.Source
		var others int
		if samples, source, others, err = readSamples(c.Samples, c.Model, problems); err != nil {
			return err
		}
		if others > 0 {
			fmt.Fprintf(os.Stderr, "%d samples of other problems are left alone\n", others)
		}
		manifest.Samples, total = &source, len(samples)
	} else {
		manifest.Endpoint = c.endpoint()
	}
	evaluation, err := lab.OpenEvaluation(c.Out, manifest)
	if err != nil {
		return err
	}
	err = c.judge(ctx, evaluation, problems, samples, price, total)
	return errors.Join(err, evaluation.Close())
}

// check finds what flags cannot say by themselves.
func (c evalRunCmd) check() error {
	switch {
	case (c.Samples == "") == (c.BaseURL == ""):
		return errors.New("give --samples FILE, or --base-url URL and --model M")
	case c.BaseURL != "" && c.Model == "":
		return errors.New("--base-url needs --model")
	case c.N < 1 || c.Parallel < 1 || c.Judges < 1:
		return errors.New("-n, --parallel and --judges must be at least 1")
	case c.Timeout <= 0 || c.Timeout > 24*time.Second:
		return fmt.Errorf("--timeout must be above 0 and at most 24s, got %s", c.Timeout)
	case c.Temperature != nil && !(*c.Temperature >= 0 && *c.Temperature <= 2):
		return fmt.Errorf("--temperature must lie between 0 and 2, got %g", *c.Temperature)
	}
	return nil
}

func (c evalRunCmd) endpoint() *lab.Endpoint {
	e := &lab.Endpoint{BaseURL: c.BaseURL, Model: c.Model, Samples: c.N, Temperature: c.Temperature, Seed: c.Seed, MaxTokens: c.MaxTokens, Verify: c.Verify}
	if e.Temperature == nil {
		e.Temperature = new(0.0)
		if c.N > 1 {
			*e.Temperature = 0.8
		}
	}
	return e
}

// price is what a sample costs: by the flags, or by the price list.
func (c evalRunCmd) price() (func(model string, t lab.Tokens) *lab.Dollars, error) {
	list, host := configs.Prices(), ""
	if u, err := url.Parse(c.BaseURL); err == nil {
		host = u.Host
	}
	var fixed *pricing.Price
	if c.Prompt1M != "" || c.Output1M != "" {
		p, err := pricing.PriceConfig{Prompt: cmp.Or(c.Prompt1M, "0"), Completion: cmp.Or(c.Output1M, "0")}.Price()
		if err != nil {
			return nil, err
		}
		fixed = &p
	}
	return func(model string, t lab.Tokens) *lab.Dollars {
		price := fixed
		if price == nil {
			entry, _, ok := list.Find("", host, model)
			if !ok {
				return nil
			}
			listed, err := entry.Price()
			if err != nil {
				return nil
			}
			price = &listed
		}
		cost, err := price.Cost(pricing.Usage{Prompt: t.Prompt, Completion: t.Completion})
		if err != nil {
			return nil
		}
		return new(lab.Dollars(cost))
	}, nil
}

// judge gives every answer its verdict, and buys those that are missing.
func (c evalRunCmd) judge(ctx context.Context, evaluation *lab.Evaluation, problems []lab.Problem, samples []lab.Sample, price func(string, lab.Tokens) *lab.Dollars, total int) (err error) {
	config, err := c.sandbox(c.Judges)
	if err != nil {
		return err
	}
	runner, err := sandbox.New(ctx, config, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, runner.Close()) }()
	if err := judgesPython(ctx, runner, "go run ./cmd/drover eval run …"); err != nil {
		return err
	}
	judge := lab.Judge{Runner: runner, Problems: map[string]lab.Problem{}, Parallel: c.Judges, Price: price,
		Limits: map[lab.Suite]time.Duration{lab.Base: c.Timeout, lab.Plus: 5 * c.Timeout}}
	references := 0
	for _, p := range problems {
		judge.Problems[p.ID] = p
		if p.Solution != "" {
			references++
		}
	}
	judged, sound := evaluation.Judged()
	if judged > 0 {
		fmt.Fprintf(os.Stderr, "going on with %s: %d answers are judged\n", c.Out, judged)
	}
	if left := references - sound; left > 0 {
		progress := newBar(os.Stderr, "the set's own solutions", left)
		judge.Done = func(lab.Result) { progress.step("the set's own solutions") }
		err := evaluation.References(ctx, judge)
		progress.stop()
		if err != nil {
			return c.brokenOff(err)
		}
	}
	progress := newBar(os.Stderr, "judging", max(total-judged, 0))
	judge.Done = func(lab.Result) { progress.step("judging") }
	missing := 0
	if c.Samples != "" {
		err = evaluation.Judge(ctx, judge, slices.Values(samples))
	} else {
		err = evaluation.Judge(ctx, judge, func(yield func(lab.Sample) bool) {
			asker := lab.Asker{Endpoint: *evaluation.Manifest.Endpoint, Key: c.APIKey, Parallel: c.Parallel, Extract: program}
			var last error
			asker.Failed = func(_ lab.Key, err error) { missing++; last = err }
			if asked := evaluation.Ask(ctx, asker, problems, yield); asked != nil {
				err = asked
			} else if last != nil {
				err = fmt.Errorf("%d answers are missing: %w", missing, last)
			}
		})
	}
	progress.stop()
	if err != nil {
		return c.brokenOff(err)
	}
	fmt.Fprintf(os.Stderr, "every answer has its verdict: drover eval report %s\n", c.Out)
	return nil
}

func (c evalRunCmd) brokenOff(err error) error {
	return fmt.Errorf("eval run: %w (what is done is kept in %s; the same command goes on with it)", err, c.Out)
}

// program takes the answer's program from a reply, as the gateway does.
func program(p lab.Problem, reply string) string {
	how := search.Extraction{EntryPoint: p.EntryPoint, Language: "python"}
	if p.Kind == lab.KindCheck || p.Kind == lab.KindReference {
		how.Mode, how.Prefix = search.ExtractPrefixBody, p.Prompt
	}
	code, _ := how.Extract(reply)
	return code
}
