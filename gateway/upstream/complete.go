package upstream

import (
	"context"
	"errors"
	"io"
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
	resp, tries, end, err := c.begin(ctx, q)
	if err != nil {
		return Reply{Tries: tries}, err
	}
	reply, failed := c.readReply(resp)
	if failed != nil {
		failed.Tries = tries
		end(failed)
		return Reply{Tries: tries}, failed
	}
	end(nil)
	return Reply{ChatResponse: reply, Header: resp.Header, Tries: tries}, nil
}

func (c *Client) readReply(resp *http.Response) (*openai.ChatResponse, *openai.CallError) {
	body := resp.Body.(*replyBody)
	defer body.Close()
	text := make([]byte, 0, max(resp.ContentLength+1, 4<<10))
	if resp.ContentLength > maxReply {
		return nil, badReply(errors.New("the reply is larger than 64 MiB"))
	}
	text, err := readAll(io.LimitReader(body, maxReply+1), text)
	switch {
	case err != nil:
		return nil, body.fault(err)
	case len(text) > maxReply:
		return nil, badReply(errors.New("the reply is larger than 64 MiB"))
	}
	reply, err := openai.DecodeChatResponse(text)
	if err != nil {
		if e := openai.DecodeError(text); e != nil { // some hosts say so with status 200
			return nil, &openai.CallError{Failure: openai.Unavailable, Status: http.StatusOK, Spent: true, Detail: e}
		}
		return nil, badReply(err)
	}
	return reply, nil
}

// badReply is the error of a reply that nobody can read; it was billed.
func badReply(err error) *openai.CallError {
	return &openai.CallError{Failure: openai.BadReply, Status: http.StatusOK, Spent: true, Err: err}
}

// readAll is io.ReadAll into a buffer that is large enough when the reply said
// how long it is.
func readAll(r io.Reader, b []byte) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}
