package upstream

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/drover-llm/drover/gateway/openai"
)

// freeReply is how many bytes of a whole reply are not accounted for: nearly every
// reply is smaller, and the calls in flight bound how many there are.
const freeReply = 64 << 10

type memoryKey struct{}

// WithMemory returns a context whose calls ask take before a whole reply grows
// beyond 64 KiB: for the bytes that it holds more, so that the caller can bound
// what all replies hold together. When take refuses, the call fails as Full.
func WithMemory(ctx context.Context, take func(bytes int64) bool) context.Context {
	return context.WithValue(ctx, memoryKey{}, take)
}

// errNoMemory is the fault of a reply for which there is no room.
var errNoMemory = errors.New("the replies under way hold as much memory as they may")

// metered reads a reply and asks for the memory that it takes.
type metered struct {
	io.Reader
	take func(bytes int64) bool
	free int64 // bytes that may come before it asks
}

func meteredReader(ctx context.Context, r io.Reader) io.Reader {
	take, ok := ctx.Value(memoryKey{}).(func(int64) bool)
	if !ok {
		return r
	}
	return &metered{Reader: r, take: take, free: freeReply}
}

func (m *metered) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	if m.free -= int64(n); m.free < 0 {
		// A buffer that grows is twice as large as what is in it.
		if !m.take(-2 * m.free) {
			return n, errNoMemory
		}
		m.free = 0
	}
	return n, err
}

// noRoom is the error of such a reply: it was made, and is billed.
func noRoom() *openai.CallError {
	return &openai.CallError{Failure: openai.Full, Status: http.StatusOK, Spent: true, Err: errNoMemory}
}
