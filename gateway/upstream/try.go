package upstream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/drover-llm/drover/gateway/openai"
)

const (
	maxErrorBody = 64 << 10
	maxReply     = 64 << 20 // images and audio come inside the JSON
)

// errSilent is the cause of a call that was ended because the provider let the
// timeout pass.
var errSilent = errors.New("no answer within the provider's timeout")

// reply is a reply with status 200 whose body is still to be read.
type reply struct {
	header http.Header
	length int64 // as announced, -1 for none
	body   *body
}

// try makes one HTTP request. Its timeout starts with the request and, unless
// the body is read as a stream, bounds the whole reply.
func (c *Client) try(ctx context.Context, address string, encoded []byte) (*reply, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(c.provider.config.Timeout, func() { cancel(errSilent) })
	stop := func() { timer.Stop(); cancel(nil) }

	var sent atomic.Bool // HTTP/2 tells from a goroutine of its own
	trace := &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }}
	// A bytes.Reader: the transport reads the body late when a reply begins
	// early, and that must not fail.
	request, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodPost, address, bytes.NewReader(encoded))
	if err != nil {
		stop()
		return nil, &openai.CallError{Failure: openai.Unavailable, Err: err}
	}
	request.Header = c.provider.header
	resp, err := c.provider.transport.RoundTrip(request)
	if err != nil {
		err = broken(ctx, err, sent.Load())
		stop()
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return &reply{resp.Header, resp.ContentLength, &body{ReadCloser: resp.Body, ctx: ctx, timer: timer, stop: stop, timeout: c.provider.config.Timeout}}, nil
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	resp.Body.Close()
	stop()
	failed := c.provider.refused(resp, text)
	if failed.Failure == openai.Refused {
		failed.Sent = encoded
	}
	return nil, failed
}

// broken turns a transport error into a CallError. sent says whether the
// request had left: then the provider may have begun to work, and to bill.
func broken(ctx context.Context, err error, sent bool) *openai.CallError {
	failed := &openai.CallError{Failure: openai.Unavailable, Spent: sent, Err: err}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errSilent), errors.Is(cause, context.DeadlineExceeded):
		failed.Failure = openai.TimedOut
	case cause != nil:
		failed.Failure = openai.Cancelled
	}
	return failed
}

var errNoMessage = errors.New("the provider gave no reason that can be read")

// refused turns a reply other than 200 into a CallError. Nothing was spent:
// providers bill for completions.
func (p *Provider) refused(resp *http.Response, text []byte) *openai.CallError {
	failed := &openai.CallError{Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header), Detail: openai.DecodeError(text)}
	code, kind := "", ""
	if failed.Detail == nil {
		failed.Err = errNoMessage
	} else {
		p.scrub(failed.Detail)
		code, kind = failed.Detail.Code, failed.Detail.Type
	}
	switch s := resp.StatusCode; {
	case s == http.StatusTooManyRequests && (code == "insufficient_quota" || kind == "insufficient_quota"), s == http.StatusPaymentRequired:
		failed.Failure = openai.NoQuota
	case s == http.StatusTooManyRequests:
		failed.Failure = openai.RateLimited
	case s == http.StatusUnauthorized, s == http.StatusForbidden, s == http.StatusNotFound, s == http.StatusMethodNotAllowed, s == http.StatusProxyAuthRequired:
		failed.Failure = openai.Denied
	case s == http.StatusGatewayTimeout, s == 522, s == 524, s == 499: // a proxy's words for: what stands behind it may have worked on
		failed.Failure, failed.Spent = openai.TimedOut, true
	case s >= 500, s == http.StatusRequestTimeout, s == http.StatusTooEarly:
		failed.Failure = openai.Unavailable
	case s >= 400:
		failed.Failure = openai.Refused
	default: // a redirect, or a success that is none
		failed.Failure = openai.BadReply
	}
	return failed
}

// scrub takes Drover's own key out of what a provider said: some repeat it.
func (p *Provider) scrub(e *openai.Error) {
	key := string(p.config.APIKey)
	if len(key) < 8 { // "none" and the like would only make holes in the text
		return
	}
	for _, s := range []*string{&e.Message, &e.Type, &e.Param, &e.Code} {
		*s = strings.ReplaceAll(*s, key, "[redacted]")
	}
}

// maxRetryAfter bounds what one header can do: after it the provider is asked
// again.
const maxRetryAfter = 5 * time.Minute

// retryAfter reads how long the provider wants to be left alone: OpenAI's
// retry-after-ms, or Retry-After in seconds or as a date.
func retryAfter(h http.Header) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("retry-after-ms"), 64); err == nil && ms > 0 {
		return time.Duration(min(ms, float64(maxRetryAfter.Milliseconds())) * float64(time.Millisecond))
	}
	text := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.ParseFloat(text, 64); err == nil && s > 0 {
		return time.Duration(min(s, maxRetryAfter.Seconds()) * float64(time.Second))
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(time.Until(at), 0), maxRetryAfter)
	}
	return 0
}
