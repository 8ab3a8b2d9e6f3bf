package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/policy/lab"
	"github.com/drover-llm/drover/pricing"
)

// evalReplayCmd plays recorded samples through a whole gateway.
type evalReplayCmd struct {
	problemFlags
	Samples string        `required:"" placeholder:"FILE" help:"Recorded samples."`
	Model   string        `help:"The model, where the file has several."`
	Strong  float64       `default:"0.902" help:"Share of problems that the simulated strong model solves."`
	Timeout time.Duration `default:"3s" help:"Processor time of the tests."`
	Only    string        `enum:"all,verdicts,search" default:"all" help:"What to play: ${enum}."`
	JSON    bool          `name:"json" help:"Print one JSON object."`
}

func (evalReplayCmd) Help() string {
	return "Starts a gateway with its ledger and sandbox over a stand-in that serves the recorded samples as a model, and asks it twice. Verdicts: every sample is drawn through POST /v1/chat/completions and judged by POST /v1/verify, and pass@k is compared with the recorded verdicts'. Search: every problem is asked once with its tests, as best of all its samples with escalation to a simulated strong model, and what each request cost is compared with the ceiling that was held for it. Exit status 1 when a ceiling was exceeded."
}

// replayNote is said wherever the replay's figures are.
const replayNote = "The cheap model's answers are recorded ones of a real model; the strong model is simulated. Gateway, sandbox, tests, prices and ledger are real."

// Names of the replay's models and route.
const (
	recordedModel = "recorded"
	strongModel   = "strong"
	searchRoute   = "best-of-n"
)

// replayConfig holds GPT-4o's prices, and for the recorded model one so low that
// another sample is always worth it: without a goal the route looks for the cheapest
// answer that passes, and the searches go on to their last sample before they
// escalate, which is what tries their ceilings.
const replayConfig = `
providers: { standin: { base_url: "${URL}", supports_n: true, max_in_flight: 64 } }
models:
  recorded: { provider: standin, price: { prompt_per_1m: "0.003", completion_per_1m: "0.005" } }
  strong: { provider: standin, price: { prompt_per_1m: "2.50", completion_per_1m: "10.00" } }
routes:
  best-of-n: { direct: strong, search: [ { model: recorded, max_samples: 256 } ], goal: { max_latency: 600s }, learn: { explore: 0 } }
`

// Run replays.
func (c evalReplayCmd) Run(ctx context.Context) (err error) {
	problems, _, err := c.read()
	if err != nil {
		return err
	}
	samples, _, _, err := readSamples(c.Samples, c.Model, problems)
	if err != nil {
		return err
	}
	byModel := recordings(problems, samples)
	if len(byModel) > 1 {
		return errors.New("the file has samples of several models: choose one with --model")
	}
	log := slog.New(slog.DiscardHandler)
	runner, err := sandbox.New(ctx, withPath(sandbox.Config{}), log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, runner.Close()) }()
	if err := judgesPython(ctx, runner, "go run ./cmd/drover eval replay …"); err != nil {
		return err
	}
	r := &replay{evalReplayCmd: c, problems: problems, byTask: map[string][]lab.Sample{}}
	for _, s := range samples {
		r.byTask[s.TaskID] = append(r.byTask[s.TaskID], s)
	}
	for _, recording := range byModel {
		r.recording = recording
	}
	r.gateway, err = startLoopback(ctx, replayConfig, standin.Config{Keep: -1, Models: map[string]standin.Script{
		recordedModel: r.recording.Script(), strongModel: {Func: r.strong},
	}}, runner, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.gateway.end()) }()
	fmt.Fprintln(os.Stderr, replayNote)
	report, err := r.play(ctx, len(samples))
	if err != nil {
		return err
	}
	if c.JSON {
		line, err := jsonv2.Marshal(report)
		if err != nil {
			return err
		}
		fmt.Printf("%s\n", line)
	} else if err := report.print(os.Stdout); err != nil {
		return err
	}
	if report.Search != nil && report.Search.OverCeiling > 0 {
		return exitCode(exitFault)
	}
	return nil
}

// replay is a gateway over recorded samples, and what is asked of it.
type replay struct {
	evalReplayCmd
	problems  []lab.Problem
	byTask    map[string][]lab.Sample
	recording *standin.Recording
	gateway   *loopback
}

// replayReport is what a replay came to; the JSON of --json.
type replayReport struct {
	Note     string        `json:"note"`
	Verdicts *lab.Report   `json:"verdicts"` // by POST /v1/verify; null: not asked
	Search   *searchReport `json:"search"`   // null: not asked
	Seconds  float64       `json:"seconds"`
}

