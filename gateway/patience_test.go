package gateway

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drover-llm/drover/gateway/openai"
)

// anOutlet is where nobody listens.
type anOutlet struct{ outlet }

func (anOutlet) Begin(string, http.Header) {}

func (anOutlet) Chunk(openai.Chunk) error { return nil }

// A stream ends before its client gives up, by what its SDK means by a timeout:
// Python's each wait for a byte, Node's the headers, Go's the whole attempt.
func TestStreamKeepsWithinTheAnnouncedTimeout(t *testing.T) {
	const s = time.Second
	python := http.Header{"X-Stainless-Lang": {"python"}, "X-Stainless-Read-Timeout": {"10"}}
	node := http.Header{"X-Stainless-Lang": {"js"}, "X-Stainless-Timeout": {"10"}}
	golang := http.Header{"X-Stainless-Lang": {"go"}, "X-Stainless-Timeout": {"10"}}
	for name, tt := range map[string]struct {
		h     http.Header
		waits []time.Duration // before each chunk
		ends  time.Duration   // 0: it does not
	}{
		"python, late":       {python, []time.Duration{30 * s}, 9 * s},
		"python, silent":     {python, []time.Duration{8 * s, 8 * s, 30 * s}, 25 * s},
		"python, long":       {python, []time.Duration{8 * s, 8 * s, 8 * s, 8 * s}, 0},
		"node, late":         {node, []time.Duration{30 * s}, 9 * s},
		"node, silent":       {node, []time.Duration{8 * s, 500 * s}, 0},
		"go, late":           {golang, []time.Duration{30 * s}, 9 * s},
		"go, long":           {golang, []time.Duration{4 * s, 4 * s, 4 * s}, 9 * s},
		"go, in time":        {golang, []time.Duration{4 * s, 4 * s}, 0},
		"somebody else":      {http.Header{}, []time.Duration{500 * s, 500 * s}, 0},
		"not a number":       {http.Header{"X-Stainless-Timeout": {"soon"}}, []time.Duration{500 * s}, 0},
		"minutes, less two":  {http.Header{"X-Stainless-Timeout": {"600"}}, []time.Duration{900 * s}, 598 * s},
		"fractions of it":    {http.Header{"X-Stainless-Read-Timeout": {"0.5"}}, []time.Duration{s}, 450 * time.Millisecond},
		"nothing to wait by": {http.Header{"X-Stainless-Timeout": {"-1"}}, []time.Duration{500 * s}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				out, ctx, cancel := patientStream(t.Context(), announced(tt.h), anOutlet{})
				defer cancel()
				for i, wait := range tt.waits {
					select {
					case <-time.After(wait):
					case <-ctx.Done():
						late := inTime(t.Context(), ctx, &openai.CallError{Failure: openai.Cancelled})
						if at := time.Since(begun); at != tt.ends || !errors.Is(context.Cause(ctx), context.DeadlineExceeded) || asFailure(late).status != http.StatusGatewayTimeout {
							t.Errorf("ended after %v by %v with %v, want %v", at, context.Cause(ctx), late, tt.ends)
						}
						return
					}
					if i == 0 {
						out.Begin("m", nil)
					}
					if err := out.Chunk(openai.Chunk{}); err != nil {
						t.Fatal(err)
					}
				}
				if tt.ends != 0 {
					t.Errorf("it did not end, want after %v", tt.ends)
				}
			})
		})
	}
}
