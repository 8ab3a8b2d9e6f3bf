package upstream

import (
	"bytes"
	"context"
	"errors"
	"net/http"

	"github.com/drover-llm/drover/gateway/openai"
)

// Reply is a whole reply and how it came.
type Reply struct {
	*openai.ChatResponse
	Header http.Header
	Tries  int // HTTP requests made
}

// Complete asks for a whole reply. Every error is an *openai.CallError.
func (c *Client) Complete(ctx context.Context, q *openai.ChatRequest) (Reply, error) {
	call, err := c.begin(ctx, q)
	if err != nil {
		return Reply{}, err
	}
	defer call.abandon()
	whole, failed := call.readWhole(q.Endpoint())
	if failed != nil {
		return Reply{Tries: call.tries}, call.fail(failed)
	}
	call.succeed()
	return Reply{ChatResponse: whole, Header: call.header, Tries: call.tries}, nil
}

// errTooLong is the fault of a reply of more bytes than any answer has.
var errTooLong = errors.New("the reply is larger than 64 MiB")

// firstRead is how much memory a reply gets on its word; more comes as it does.
const firstRead = 1 << 20

// readWhole reads the body to its end as one reply.
func (r *reply) readWhole(e *openai.Endpoint) (*openai.ChatResponse, *openai.CallError) {
	defer r.body.Close()
	if r.length > maxReply {
		failed := badReply(errTooLong)
		failed.Received = maxReply
		return nil, failed
	}
	var text bytes.Buffer
	expected := r.length
	if expected < 0 {
		expected = 4 << 10
	}
	text.Grow(int(min(expected, firstRead)) + bytes.MinRead)
	_, err := text.ReadFrom(meteredReader(r.body.ctx, r.body))
	var failed *openai.CallError
	switch {
	case errors.Is(err, errNoMemory):
		failed = noRoom()
	case errors.Is(err, errTooLong):
		failed = badReply(err)
	case err != nil:
		failed = r.body.fault(err)
	default:
		whole, err := e.Reply(text.Bytes())
		if err == nil {
			return whole, nil
		}
		failed = badReply(err)
		if told := openai.DecodeError(text.Bytes()); told != nil { // an error, said with status 200: nothing was made
			failed = &openai.CallError{Failure: openai.Unavailable, Status: http.StatusOK, Detail: told}
		}
	}
	failed.Received = max(r.body.received, r.length)
	return nil, failed
}

// badReply is the error of a reply that nobody can read; it was billed.
func badReply(err error) *openai.CallError {
	return &openai.CallError{Failure: openai.BadReply, Status: http.StatusOK, Spent: true, Err: err}
}
