package upstream

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/drover-llm/drover/gateway/openai"
)

// call is one call that the provider has begun to answer. It holds a slot and
// owes the breaker a word; succeed, fail or abandon gives back both, once.
type call struct {
	*reply
	client  *Client
	tries   int
	release func()
	report  func(error) // nil once the breaker was told
	probing bool        // the breaker waits for this call to decide
}

// begin asks the breaker, waits out what the provider asked for, and sends the
// request until a reply's headers are there. Each try takes a slot; while it
// waits for another, it holds none.
func (c *Client) begin(ctx context.Context, q *openai.ChatRequest) (*call, error) {
	if err := c.rest(ctx); err != nil {
		return nil, err
	}
	report, err := c.breaker.Allow()
	if err != nil {
		cooldown := time.Until(time.Unix(0, c.opened.Load()).Add(c.provider.config.Breaker.Cooldown))
		return nil, &openai.CallError{Failure: openai.Open, RetryAfter: max(cooldown, time.Second), Err: err}
	}
	begun := &call{client: c, report: report, probing: c.breaker.State() == gobreaker.StateHalfOpen}
	defer func() {
		if begun.reply == nil { // also when something panics
			begun.abandon()
		}
	}()
	encoded, address := c.encode(q), c.provider.config.address(c.model, q.Endpoint())
	// What the last try came to. The library reports the end of the context in
	// its place; a reply that came all the same is as good as any.
	var last error
	try := func() error {
		var release func()
		if release, last = c.provider.enter(ctx); last != nil {
			return last
		}
		begun.tries++
		if begun.reply, last = c.try(ctx, address, encoded); last != nil {
			release()
			return last
		}
		begun.release = release
		return nil
	}
	if err = try(); worthRetrying(err) {
		err = c.again(ctx, err, try)
	}
	if begun.reply != nil {
		return begun, nil
	}
	var failed *openai.CallError
	if !errors.As(last, &failed) || worthRetrying(failed) && ctx.Err() != nil { // the context ended before a try, or between two
		failed = lost(ctx)
		failed.Err = err
	}
	if failed.RetryAfter > 0 && (failed.Failure == openai.RateLimited || failed.Failure == openai.Unavailable) {
		c.resume.Store(time.Now().Add(failed.RetryAfter).UnixNano())
	}
	return nil, begun.fail(failed)
}

// again tries until a try succeeds, or should not be repeated. The first one failed
// already: few do, so the library is troubled with those alone.
func (c *Client) again(ctx context.Context, failed error, try func() error) error {
	first := true
	return c.retry.WithContext(ctx).Run(func() error {
		if first {
			first = false
			return failed
		}
		return try()
	})
}

// rest waits until the provider wants to be called again, or fails at once when
// that is too far off.
func (c *Client) rest(ctx context.Context) error {
	wait := time.Until(time.Unix(0, c.resume.Load()))
	if wait <= 0 {
		return nil
	}
	if wait > maxPatience {
		return &openai.CallError{Failure: openai.RateLimited, Status: http.StatusTooManyRequests, RetryAfter: wait,
			Err: errors.New("the provider asked to be left alone for " + wait.Round(time.Second).String())}
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return lost(ctx)
	}
}

// alive tells a breaker that waits for this call that the model answers: a
// stream may take minutes to end.
func (c *call) alive() {
	if c.probing {
		c.tell(nil)
	}
}

// succeed ends a call that was answered to its end.
func (c *call) succeed() {
	c.tell(nil)
	c.close((*body).finish)
}

// fail ends a call that went wrong, and returns why.
func (c *call) fail(e *openai.CallError) error {
	e.Tries = c.tries
	c.tell(e)
	c.close((*body).Close)
	return e
}

// abandon ends a call that nobody reads on; after its end it does nothing.
func (c *call) abandon() {
	c.tell(&openai.CallError{Failure: openai.Cancelled})
	c.close((*body).Close)
}

func (c *call) tell(err error) {
	if c.report != nil {
		report := c.report
		c.report = nil
		report(err)
	}
}

func (c *call) close(end func(*body) error) {
	if c.release != nil {
		release := c.release
		c.release = nil
		_ = end(c.body) // the reply is read, or given up
		release()
	}
}
