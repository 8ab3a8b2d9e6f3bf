package search

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"go.uber.org/goleak"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/pricing"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	code := m.Run()
	if box.runner != nil {
		if err := box.runner.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// box is the sandbox of all tests that need one.
var box struct {
	sync.Once
	runner *sandbox.Runner
	err    error
}

// testSandbox is the real sandbox, which must work on this machine.
func testSandbox(t testing.TB) *sandbox.Runner {
	t.Helper()
	box.Do(func() { box.runner, box.err = sandbox.New(context.Background(), sandbox.Config{}, nil) })
	if box.err != nil {
		t.Fatal(box.err)
	}
	if why := box.runner.Down(); why != "" {
		t.Fatal(why)
	}
	return box.runner
}

// request decodes a chat request with one user message and further members.
func request(t testing.TB, prompt string, members ...string) *openai.ChatRequest {
	t.Helper()
	content, err := json.Marshal(prompt)
	if err != nil {
		t.Fatal(err)
	}
	body := fmt.Sprintf(`{"model":"auto","messages":[{"role":"user","content":%s}]%s}`, content, strings.Join(append([]string{""}, members...), ","))
	q, err := openai.DecodeChatRequest([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// task parses a request that must be one for a search.
func task(t testing.TB, q *openai.ChatRequest) Task {
	t.Helper()
	parsed, err := ParseTask(q, Sources{})
	if err != nil {
		t.Fatal(err)
	}
	if !parsed.Searchable {
		t.Fatalf("not searchable: %s", parsed.Reason)
	}
	return parsed
}

// reply is a whole reply with these texts as its choices.
func reply(texts ...string) *openai.ChatResponse {
	var choices []string
	for _, text := range texts {
		choices = append(choices, fmt.Sprintf(`{"message":{"role":"assistant","content":%s},"finish_reason":"stop"}`, openai.String(text)))
	}
	r, err := openai.DecodeChatResponse([]byte(`{"choices":[` + strings.Join(choices, ",") + `]}`))
	if err != nil {
		panic(err)
	}
	return r
}

// said is how a scripted model answers one call.
type said struct {
	text  string // of every choice
	err   error
	delay time.Duration
}

// scripted is a model that answers from a script, from its beginning again when
// it ends, and keeps what it was asked and what it charged.
type scripted struct {
	script []said

	mu       sync.Mutex
	requests []*openai.ChatRequest
	running  int
	charges  []pricing.USD
}

func (s *scripted) take(q *openai.ChatRequest, by int) said {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running += by; by < 0 {
		return said{}
	}
	s.requests = append(s.requests, q)
	return s.script[(len(s.requests)-1)%len(s.script)]
}

func (s *scripted) Complete(ctx context.Context, q *openai.ChatRequest) (*openai.ChatResponse, error) {
	says := s.take(q, 1)
	defer s.take(nil, -1)
	timer := time.NewTimer(says.delay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return nil, &openai.CallError{Failure: openai.Cancelled, Spent: true, Err: ctx.Err()}
	case <-timer.C:
	}
	if says.err != nil {
		return nil, says.err
	}
	texts := make([]string, q.N)
	for i := range texts {
		texts[i] = says.text
	}
	return reply(texts...), nil
}

// rung is the model as a rung, each sample at most of this price.
func (s *scripted) rung(bound pricing.USD) Rung {
	return Rung{Model: "small", Sampler: s, Bound: bound, First: .2, Then: .8, Charge: func(q *openai.ChatRequest, r *openai.ChatResponse, err error) Charge {
		cost := bound * pricing.USD(q.N)
		if r != nil && cost > 1 {
			cost--
		}
		s.mu.Lock()
		s.charges = append(s.charges, cost)
		s.mu.Unlock()
		return Charge{Cost: &cost, Tries: 1}
	}}
}

// costOf is what all calls cost together, each of a known price.
func costOf(r Result) pricing.USD {
	sum := pricing.USD(0)
	for _, c := range r.Calls {
		sum += *c.Charge.Cost
	}
	return sum
}

// judge gives verdicts by a word in the program: pass, fail, lost or slow. The
// real sandbox cannot run where time is synthetic.
type judge struct {
	delay  time.Duration
	down   string
	accept map[string]sandbox.Report

	mu      sync.Mutex
	runs    []string
	running int
}

func (j *judge) Down() string { return j.down }

func (j *judge) enter(code string, by int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.running += by; by > 0 {
		j.runs = append(j.runs, code)
	}
}

func (j *judge) Run(ctx context.Context, job sandbox.Job) (sandbox.Report, error) {
	j.enter(job.Code, 1)
	defer j.enter("", -1)
	timer := time.NewTimer(j.delay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return sandbox.Report{Verdict: sandbox.Unjudged, Reason: sandbox.ReasonRunnerDown}, ctx.Err()
	case <-timer.C:
	}
	for word, report := range j.accept {
		if strings.Contains(job.Code, word) {
			return report, nil
		}
	}
	switch {
	case strings.Contains(job.Code, "pass"):
		return sandbox.Report{Verdict: sandbox.Passed, Assurance: sandbox.High, Total: 2, Passed: 2}, nil
	case strings.Contains(job.Code, "lost"):
		return sandbox.Report{Verdict: sandbox.Unjudged, Reason: sandbox.ReasonRunnerDown}, nil
	}
	return sandbox.Report{Verdict: sandbox.Failed, Assurance: sandbox.High, Total: 2, Passed: strings.Count(job.Code, "half"), Failure: "assert f(1) == secret"}, nil
}

// steps is a Stopper that goes through a list of batches and accepts every pass,
// or none before so many failures.
type steps struct {
	moves  []Move
	accept func(State) bool
	seen   []State
}

func (s *steps) Next(state State) Move {
	s.seen = append(s.seen, state)
	if len(s.moves) == 0 {
		return Move{}
	}
	move := s.moves[0]
	s.moves = s.moves[1:]
	return move
}

func (s *steps) Accept(state State) bool { return s.accept == nil || s.accept(state) }

// batches draws batches of these sizes from the first rung.
func batches(sizes ...int) *steps {
	s := &steps{}
	for _, n := range sizes {
		s.moves = append(s.moves, Move{Samples: n})
	}
	return s
}

// asSuites is a resolver of suites in memory.
func asSuites(get func(id string) ([]byte, bool)) func(string) (jsontext.Value, bool) {
	return func(id string) (jsontext.Value, bool) {
		v, ok := get(id)
		return v, ok
	}
}
