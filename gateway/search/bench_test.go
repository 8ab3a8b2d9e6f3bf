//go:build unix

package search

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/sandbox"
)

// instant answers at once with a reply of its own for every call.
type instant struct{ bodies [][]byte }

func (s *instant) reply(i int) *openai.ChatResponse {
	r, err := openai.DecodeChatResponse(s.bodies[i%len(s.bodies)])
	if err != nil {
		panic(err)
	}
	return r
}

// failAll fails every program at once.
type failAll struct{}

func (failAll) Run(context.Context, sandbox.Job) (sandbox.Report, error) {
	return sandbox.Report{Verdict: sandbox.Failed, Assurance: sandbox.High, Total: 3}, nil
}

type completer func(*openai.ChatRequest) (*openai.ChatResponse, error)

func (c completer) Complete(_ context.Context, q *openai.ChatRequest) (*openai.ChatResponse, error) {
	return c(q)
}

func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkFind measures what a search adds to every sample beside the model's
// and the tests' time: request, extraction, hash, bookkeeping. The reference is
// what any client does with a reply, which is to decode it.
func BenchmarkFind(b *testing.B) {
	const samples = 64
	model := &instant{}
	for i := range samples {
		program := fmt.Sprintf("def solve(numbers: list[int]) -> int:\n    \"\"\"Return the largest sum, attempt %d.\"\"\"\n", i)
		for k := range 20 {
			program += fmt.Sprintf("    total_%d = sum(x * %d for x in numbers if x > %d)  # step %d\n", k, i, k, k)
		}
		text := "Here is a solution that walks over the list once:\n\n" + ticks + "python\n" + program + "    return max(total_0, total_1)\n" + ticks + "\n\n" + strings.Repeat("It is linear in the length of the list. ", 8)
		model.bodies = append(model.bodies, fmt.Appendf(nil, `{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":%s},"finish_reason":"stop"}],"usage":{"prompt_tokens":200,"completion_tokens":400}}`, openai.String(text)))
	}
	q := request(b, strings.Repeat("Write solve, which returns the largest sum. ", 20), `"max_tokens":600`, `"verify":{"tests":"assert solve([1]) == 1","entry_point":"solve"}`)
	tk := task(b, q)
	var reference, searched time.Duration // processor time: the machine may be busy
	for b.Loop() {
		started := processorTime(b)
		for i := range samples {
			model.reply(i)
		}
		reference += processorTime(b) - started

		calls := make(chan int, samples)
		for i := range samples {
			calls <- i
		}
		rung := Rung{Model: "small", Bound: 1, Sampler: completer(func(*openai.ChatRequest) (*openai.ChatResponse, error) { return model.reply(<-calls), nil }),
			Charge: func(*openai.ChatRequest, *openai.ChatResponse, error) Charge { return Charge{} }}
		started = processorTime(b)
		r, err := Find(b.Context(), tk, Plan{Request: q, Rungs: []Rung{rung}, Stopper: batches(1, 3, 12, 48), Runner: failAll{}, Ceiling: 1000, Now: time.Now})
		searched += processorTime(b) - started
		if err != nil || len(r.Samples) != samples {
			b.Fatalf("%d samples: %v", len(r.Samples), err)
		}
	}
	n := float64(b.N * samples)
	b.ReportMetric(float64((searched-reference).Microseconds())/n, "cpu-µs/sample")
	b.ReportMetric(float64(searched)/float64(reference), "x-decoding")
}

// BenchmarkHostilePrompts reads prompts that are made to be read again and again:
// four times the size is to take about four times as long, whatever is repeated.
func BenchmarkHostilePrompts(b *testing.B) {
	for _, part := range []string{"assert f(\n", "pass these tests:\n\n", "Sample Input\n" + ticks + "\n", "Sample Input\nx\n\n", "a(b(c1(", ticks + "python\n", ">>> f(\n", "[\n", "assert f(1) ", "... x\n"} {
		b.Run(strings.TrimSpace(part), func(b *testing.B) {
			read := func(size int) time.Duration {
				text := "def f():\n    \"\"\"\n    >>> f()\n" + strings.Repeat(part, size/len(part))
				started := processorTime(b)
				FindTests(text)
				Task{}.Candidate(ticks + "\n" + text)
				return processorTime(b) - started
			}
			var small, large time.Duration
			for b.Loop() {
				small += 4 * read(maxPrompt/5)
				large += read(maxPrompt / 5 * 4)
			}
			b.ReportMetric(float64(large)/float64(small), "x-linear")
		})
	}
}
