package upstream

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/drover-llm/drover/gateway/openai"
)

// body is a reply's body under the provider's timeout.
type body struct {
	io.ReadCloser
	ctx      context.Context
	timer    *time.Timer
	stop     func()
	timeout  time.Duration
	stream   bool // the timeout bounds each wait for bytes, not the whole reply
	received int64
}

// asStream makes the timeout bound each wait for bytes. Between two reads it does
// not run: that a client is slow is no silence of the provider's.
func (b *body) asStream() {
	b.stream = true
	b.timer.Stop()
}

func (b *body) Read(p []byte) (int, error) {
	if b.stream {
		b.timer.Reset(b.timeout)
		defer b.timer.Stop()
	}
	n, err := b.ReadCloser.Read(p)
	b.received += int64(n)
	if b.received > maxReply {
		return n, errTooLong
	}
	return n, err
}

// hurry makes the reads that are left short: the answer is complete.
func (b *body) hurry(patience time.Duration) { b.timeout = min(b.timeout, patience) }

// leftover is what a body may still hold behind its end, and for how long it is
// waited for, so that the connection can be used again.
const (
	leftoverBytes    = 4 << 10
	leftoverPatience = 50 * time.Millisecond
)

// finish closes the body of a reply that has ended.
func (b *body) finish() error {
	b.hurry(leftoverPatience)
	_, _ = io.CopyN(io.Discard, b, leftoverBytes)
	return b.Close()
}

func (b *body) Close() error {
	b.stop()
	return b.ReadCloser.Close()
}

// fault turns an error of reading into a CallError.
func (b *body) fault(err error) *openai.CallError {
	failed := broken(b.ctx, err, true)
	if failed.Failure == openai.Unavailable {
		failed.Failure = openai.Cut
	}
	failed.Status = http.StatusOK
	return failed
}
