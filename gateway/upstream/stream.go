package upstream

import (
	"context"
	"errors"
	"io"
	"iter"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/tmaxmax/go-sse"

	"github.com/drover-llm/drover/gateway/openai"
)

const (
	// maxEvent bounds one event of a stream; audio comes in large ones.
	maxEvent = 8 << 20
	// usagePatience is how long a stream whose choices have all ended is waited
	// for: usage and [DONE] follow at once, or not at all.
	usagePatience = 2 * time.Second
)

// Stream is a reply in chunks. It must be closed.
type Stream struct {
	Header http.Header
	Tries  int // HTTP requests made

	call    *call
	decode  func(event []byte) (openai.Chunk, error)
	choices int                  // that were asked for
	whole   *openai.ChatResponse // of a provider that does not stream
}

// Stream asks for a reply in chunks and returns when the provider has begun to
// answer. A whole reply is taken for a stream of one chunk. Every error is an
// *openai.CallError.
func (c *Client) Stream(ctx context.Context, q *openai.ChatRequest) (*Stream, error) {
	call, err := c.begin(ctx, q)
	if err != nil {
		return nil, err
	}
	s := &Stream{Header: call.header, Tries: call.tries, call: call, decode: q.Endpoint().Event, choices: q.N}
	if kind, _, _ := mime.ParseMediaType(call.header.Get("Content-Type")); kind == "application/json" {
		whole, failed := call.readWhole(q.Endpoint())
		if failed != nil {
			return nil, call.fail(failed)
		}
		s.whole = whole
		return s, nil
	}
	call.body.asStream()
	return s, nil
}

// Chunks yields the chunks as they come. It ends after the provider's last one,
// or with one *openai.CallError when the reply broke off. It can be ranged over
// once.
func (s *Stream) Chunks() iter.Seq2[openai.Chunk, error] {
	if s.whole != nil {
		return func(yield func(openai.Chunk, error) bool) {
			s.call.succeed()
			yield(s.whole.AsChunk(), nil)
		}
	}
	return func(yield func(openai.Chunk, error) bool) {
		failed := s.each(func(c openai.Chunk) bool { return yield(c, nil) })
		if failed != nil {
			yield(openai.Chunk{}, failed)
		}
	}
}

// each reads the events to their end, as long as take wants more.
func (s *Stream) each(take func(openai.Chunk) bool) error {
	// Some servers leave out the blank line behind the last event.
	events := sse.Read(io.MultiReader(s.call.body, strings.NewReader("\n\n")), &sse.ReadConfig{MaxEventSize: maxEvent})
	seen, ended, done := 0, map[int]bool{}, false
	for event, err := range events {
		switch {
		case err != nil && seen > 0 && len(ended) == seen: // the answer is complete; what did not come is its usage
			s.call.succeed()
			return nil
		case err != nil:
			return s.call.fail(s.call.body.fault(err))
		case event.Data == "":
			continue
		}
		if done = event.Data == "[DONE]"; done {
			break
		}
		chunk, err := s.decode([]byte(event.Data))
		if err != nil {
			return s.call.fail(s.brokenChunk(err, seen))
		}
		for _, d := range chunk.Choices {
			if d.Index >= s.choices {
				return s.call.fail(badReply(errors.New("more choices than were asked for")))
			}
			seen = max(seen, d.Index+1)
			if d.Ended {
				ended[d.Index] = true
			}
		}
		s.call.alive()
		if len(ended) == s.choices {
			s.call.body.hurry(usagePatience)
		}
		if !take(chunk) {
			return nil
		}
	}
	switch {
	case seen > 0 && (done || len(ended) == seen):
		s.call.succeed()
		return nil
	case done:
		return s.call.fail(badReply(errors.New("a stream without choices")))
	}
	// A cut connection can look like a clean end.
	return s.call.fail(&openai.CallError{Failure: openai.Cut, Status: http.StatusOK, Spent: true, Err: io.ErrUnexpectedEOF})
}

// brokenChunk is the error of an event that is no chunk: an error that the
// provider reports, which costs nothing before the first choice, or nonsense.
func (s *Stream) brokenChunk(err error, seen int) *openai.CallError {
	var told *openai.Error
	if errors.As(err, &told) {
		s.call.client.provider.scrub(told)
		return &openai.CallError{Failure: openai.Cut, Status: http.StatusOK, Spent: seen > 0, Detail: told}
	}
	return badReply(err)
}

// Close ends the call, early when its chunks have not all been read: that is
// no failure of the provider's.
func (s *Stream) Close() { s.call.abandon() }
