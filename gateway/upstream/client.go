package upstream

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/sony/gobreaker/v2"

	"github.com/drover-llm/drover/gateway/openai"
)

const (
	maxRetries = 2
	// maxPatience is the longest Retry-After that a call sits out; a longer one
	// is passed on, so that a fallback or the client can act on it.
	maxPatience = 5 * time.Second
)

// Client is one model at a provider, behind a circuit breaker of its own.
type Client struct {
	provider *Provider
	model    string
	breaker  *gobreaker.TwoStepCircuitBreaker[struct{}]
	opened   atomic.Int64 // unix nanoseconds at which the breaker opened last
	resume   atomic.Int64 // unix nanoseconds before which the provider wants no call
	retry    failsafe.Executor[any]
}

// Client returns the client for the model of this name at the provider, one
// however often it is asked for. log is told when the breaker opens and closes.
func (p *Provider) Client(model string, log *slog.Logger) *Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, ok := p.clients[model]; ok {
		return c
	}
	c := &Client{provider: p, model: model}
	p.clients[model] = c
	c.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:        p.name + "/" + model,
		Timeout:     p.config.Breaker.Cooldown,
		ReadyToTrip: func(n gobreaker.Counts) bool { return int(n.ConsecutiveFailures) >= p.config.Breaker.Failures },
		IsExcluded:  func(err error) bool { return !blames(err) },
		OnStateChange: func(name string, from, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				c.opened.Store(time.Now().UnixNano())
			}
			log.Warn("circuit breaker", "model", name, "from", from.String(), "to", to.String())
		},
	})
	c.retry = failsafe.With(retrypolicy.NewBuilder[any]().
		HandleIf(func(_ any, err error) bool { return worthRetrying(err) }).
		WithMaxRetries(maxRetries).
		WithBackoff(250*time.Millisecond, 4*time.Second).
		WithJitterFactor(jitter).
		WithDelayFunc(func(e failsafe.ExecutionAttempt[any]) time.Duration {
			var failed *openai.CallError
			if errors.As(e.LastError(), &failed) && failed.RetryAfter > 0 {
				return time.Duration(float64(failed.RetryAfter) / (1 - jitter)) // the jitter may take that much off
			}
			return -1 // the backoff
		}).
		ReturnLastFailure().
		Build())
	return c
}

// jitter is the share by which a delay varies, so that clients of a provider
// that was down do not come back in step.
const jitter = 0.2

// blames reports whether a failure is the provider's: that a client went away,
// or asked for the impossible, or asks too much, says nothing about its health.
func blames(err error) bool {
	failed, ok := errors.AsType[*openai.CallError](err)
	if !ok || failed.Tries == 0 { // never called, never to blame
		return false
	}
	switch failed.Failure {
	case openai.Unavailable, openai.TimedOut, openai.BadReply, openai.Cut, openai.Denied:
		return true
	}
	return false
}

// worthRetrying reports whether a failed try cost nothing and another one, after
// a moment, may succeed.
func worthRetrying(err error) bool {
	failed, ok := errors.AsType[*openai.CallError](err)
	if !ok || failed.Spent || failed.RetryAfter > maxPatience {
		return false
	}
	return failed.Failure == openai.Unavailable || failed.Failure == openai.RateLimited
}

// Provider is the YAML name of the model's provider.
func (c *Client) Provider() string { return c.provider.name }

// Model is what the provider calls the model.
func (c *Client) Model() string { return c.model }

// Dialect is how the model's host differs from OpenAI.
func (c *Client) Dialect() Dialect { return c.provider.dialect }

// Healthy reports whether the breaker would let a call through.
func (c *Client) Healthy() bool { return c.breaker.State() != gobreaker.StateOpen }

// encode returns the request's body as this provider wants it.
func (c *Client) encode(q *openai.ChatRequest) []byte {
	o := q.Object.Clone()
	o.Set("model", openai.String(c.model))
	body, _ := o.MarshalJSON() // cannot fail: the members are valid JSON
	return body
}
