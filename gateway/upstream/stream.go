package upstream

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"strings"

	"github.com/tmaxmax/go-sse"

	"github.com/drover-llm/drover/gateway/openai"
)

// maxEvent bounds one event of a stream; audio comes in large ones.
const maxEvent = 8 << 20

// Stream is a reply in chunks. It must be closed.
type Stream struct {
	Header http.Header
	Tries  int // HTTP requests made

	body *replyBody
	end  func(error)
}

// Stream asks for a reply in chunks and returns when the provider has begun to
// answer. Every error is an *openai.CallError.
func (c *Client) Stream(ctx context.Context, q *openai.ChatRequest) (*Stream, error) {
	resp, tries, end, err := c.begin(ctx, q)
	if err != nil {
		return nil, err
	}
	s := &Stream{Header: resp.Header, Tries: tries, body: resp.Body.(*replyBody), end: end}
	if kind := resp.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		failed := badReply(errors.New("asked for a stream, got " + kind))
		failed.Tries = tries
		s.finish(failed)
		return nil, failed
	}
	return s, nil
}

// Chunks yields the chunks as they come. It ends after the provider's last one,
// or with one *openai.CallError when the reply broke off. It can be ranged over
// once.
func (s *Stream) Chunks() iter.Seq2[openai.Chunk, error] {
	return func(yield func(openai.Chunk, error) bool) {
		// Some servers leave out the blank line behind the last event.
		events := sse.Read(io.MultiReader(s.body, strings.NewReader("\n\n")), &sse.ReadConfig{MaxEventSize: maxEvent})
		choices, ended, done := 0, map[int]bool{}, false
		fail := func(e *openai.CallError) {
			e.Tries = s.Tries
			s.finish(e)
			yield(openai.Chunk{}, e)
		}
		for event, err := range events {
			if err != nil {
				fail(s.body.fault(err))
				return
			}
			s.body.extend()
			if event.Data == "" {
				continue
			}
			if done = event.Data == "[DONE]"; done {
				break
			}
			chunk, err := openai.DecodeChunk([]byte(event.Data))
			if err != nil {
				fail(brokenChunk(err))
				return
			}
			for _, d := range chunk.Choices {
				choices = max(choices, d.Index+1)
				if d.Ended {
					ended[d.Index] = true
				}
			}
			if !yield(chunk, nil) {
				return
			}
		}
		switch {
		case choices > 0 && (done || len(ended) == choices):
			s.finish(nil)
		case done:
			fail(badReply(errors.New("a stream without choices")))
		default: // a cut connection can look like a clean end
			fail(&openai.CallError{Failure: openai.Cut, Status: http.StatusOK, Spent: true, Err: io.ErrUnexpectedEOF})
		}
	}
}

// brokenChunk is the error of an event that is no chunk: an error that the
// provider reports, or nonsense.
func brokenChunk(err error) *openai.CallError {
	var told *openai.Error
	if errors.As(err, &told) {
		return &openai.CallError{Failure: openai.Cut, Status: http.StatusOK, Spent: true, Detail: told}
	}
	return badReply(err)
}

// Close ends the call, early when its chunks have not all been read: that is
// no failure of the provider's.
func (s *Stream) Close() {
	s.finish(&openai.CallError{Failure: openai.Cancelled, Spent: true, Tries: s.Tries})
}

// finish closes the body and reports the call's result, once. A failed call's
// nil must stay an untyped nil for the breaker.
func (s *Stream) finish(failed *openai.CallError) {
	if s.end == nil {
		return
	}
	end := s.end
	s.end = nil
	s.body.Close()
	if failed == nil {
		end(nil)
		return
	}
	end(failed)
}
