package lab

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Endpoint is an OpenAI-compatible host, and how it is asked.
type Endpoint struct {
	BaseURL     string   `json:"base_url"`
	Model       string   `json:"model"`
	Samples     int      `json:"samples"` // of each problem
	Temperature *float64 `json:"temperature"`
	Seed        *int64   `json:"seed"` // of the first sample; each further one has the next
	MaxTokens   int      `json:"max_tokens,omitzero"`
	// Verify sends the base tests along, in the verify field that Drovers know.
	Verify bool `json:"verify,omitzero"`
}

// Asker buys answers from an endpoint.
type Asker struct {
	Endpoint
	Key      string       // bearer token; empty: none is sent
	Parallel int          // calls at a time
	Client   *http.Client // nil: http.DefaultClient
	// Pause before the second try of a call, and twice as long before each further
	// one; 0: a second. An endpoint that says how long goes before.
	Pause time.Duration
	// Extract takes the program from a reply.
	Extract func(p Problem, reply string) string
	// Failed is told of every call that was given up, which a later run tries again.
	Failed func(Key, error)
}

// errGivenUp says that an endpoint failed the same way for too many calls in a row.
var errGivenUp = errors.New("the endpoint keeps failing")

// failuresInARow end a run: the endpoint is down, and the rest can be had later.
const failuresInARow = 5

// Ask buys the answers that are missing, keeps each, and yields those of the
// evaluation, the ones it has first. It stops early when ctx ends, yield says so,
// or the endpoint refuses or keeps failing.
func (e *Evaluation) Ask(ctx context.Context, a Asker, problems []Problem, yield func(Sample) bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	type question struct {
		problem Problem
		attempt int
	}
	var missing []question
	for attempt := 1; attempt <= a.Samples; attempt++ {
		for _, p := range problems {
			if s, ok := e.Answers[Key{p.ID, a.Model, attempt}]; !ok {
				missing = append(missing, question{p, attempt})
			} else if !yield(s) {
				return nil
			}
		}
	}
	next := make(chan question)
	answers := make(chan Sample)
	var mu sync.Mutex
	failures := 0
	var workers sync.WaitGroup
	for range max(a.Parallel, 1) {
		workers.Go(func() {
			for q := range next {
				s, err := a.ask(ctx, q.problem, q.attempt)
				if ctx.Err() != nil {
					continue
				}
				if err == nil {
					err = e.answers.add(s)
					if err != nil {
						cancel(err)
						continue
					}
					mu.Lock()
					failures = 0
					mu.Unlock()
					select {
					case answers <- s:
					case <-ctx.Done():
					}
					continue
				}
				mu.Lock()
				failures++
				if a.Failed != nil {
					a.Failed(Key{q.problem.ID, a.Model, q.attempt}, err)
				}
				var refused *refusal
				switch {
				case errors.As(err, &refused) && refused.forGood():
					cancel(err)
				case failures >= failuresInARow:
					cancel(fmt.Errorf("%w: %w", errGivenUp, err))
				}
				mu.Unlock()
			}
		})
	}
	go func() {
		defer close(answers)
		for _, q := range missing {
			select {
			case next <- q:
			case <-ctx.Done():
			}
		}
		close(next)
		workers.Wait()
	}()
	for s := range answers {
		if ctx.Err() == nil && !yield(s) {
			cancel(context.Canceled)
		}
	}
	return context.Cause(ctx)
}

// refusal is an answer that is an error.
type refusal struct {
	status  int
	message string
	retry   string // x-should-retry
	after   time.Duration
}

func (r *refusal) Error() string { return fmt.Sprintf("status %d: %s", r.status, r.message) }

// forGood says that every call like this one would be refused.
func (r *refusal) forGood() bool {
	switch r.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		return true
	}
	return r.status == http.StatusTooManyRequests && r.retry == "false" // the budget is spent
}

func (r *refusal) again() bool {
	if r.retry != "" {
		return r.retry == "true"
	}
	return r.status == http.StatusTooManyRequests || r.status == http.StatusRequestTimeout || r.status >= 500
}

// tries of one call, and the longest pause between two.
const (
	tries      = 5
	longestGap = 60 * time.Second
)

