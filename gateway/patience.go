package gateway

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/drover-llm/drover/gateway/openai"
)

// Patience is how long the client's SDK waits before it gives up, as it announced;
// 0 where it did not say.
type Patience struct {
	First time.Duration // for the first byte, which of a whole reply is all
	Next  time.Duration // for each further byte of a stream
	Whole time.Duration // for the end of a stream
}

// announced reads what OpenAI's SDKs say about themselves: the one for Python waits
// so long for each byte, the one for Node for the headers only, the one for Go for
// the whole attempt.
func announced(h http.Header) (p Patience) {
	p.Next = headerSeconds(h, "X-Stainless-Read-Timeout")
	p.First = p.Next
	if d := headerSeconds(h, "X-Stainless-Timeout"); d > 0 {
		p.First = d
		if h.Get("X-Stainless-Lang") == "go" {
			p.Whole = d
		}
	}
	return p
}

func headerSeconds(h http.Header, name string) time.Duration {
	text := h.Get(name)
	if text == "" {
		return 0
	}
	if s, err := strconv.ParseFloat(text, 64); err == nil && s > 0 && s < 1e6 {
		return time.Duration(s * float64(time.Second))
	}
	return 0
}

// before is a little less than d, so that the client hears why it gets no answer,
// and does not come back to buy it again.
func before(d time.Duration) time.Duration { return d - min(d/10, 2*time.Second) }

// pings is how often a stream must show that it lives.
func (p Patience) pings() time.Duration {
	if p.First > 0 {
		return min(pingEvery, p.First/2)
	}
	return pingEvery
}

// patiently ends a whole reply before its client's patience does.
func patiently(ctx context.Context, p Patience) (context.Context, context.CancelFunc) {
	if p.First == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, before(p.First))
}

// patientOutlet ends a stream before its client's patience does.
type patientOutlet struct {
	outlet
	next  time.Duration // 0: after the first byte it waits for ever
	timer *time.Timer
}

// patientStream is out under the client's patience, and the context of what is
// written to it.
func patientStream(ctx context.Context, p Patience, out outlet) (outlet, context.Context, context.CancelFunc) {
	if p.First == 0 {
		return out, ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	late := func() { cancel(context.DeadlineExceeded) }
	timer := time.AfterFunc(before(p.First), late)
	if p.Whole == 0 {
		out = patientOutlet{out, before(p.Next), timer}
	}
	return out, ctx, func() { timer.Stop(); cancel(nil) }
}

func (o patientOutlet) Begin(model string, h http.Header) {
	o.timer.Stop()
	o.outlet.Begin(model, h)
}

func (o patientOutlet) Chunk(c openai.Chunk) error {
	if o.next > 0 {
		o.timer.Reset(o.next)
	}
	return o.outlet.Chunk(c)
}

// inTime makes an error that the client's patience caused, of which waiting is the
// context, one that it hears of: it is still there.
func inTime(client, waiting context.Context, err error) error {
	if failed, ok := errors.AsType[*openai.CallError](err); ok && failed.Failure == openai.Cancelled && waiting.Err() != nil && client.Err() == nil {
		late := *failed
		late.Failure = openai.TimedOut
		return &late
	}
	return err
}
