package search_test

import (
	"context"
	"fmt"
	"time"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/search"
	"github.com/drover-llm/drover/pricing"
)

// model answers with one program after the other.
type model struct{ programs []string }

func (m *model) Complete(_ context.Context, _ *openai.ChatRequest) (*openai.ChatResponse, error) {
	program := m.programs[0]
	m.programs = m.programs[1:]
	return openai.DecodeChatResponse(fmt.Appendf(nil, `{"choices":[{"message":{"content":%s}}]}`, openai.String(program)))
}

// oneByOne draws single samples, and takes the first that passes.
type oneByOne struct{}

func (oneByOne) Next(search.State) search.Move { return search.Move{Samples: 1} }
func (oneByOne) Accept(search.State) bool      { return true }

func Example() {
	ctx := context.Background()
	runner, err := sandbox.New(ctx, sandbox.Config{}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer runner.Close()

	request, err := openai.DecodeChatRequest([]byte(`{"model": "auto", "messages": [{"role": "user", "content": "Write add."}],
		"verify": {"tests": "assert add(1, 2) == 3\nassert add(2, 2) == 4", "entry_point": "add"}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	task, err := search.ParseTask(request, search.Sources{})
	if err != nil {
		fmt.Println(err)
		return
	}
	price := pricing.Dollar / 10_000
	llama := search.Rung{
		Model: "llama-3.1-8b", Sampler: &model{[]string{"def add(a, b): return a * b", "def add(a, b): return a + b"}}, Bound: price,
		Charge: func(*openai.ChatRequest, *openai.ChatResponse, error) search.Charge {
			return search.Charge{Cost: &price, Tries: 1}
		},
	}
	result, err := search.Find(ctx, task, search.Plan{
		Request: request, Rungs: []search.Rung{llama}, Stopper: oneByOne{}, Runner: runner, Ceiling: pricing.Dollar / 1000, Now: time.Now,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range result.Samples {
		fmt.Printf("%s: %d of %d\n", s.Verdict, s.Report.Passed, s.Report.Total)
	}
	fmt.Printf("%s after %d calls\n", result.Stop, len(result.Calls))
	// Output:
	// failed: 1 of 2
	// passed: 2 of 2
	// passed after 2 calls
}