// ask makes one call, again where it may succeed another time.
func (a Asker) ask(ctx context.Context, p Problem, attempt int) (Sample, error) {
	body, err := a.body(p, attempt)
	if err != nil {
		return Sample{}, err
	}
	gap := cmp.Or(a.Pause, time.Second)
	for try := 1; ; try++ {
		started := time.Now()
		s, err := a.call(ctx, body)
		if err == nil {
			s.TaskID, s.Model, s.Attempt, s.Latency = p.ID, a.Model, attempt, Milliseconds(time.Since(started))
			s.Code = a.Extract(p, s.Reply)
			return s, nil
		}
		var refused *refusal
		if ctx.Err() != nil || try == tries || errors.As(err, &refused) && !refused.again() {
			return s, err
		}
		wait := gap
		if refused != nil && refused.after > 0 {
			wait = refused.after
		}
		gap *= 2
		timer := time.NewTimer(min(wait, longestGap))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return s, ctx.Err()
		}
	}
}

func (a Asker) body(p Problem, attempt int) ([]byte, error) {
	q := map[string]any{
		"model":    a.Model,
		"messages": []any{map[string]string{"role": "user", "content": p.Ask()}},
	}
	if a.Temperature != nil {
		q["temperature"] = *a.Temperature
	}
	if a.Seed != nil {
		q["seed"] = *a.Seed + int64(attempt) - 1
	}
	if a.MaxTokens > 0 {
		q["max_tokens"] = a.MaxTokens
	}
	if a.Verify && p.Has(Base) {
		job := p.Job("", Base)
		verify := map[string]any{"language": job.Language, "limits": map[string]any{"timeout_s": job.Limits.CPU.Seconds()}}
		if job.EntryPoint != "" {
			verify["entry_point"] = job.EntryPoint
		}
		if len(job.Cases) > 0 {
			verify["cases"] = job.Cases
		} else {
			verify["tests"] = job.Tests
		}
		q["verify"] = verify
	}
	return json.Marshal(q)
}

// maxReply bounds a reply, in bytes.
const maxReply = 64 << 20

func (a Asker) call(ctx context.Context, body []byte) (Sample, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(a.BaseURL, "/")+"/chat/completions", bytes.NewReader(body))
	if err != nil {
		return Sample{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	if a.Key != "" {
		r.Header.Set("Authorization", "Bearer "+a.Key)
	}
	client := a.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(r)
	if err != nil {
		return Sample{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil {
		return Sample{}, err
	}
	if resp.StatusCode != http.StatusOK {
		return Sample{}, newRefusal(resp, text)
	}
	return readReply(text)
}

func newRefusal(resp *http.Response, text []byte) *refusal {
	r := &refusal{status: resp.StatusCode, retry: resp.Header.Get("X-Should-Retry")}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		r.after = time.Duration(s) * time.Second
	}
	var body struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(text, &body) == nil && body.Error.Message != "" {
		r.message = body.Error.Message
	} else {
		r.message = shortened(strings.TrimSpace(string(text)), 300)
	}
	return r
}

// readReply takes what an evaluation keeps from a chat completion.
func readReply(text []byte) (Sample, error) {
	var reply struct {
		Choices []struct {
			Message struct {
				Content string `json:"content"`
			} `json:"message"`
		} `json:"choices"`
		Usage *struct {
			Prompt     int64    `json:"prompt_tokens"`
			Completion int64    `json:"completion_tokens"`
			Cost       *Dollars `json:"cost"`
		} `json:"usage"`
		Verify jsontext.Value `json:"verify"`
	}
	if err := json.Unmarshal(text, &reply); err != nil {
		return Sample{}, fmt.Errorf("the reply is no chat completion: %w", err)
	}
	if len(reply.Choices) == 0 {
		return Sample{}, errors.New("the reply has no choice")
	}
	s := Sample{Reply: reply.Choices[0].Message.Content, Verify: reply.Verify}
	if u := reply.Usage; u != nil {
		s.Tokens, s.Cost = &Tokens{u.Prompt, u.Completion}, u.Cost
	}
	if all, ok := allTokens(s.Verify); ok {
		s.Tokens = &all
	}
	return s, nil
}

// account is what a Drover says of a request, as far as an evaluation uses it.
type account struct {
	Route   string `json:"route"`
	Samples struct {
		Drawn int `json:"drawn"`
	} `json:"samples"`
	Tokens Tokens `json:"tokens"`
}

// drawn is how many samples a Drover drew for an answer, and its route.
func drawn(verify jsontext.Value) (int, string) {
	var a account
	if len(verify) == 0 || json.Unmarshal(verify, &a) != nil {
		return 0, ""
	}
	return a.Samples.Drawn, a.Route
}

// allTokens are those of the whole request: usage counts the returned answer.
func allTokens(verify jsontext.Value) (Tokens, bool) {
	var a account
	if len(verify) == 0 || json.Unmarshal(verify, &a) != nil || a.Tokens == (Tokens{}) {
		return Tokens{}, false
	}
	return a.Tokens, true
}
