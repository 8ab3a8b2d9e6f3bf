package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/drover-llm/drover/gateway/openai"
)

// Handler returns the data plane: OpenAI's API and the health checks.
func (g *Gateway) Handler() http.Handler {
	e := echo.New()
	e.HTTPErrorHandler = g.handleError
	e.Pre(g.admit)
	e.POST("/v1/chat/completions", g.chat)
	e.GET("/v1/models", g.listModels)
	e.GET("/v1/models/*", g.getModel) // names may contain a slash
	e.GET("/healthz", g.healthz)
	e.GET("/readyz", g.readyz)
	return e
}

// Server returns a server for a handler, with limits on slow clients.
func Server(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
}

// bodyWithin bounds how long a client may take to send its request.
const bodyWithin = 2 * time.Minute

// admit gives every request an id, a place, and an end when its handler panics.
func (g *Gateway) admit(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		set(c.Response().Header(), headerRequestID, newID("req_", g.Now()))
		if g.stopping() && c.Request().URL.Path != "/healthz" && c.Request().URL.Path != "/readyz" {
			return errStopping
		}
		if !g.inflight.TryAcquire(1) {
			return errOverloaded
		}
		defer g.inflight.Release(1)
		defer func() {
			if r := recover(); r != nil {
				if r == any(http.ErrAbortHandler) {
					panic(r)
				}
				err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
			}
		}()
		return next(c)
	}
}

// Drain makes the gateway turn away new requests; those under way go on.
func (g *Gateway) Drain() { close(g.draining) }

func (g *Gateway) stopping() bool {
	select {
	case <-g.draining:
		return true
	default:
		return false
	}
}

// handleError answers with OpenAI's error object, whatever went wrong.
func (g *Gateway) handleError(err error, c echo.Context) {
	var f *failure
	var router *echo.HTTPError
	switch {
	case errors.As(err, &router) && router.Code == http.StatusNotFound:
		f = unknownPath(c.Request().Method, c.Request().URL.Path)
	case errors.As(err, &router) && router.Code == http.StatusMethodNotAllowed:
		f = wrongMethod(c.Request().Method, c.Request().URL.Path)
	default:
		f = failureOf(c.Request().Context(), err)
	}
	g.logFailure(c, f, err)
	if c.Response().Committed || f.status == statusGone {
		return
	}
	h := c.Response().Header()
	h.Set("Content-Type", "application/json")
	f.writeHeaders(h)
	c.Response().WriteHeader(f.status)
	if c.Request().Method != http.MethodHead {
		_, _ = c.Response().Write(f.body.AppendJSON(nil)) // a client that has gone needs no error
	}
}

// logFailure notes what a client was refused, and what a provider said about it.
func (g *Gateway) logFailure(c echo.Context, f *failure, err error) {
	log := g.Log.Info
	if f.status >= 500 {
		log = g.Log.Warn
	}
	if f == errInternal {
		log = g.Log.Error
	}
	log("request failed", "request", c.Response().Header().Get(headerRequestID), "path", c.Request().URL.Path, "status", f.status, "code", f.body.Code, "error", redact(err))
}

// redact keeps what a client sent out of the log: messages of its faults quote
// the request.
func redact(err error) string {
	var call *openai.CallError
	var f *failure
	switch {
	case errors.As(err, &call):
		if call.Detail != nil {
			return fmt.Sprintf("%s (HTTP %d): %s %s", call.Failure, call.Status, call.Detail.Type, call.Detail.Code)
		}
		return call.Error()
	case errors.As(err, &f):
		return f.body.Type
	case errors.As(err, new(*openai.Error)):
		return "invalid request"
	}
	return err.Error()
}

// readAll reads a body of about size bytes.
func readAll(r io.Reader, size int64) ([]byte, error) {
	b := make([]byte, 0, size+512)
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}

// bodyFailure is what the client gets when its body could not be read.
func bodyFailure(ctx context.Context, err error) error {
	if errors.As(err, new(*http.MaxBytesError)) {
		return errTooLarge
	}
	if ctx.Err() != nil {
		return &openai.CallError{Failure: openai.Cancelled, Err: err}
	}
	return openai.BadRequest("", "The request's body could not be read to its end.")
}
