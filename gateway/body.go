package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/drover-llm/drover/gateway/openai"
)

const (
	maxBody   = 32 << 20  // of one request, in bytes; images come inside the JSON
	maxMemory = 512 << 20 // of the bodies of all requests under way, in bytes
	firstRead = 64 << 10  // memory that a body gets on its word; more comes as it does
	// bodyWithin bounds how long a client may take to send its request.
	bodyWithin = 2 * time.Minute
)

// readBody reads the request's body into memory that is accounted for until
// release is called.
func (g *Gateway) readBody(c echo.Context) (body []byte, release func(), err error) {
	r := c.Request()
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, nil, openai.BadRequest("", "The request's Content-Encoding is %.40q. Send the JSON as it is.", encoding)
	}
	if r.ContentLength > maxBody {
		return nil, nil, errTooLarge
	}
	var held int64
	defer func() {
		if err != nil {
			g.memory.Release(held)
		}
	}()
	source := http.MaxBytesReader(c.Response(), r.Body, maxBody)
	for {
		if len(body) == cap(body) {
			larger := max(2*int64(cap(body)), firstRead)
			if r.ContentLength >= int64(cap(body)) { // and one byte more, to see the end
				larger = min(larger, r.ContentLength+1)
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
			c.Set(bodyRead, true)
			// net/http must not take the end of the time for a body for the client's.
			_ = http.NewResponseController(c.Response()).SetReadDeadline(time.Time{})
			return body, func() { g.memory.Release(held) }, nil
		}
		if err != nil {
			return nil, nil, bodyFailure(r.Context(), err)
		}
	}
}

// bodyRead marks a request whose body was read to its end: its connection can
// be used again.
const bodyRead = "body read"

// bodyFailure is what the client gets when its body could not be read.
func bodyFailure(ctx context.Context, err error) error {
	if errors.As(err, new(*http.MaxBytesError)) {
		return errTooLarge
	}
	if ctx.Err() != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return &openai.CallError{Failure: openai.Cancelled, Err: err}
	}
	return openai.BadRequest("", "The request's body could not be read to its end.")
}
