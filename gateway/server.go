package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/drover-llm/drover/gateway/openai"
)

// Handler returns the data plane: OpenAI's API and the health checks.
func (g *Gateway) Handler() http.Handler {
	e := echo.New()
	e.HTTPErrorHandler = g.handleError
	if origins := g.HTTP.CORS.Origins; len(origins) > 0 {
		e.Pre(middleware.CORSWithConfig(middleware.CORSConfig{
			AllowOrigins: origins, AllowMethods: []string{http.MethodGet, http.MethodPost, http.MethodDelete}, ExposeHeaders: []string{"*"}, MaxAge: 600}))
	}
	e.Pre(g.admit)
	e.POST("/v1/chat/completions", g.serve(chatEndpoint))
	e.POST("/v1/responses", g.serve(responsesEndpoint))
	e.POST("/v1/completions", g.serve(completionsEndpoint))
	e.POST("/v1/embeddings", g.serve(embeddingsEndpoint))
	e.POST("/v1/verify", g.verify)
	if g.Records != nil {
		e.POST("/v1/verify/suites", g.addSuite)
		e.GET("/v1/verify/suites/:id", g.getSuite)
		e.DELETE("/v1/verify/suites/:id", g.deleteSuite)
		e.POST("/v1/feedback", g.feedback)
	}
	e.GET("/v1/key", g.key)
	e.GET("/v1/models", g.listModels)
	e.GET("/v1/models/*", g.getModel) // names may contain a slash
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		e.Add(method, "/healthz", g.healthz)
		e.Add(method, "/readyz", g.readyz)
	}
	return e
}

// Server returns a server for a handler, with limits on slow clients. It speaks
// HTTP/1.1 and HTTP/2, the latter also without TLS.
func Server(h http.Handler) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Protocols:         protocols,
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       bodyWithin, // lifted when the body is there
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
}

// admit gives every request an id, a place, and an end when its handler panics.
func (g *Gateway) admit(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		arrived := g.Now()
		h := c.Response().Header()
		set(h, headerRequestID, newID("req_", arrived))
		c.Response().Before(func() {
			set(h, headerProcessing, strconv.FormatInt(g.Now().Sub(arrived).Milliseconds(), 10))
		})
		if path := c.Request().URL.Path; path == "/healthz" || path == "/readyz" {
			return next(c) // also when stopping, and at capacity
		}
		if g.draining.Load() {
			return errStopping
		}
		if !g.inflight.TryAcquire(1) {
			return errOverloaded
		}
		defer g.inflight.Release(1)
		g.under.Add(1)
		defer g.under.Add(-1)
		defer func() {
			r := recover()
			switch {
			case r == nil:
			case r == any(http.ErrAbortHandler):
				panic(r)
			default:
				err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
			}
		}()
		return next(c)
	}
}

// Drain makes the gateway turn away new requests; those under way go on.
func (g *Gateway) Drain() { g.draining.Store(true) }

// Wait returns when no request is under way any more, and no search that a client
// left, or with ctx's error. No new request is let in.
func (g *Gateway) Wait(ctx context.Context) error {
	g.Drain()
	if err := g.inflight.Acquire(ctx, maxInflight); err != nil {
		return err
	}
	g.flights.land()
	return nil
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
	g.observeRefusal(f.status, err)
	if c.Response().Committed || f.status == statusGone {
		panic(http.ErrAbortHandler) // nothing, or the half of an answer, must not look like a whole one
	}
	h := c.Response().Header()
	if c.Request().ContentLength != 0 && c.Request().Body != http.NoBody {
		set(h, "Connection", "close") // the rest of the body is not waited for
	}
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
	log("request failed", "request", c.Response().Header().Get(headerRequestID), "path", shownPath(c.Request().URL.Path), "status", f.status, "code", f.word(), "error", redact(err))
}

// redact keeps what a client sent out of the log: messages of its faults quote
// the request.
func redact(err error) string {
	var call *openai.CallError
	var f *failure
	switch {
	case errors.As(err, &call):
		if call.Detail != nil { // the provider's words may be the client's
			return fmt.Sprintf("%s (HTTP %d)", call.Failure, call.Status)
		}
		return call.Error()
	case errors.As(err, &f):
		return f.body.Type
	case errors.As(err, new(*openai.Error)):
		return "invalid request"
	}
	return err.Error()
}
