package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
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

// try makes one HTTP request and returns a reply with status 200, whose body
// the caller must close. Its timeout starts with the request and, unless the
// reply's reader extends it, bounds the whole reply.
func (c *Client) try(ctx context.Context, body []byte) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(c.provider.config.Timeout, func() { cancel(errSilent) })
	stop := func() { timer.Stop(); cancel(nil) }

	var sent bool
	trace := &httptrace.ClientTrace{WroteHeaders: func() { sent = true }}
	// A bytes.Reader: the transport reads the body late when a reply begins
	// early, and that must not fail.
	request, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodPost,
		c.provider.config.BaseURL+"/chat/completions", bytes.NewReader(body))
	if err != nil {
		stop()
		return nil, &openai.CallError{Failure: openai.Unavailable, Err: err}
	}
	request.Header = c.provider.header.Clone()
	resp, err := c.provider.http.Do(request)
	if err != nil {
		err = broken(ctx, err, sent)
		stop()
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		resp.Body = &replyBody{ReadCloser: resp.Body, ctx: ctx, timer: timer, stop: stop, timeout: c.provider.config.Timeout}
		return resp, nil
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	resp.Body.Close()
	stop()
	return nil, refused(resp, text)
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

// refused turns a reply other than 200 into a CallError. Nothing was spent:
// providers bill for completions.
func refused(resp *http.Response, text []byte) *openai.CallError {
	failed := &openai.CallError{Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header), Detail: openai.DecodeError(text)}
	if failed.Detail == nil {
		failed.Err = fmt.Errorf("the provider said %.200q", text)
	}
	code := ""
	if failed.Detail != nil {
		code = failed.Detail.Code
	}
	switch s := resp.StatusCode; {
	case s == http.StatusTooManyRequests && (code == "insufficient_quota" || failed.Detail != nil && failed.Detail.Type == "insufficient_quota"),
		s == http.StatusPaymentRequired:
		failed.Failure = openai.NoQuota
	case s == http.StatusTooManyRequests:
		failed.Failure = openai.RateLimited
	case s == http.StatusUnauthorized, s == http.StatusForbidden, s == http.StatusNotFound, s == http.StatusMethodNotAllowed, s == http.StatusProxyAuthRequired:
		failed.Failure = openai.Denied
	case s == http.StatusGatewayTimeout:
		failed.Failure, failed.Spent = openai.TimedOut, true // what stands behind that gateway may have worked on
	case s >= 500, s == http.StatusRequestTimeout, s == http.StatusTooEarly:
		failed.Failure = openai.Unavailable
	case s >= 400:
		failed.Failure = openai.Refused
	default: // a redirect, or a success that is none
		failed.Failure = openai.BadReply
	}
	return failed
}

// retryAfter reads how long the provider wants to be left alone: OpenAI's
// retry-after-ms, or Retry-After in seconds or as a date.
func retryAfter(h http.Header) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("retry-after-ms"), 64); err == nil && ms > 0 && ms < 1e9 {
		return time.Duration(ms * float64(time.Millisecond))
	}
	text := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.ParseFloat(text, 64); err == nil && s > 0 && s < 1e6 {
		return time.Duration(s * float64(time.Second))
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

// replyBody is a reply's body under the provider's timeout.
type replyBody struct {
	io.ReadCloser
	ctx     context.Context
	timer   *time.Timer
	stop    func()
	timeout time.Duration
}

// extend starts the timeout anew: a stream that goes on is alive.
func (b *replyBody) extend() { b.timer.Reset(b.timeout) }

// fault turns an error of reading into a CallError.
func (b *replyBody) fault(err error) *openai.CallError {
	failed := broken(b.ctx, err, true)
	if failed.Failure == openai.Unavailable {
		failed.Failure = openai.Cut
	}
	failed.Status = http.StatusOK
	return failed
}

func (b *replyBody) Close() error {
	b.stop()
	return b.ReadCloser.Close()
}
