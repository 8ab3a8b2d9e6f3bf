package search

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/gateway/upstream"
	"github.com/drover-llm/drover/pricing"
)

// client is an upstream client as a Sampler.
type client struct{ *upstream.Client }

func (c client) Complete(ctx context.Context, q *openai.ChatRequest) (*openai.ChatResponse, error) {
	reply, err := c.Client.Complete(ctx, q)
	return reply.ChatResponse, err
}

// served is a rung whose model is a stand-in behind real HTTP.
func served(t *testing.T, script standin.Script) (Rung, *standin.Server) {
	t.Helper()
	server := standin.New(standin.Config{Models: map[string]standin.Script{"llama": script}})
	if err := server.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	provider := upstream.NewProvider("host", upstream.Config{BaseURL: server.URL()}, nil)
	t.Cleanup(func() {
		provider.Close()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	price := pricing.Price{Prompt: 50_000, Completion: 80_000}
	bound, err := price.Cost(pricing.Usage{Prompt: 500, Completion: 300})
	if err != nil {
		t.Fatal(err)
	}
	return Rung{
		Model: "llama-3.1-8b", Sampler: client{provider.Client("llama", slog.New(slog.DiscardHandler))}, First: .2, Then: .8, Bound: bound,
		Charge: func(q *openai.ChatRequest, r *openai.ChatResponse, err error) Charge {
			usage := pricing.Usage{Prompt: 500 * int64(q.N), Completion: 300 * int64(q.N)}
			var failed *openai.CallError
			if errors.As(err, &failed) && !failed.Spent {
				usage = pricing.Usage{}
			} else if err == nil {
				usage = pricing.Usage{Prompt: r.Usage.Prompt, Completion: r.Usage.Completion}
			}
			cost, err := price.Cost(usage)
			if err != nil {
				t.Error(err)
			}
			return Charge{Usage: usage, Counted: r == nil, Cost: &cost, Tries: 1}
		},
	}, server
}

// A search as a user has it: a host over HTTP, programs in the sandbox.
func TestFindOverHTTPAndInTheSandbox(t *testing.T) {
	runner := testSandbox(t)
	program := func(body string) standin.Answer {
		return standin.Answer{Text: "Here it is:\n\n" + ticks + "python\ndef add(a, b):\n    " + body + "\n" + ticks + "\nDone."}
	}
	answers := []standin.Answer{
		program("return a - b"), program("return a - b  # again"), {Text: "I cannot do that."}, program("return a * b if a == b == 2 else 0"),
		program("import os; os._exit(0)"), program("return a + b"), program("while True: pass"), program("return a+b"),
	}
	prompt := request(t, "Write add.", `"max_tokens":300`, `"verify":{"tests":"assert add(2, 2) == 4\nassert add(1, 2) == 3","entry_point":"add","limits":{"timeout_s":1}}`)
	for name, n := range map[string]bool{"calls": false, "choices": true} {
		t.Run(name, func(t *testing.T) {
			rung, server := served(t, standin.Script{Answers: answers})
			rung.SupportsN = n
			plan := Plan{Request: prompt, Rungs: []Rung{rung}, Stopper: batches(1, 3, 4), Runner: runner, Ceiling: 20 * rung.Bound, Deadline: time.Now().Add(time.Minute), Now: time.Now}
			r, err := Find(t.Context(), task(t, prompt), plan)
			if err != nil {
				t.Fatal(err)
			}
			won, ok := r.Accepted()
			if !ok || r.Stop != StopPassed || won.Report.Passed != 2 || won.Report.Assurance != sandbox.High {
				t.Fatalf("stop %s, %+v", r.Stop, won)
			}
			if cost := costOf(r); cost <= 0 || cost > plan.Ceiling {
				t.Errorf("spent %s of %s", cost, plan.Ceiling)
			}
			failed, equal := 0, 0
			for _, s := range r.Samples {
				if s.Verdict == sandbox.Failed {
					failed++
				}
				if s.Equals >= 0 {
					equal++
				}
			}
			if failed < 4 || equal < 1 {
				t.Errorf("%d failed, %d equal: %+v", failed, equal, r.Rungs)
			}
			// What arrived is billed as the host has counted it.
			var usage pricing.Usage
			for _, c := range r.Calls {
				if c.Err == nil {
					usage.Prompt += c.Charge.Usage.Prompt
					usage.Completion += c.Charge.Usage.Completion
				}
			}
			billed := server.Billed()["llama"]
			if len(r.Samples) == 8 && (usage.Prompt != billed.Prompt || usage.Completion != billed.Completion) {
				t.Errorf("billed %s, the host says %+v", usage, billed)
			}
		})
	}
}
