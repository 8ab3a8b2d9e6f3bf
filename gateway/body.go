package gateway

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/upstream"
)

const (
	maxMemory  = 512 << 20 // of the bodies of all requests under way, in bytes
	maxReplies = 512 << 20 // of all whole replies under way, in bytes; see holdReplies
	firstRead  = 64 << 10  // memory that a body gets on its word; more comes as it does
	// bodyWithin bounds how long a client may take to send its request.
	bodyWithin = 2 * time.Minute
)

// readBody reads the request's body into memory that is accounted for until
// release is called.
func (g *Gateway) readBody(c echo.Context) (body []byte, release func(), err error) {
	r := c.Request()
	most, length := int64(g.HTTP.MaxBody), r.ContentLength
	if length > most {
		return nil, nil, tooLarge(most)
	}
	source, length, err := inflated(c, most, length)
	if err != nil {
		return nil, nil, err
	}
	var held int64
	defer func() {
		if err != nil {
			g.memory.Release(held)
		}
	}()
	for {
		if int64(len(body)) > most {
			return nil, nil, tooLarge(most)
		}
		if len(body) == cap(body) {
			larger := max(2*int64(cap(body)), firstRead)
			if length >= int64(cap(body)) { // and one byte more, to see the end
				larger = min(larger, length+1)
			}
			if !g.memory.TryAcquire(larger) {
				return nil, nil, errOverloaded
			}
			body = append(make([]byte, 0, larger), body...)
			g.memory.Release(held)
			held = larger
		}
		n, err := source.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if errors.Is(err, io.EOF) {
			r.Body = http.NoBody // nothing is left, so the connection can be used again; see handleError
			// net/http must not take the end of the time for a body for the client's.
			_ = http.NewResponseController(c.Response()).SetReadDeadline(time.Time{})
			return body, func() { g.memory.Release(held) }, nil
		}
		if err != nil {
			return nil, nil, bodyFailure(r.Context(), most, err)
		}
	}
}

// inflated is the request's body without its compression, and how many bytes it
// says that it has, -1 for an unknown number. What it inflates to is bounded by
// whoever reads it.
func inflated(c echo.Context, most, length int64) (io.Reader, int64, error) {
	r := c.Request()
	source := http.MaxBytesReader(c.Response(), r.Body, most)
	switch encoding := r.Header.Get("Content-Encoding"); strings.ToLower(encoding) {
	case "", "identity":
		return source, length, nil
	case "gzip", "x-gzip":
		reader, err := gzip.NewReader(source)
		if err != nil {
			return nil, 0, bodyFailure(r.Context(), most, err)
		}
		return reader, -1, nil
	default:
		return nil, 0, openai.BadRequest("", "The request's Content-Encoding is %.40q. Send the JSON as it is, or as gzip.", encoding)
	}
}

// bodyFailure is what the client gets when its body could not be read.
func bodyFailure(ctx context.Context, most int64, err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return tooLarge(most)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.As(err, &corrupt):
		return openai.BadRequest("", "The request's Content-Encoding is gzip, but its body is not.")
	}
	if ctx.Err() != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return &openai.CallError{Failure: openai.Cancelled, Err: err}
	}
	return openai.BadRequest("", "The request's body could not be read to its end.")
}

// holdReplies returns a context whose calls to models account for the memory of
// their replies, until release is called.
func (g *Gateway) holdReplies(ctx context.Context) (_ context.Context, release func()) {
	var held atomic.Int64
	take := func(n int64) bool {
		ok := g.replies.TryAcquire(n)
		if ok {
			held.Add(n)
		}
		return ok
	}
	return upstream.WithMemory(ctx, take), func() { g.replies.Release(held.Swap(0)) }
}