// searchReport is what the searches came to.
type searchReport struct {
	Problems    int            `json:"problems"`
	Verified    int            `json:"verified"` // answers that passed the tests
	Ways        map[string]int `json:"ways"`     // answers by route: search, escalated, direct
	Samples     int            `json:"samples"`  // drawn
	Cost        lab.Dollars    `json:"cost_usd"`
	Billed      lab.Dollars    `json:"billed_usd"`    // by the stand-in's own count
	Ceilings    lab.Dollars    `json:"ceilings_usd"`  // that were held, together
	Highest     float64        `json:"highest_share"` // of its ceiling that a request cost
	OverCeiling int            `json:"over_ceiling"`  // requests that cost more than was held for them
	StrongAlone int            `json:"strong_alone"`  // problems that the strong model solves
}

func (r *replay) play(ctx context.Context, samples int) (*replayReport, error) {
	started := time.Now()
	report := &replayReport{Note: replayNote}
	if r.Only != "search" {
		progress := newBar(os.Stderr, "every sample", samples)
		results, err := r.verdicts(ctx, progress)
		progress.stop()
		if err != nil {
			return nil, err
		}
		report.Verdicts = new(lab.NewReport(results))
	}
	if r.Only != "verdicts" {
		r.recording.Rewind()
		r.gateway.models.Reset()
		progress := newBar(os.Stderr, "searches", len(r.problems))
		search, err := r.search(ctx, progress)
		progress.stop()
		if err != nil {
			return nil, err
		}
		report.Search = search
	}
	report.Seconds = time.Since(started).Seconds()
	return report, nil
}

// each calls do for every problem with samples, a few at a time.
func (r *replay) each(ctx context.Context, do func(context.Context, lab.Problem) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan lab.Problem)
	var workers sync.WaitGroup
	for range clients {
		workers.Go(func() {
			for p := range next {
				if ctx.Err() != nil {
					continue
				}
				if err := do(ctx, p); err != nil {
					cancel(fmt.Errorf("%s: %w", p.ID, err))
				}
			}
		})
	}
	for _, p := range r.problems {
		if len(r.byTask[p.ID]) > 0 {
			next <- p
		}
	}
	close(next)
	workers.Wait()
	return context.Cause(ctx)
}

// drawAtOnce is the most choices of one call.
const drawAtOnce = 100

// verdicts draws every sample from the gateway, and has it judge each.
func (r *replay) verdicts(ctx context.Context, progress *bar) ([]lab.Result, error) {
	var mu sync.Mutex
	var results []lab.Result
	err := r.each(ctx, func(ctx context.Context, p lab.Problem) error {
		recorded := r.byTask[p.ID]
		for from := 0; from < len(recorded); from += drawAtOnce {
			n := min(drawAtOnce, len(recorded)-from)
			var reply struct {
				Choices []struct{ Message struct{ Content string } }
			}
			err := r.post(ctx, "/v1/chat/completions", map[string]any{"model": recordedModel, "n": n, "messages": r.messages(p)}, &reply)
			if err != nil {
				return err
			}
			if len(reply.Choices) != n {
				return fmt.Errorf("%d choices of %d", len(reply.Choices), n)
			}
			for i, choice := range reply.Choices {
				s := recorded[from+i]
				var judged struct {
					Verdict  sandbox.Verdict
					Failure  *string
					Warnings []string
				}
				if err := r.post(ctx, "/v1/verify", map[string]any{"answer": choice.Message.Content, "verify": r.verify(p)}, &judged); err != nil {
					return err
				}
				one := lab.Result{TaskID: s.TaskID, Model: s.Model, Attempt: s.Attempt, Base: judged.Verdict, Recorded: lab.Recorded{Base: s.Base},
					Why: strings.Join(judged.Warnings, "; ")}
				if judged.Failure != nil {
					one.Why = *judged.Failure
				}
				mu.Lock()
				results = append(results, one)
				mu.Unlock()
				progress.step("every sample")
			}
		}
		return nil
	})
	return results, err
}

// maxOutput bounds the answers of the searches, in tokens: without a limit that is
// known there is no ceiling.
const maxOutput = 2048

// search asks every problem once, as best of all its samples.
func (r *replay) search(ctx context.Context, progress *bar) (*searchReport, error) {
	report := &searchReport{Ways: map[string]int{}}
	var mu sync.Mutex
	err := r.each(ctx, func(ctx context.Context, p lab.Problem) error {
		verify := r.verify(p)
		verify["budget"] = map[string]any{"max_samples": min(len(r.byTask[p.ID]), 256), "deadline_s": 600}
		var reply struct {
			Verify struct {
				Route    string
				Verified *bool
				Samples  struct{ Drawn int }
			}
		}
		if err := r.post(ctx, "/v1/chat/completions", map[string]any{"model": searchRoute, "messages": r.messages(p), "verify": verify, "max_tokens": maxOutput}, &reply); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		report.Problems++
		report.Samples += reply.Verify.Samples.Drawn
		report.Ways[reply.Verify.Route]++
		if v := reply.Verify.Verified; v != nil && *v {
			report.Verified++
		}
		if r.solves(p) {
			report.StrongAlone++
		}
		progress.step("searches")
		return nil
	})
	if err != nil {
		return nil, err
	}
	return report, errors.Join(r.money(report), r.billed(report))
}

// money adds up what the searches were held for, and what they cost.
func (r *replay) money(report *searchReport) error {
	for _, request := range r.gateway.journal.settled() {
		if request.outcome.Route != searchRoute {
			continue
		}
		ceiling, cost := request.hold.Ceiling, request.outcome.Charge()
		if ceiling == nil || cost == nil {
			return fmt.Errorf("%s: its ceiling or its cost is not known", request.outcome.ID)
		}
		report.Cost += lab.Dollars(*cost)
		report.Ceilings += lab.Dollars(*ceiling)
		report.Highest = max(report.Highest, float64(*cost)/float64(*ceiling))
		if *cost > *ceiling {
			report.OverCeiling++
		}
	}
	return nil
}

// billed is what the stand-in itself counts, at the same prices.
func (r *replay) billed(report *searchReport) error {
	for model, price := range map[string]pricing.PriceConfig{
		recordedModel: {Prompt: "0.003", Completion: "0.005"}, strongModel: {Prompt: "2.50", Completion: "10.00"},
	} {
		p, err := price.Price()
		if err != nil {
			return err
		}
		b := r.gateway.models.Billed()[model]
		cost, err := p.Cost(pricing.Usage{Prompt: b.Prompt, Completion: b.Completion})
		if err != nil {
			return err
		}
		report.Billed += lab.Dollars(cost)
	}
	return nil
}

func (r *replay) messages(p lab.Problem) []any {
	return []any{map[string]string{"role": "user", "content": p.Ask()}}
}

// verify is the request's verify object: the base tests.
func (r *replay) verify(p lab.Problem) map[string]any {
	job := p.Job("", lab.Base)
	v := map[string]any{"language": job.Language, "limits": map[string]any{"timeout_s": r.Timeout.Seconds()}}
	if job.EntryPoint != "" {
		v["entry_point"] = job.EntryPoint
	}
	if len(job.Cases) > 0 {
		v["cases"] = job.Cases
	} else {
		v["tests"] = job.Tests
	}
	return v
}

// strong answers for the simulated strong model: with the set's own solution, or
// with nothing of use.
func (r *replay) strong(q standin.Request) standin.Answer {
	for _, p := range r.problems {
		if strings.Contains(q.Prompt, strings.TrimSpace(p.Prompt)) {
			if r.solves(p) {
				return standin.Answer{Text: fenced(p.Solution)}
			}
			break
		}
	}
	return standin.Answer{Text: fenced("def nothing():\n    pass\n")}
}

// solves says whether the simulated strong model knows a problem: a share of
// them, drawn by their names.
func (r *replay) solves(p lab.Problem) bool {
	h := fnv.New64a()
	h.Write([]byte(p.ID))
	return p.Solution != "" && rand.New(rand.NewPCG(h.Sum64(), 0)).Float64() < r.Strong
}

// post asks the gateway.
func (r *replay) post(ctx context.Context, path string, body, reply any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, r.gateway.url+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	q.Header.Set("Authorization", "Bearer "+r.gateway.key)
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if text, err = io.ReadAll(resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: status %d: %.300s", path, resp.StatusCode, text)
	}
	return json.Unmarshal(text, reply)
}

// print is the report for people.
func (r *replayReport) print(w io.Writer) error {
	if r.Verdicts != nil {
		fmt.Fprintln(w, "Every sample, judged by POST /v1/verify")
		if err := printEvaluation(w, *r.Verdicts); err != nil {
			return err
		}
	}
	if s := r.Search; s != nil {
		share := lab.Wilson(s.Verified, s.Problems)
		fmt.Fprintf(w, "\nBest of all samples, then the strong model (simulated): %d of %d problems verified (%.1f to %.1f %%), %d samples drawn\n",
			s.Verified, s.Problems, 100*share.Low, 100*share.High, s.Samples)
		fmt.Fprintf(w, "  the strong model alone solves %d\n", s.StrongAlone)
		var ways []string
		for _, way := range slices.Sorted(maps.Keys(s.Ways)) {
			ways = append(ways, fmt.Sprintf("%d %s", s.Ways[way], way))
		}
		fmt.Fprintf(w, "  route of the answer: %s\n", strings.Join(ways, ", "))
		fmt.Fprintf(w, "  cost $%s; by the stand-in's own bill $%s; held $%s\n", pricing.USD(s.Cost), pricing.USD(s.Billed), pricing.USD(s.Ceilings))
		fmt.Fprintf(w, "  %d requests cost more than their ceiling; the dearest took %.1f %% of it\n", s.OverCeiling, 100*s.Highest)
	}
	_, err := fmt.Fprintf(w, "%s Took %.0f s.\n", r.Note, r.Seconds)
	return err
}
