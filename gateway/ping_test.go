package gateway

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drover-llm/drover/policy"
)

// A stream that waits for its search holds its headers back for five seconds, or
// half of what its client waits for them, in which an error keeps its status; then,
// and as often, a comment shows that it lives.
func TestStreamPingsWhileItWaits(t *testing.T) {
	for name, tt := range map[string]struct {
		takes time.Duration
		waits Patience
		want  []time.Duration // from the beginning
	}{
		"quick":     {4900 * time.Millisecond, Patience{}, nil},
		"slow":      {5100 * time.Millisecond, Patience{First: time.Minute}, []time.Duration{5 * time.Second}},
		"slower":    {16 * time.Second, Patience{}, []time.Duration{5 * time.Second, 10 * time.Second, 15 * time.Second}},
		"impatient": {5 * time.Second, Patience{First: 4 * time.Second}, []time.Duration{2 * time.Second, 4 * time.Second}},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := httptest.NewRecorder()
			s := &chatStream{events: events{w: w, rc: http.NewResponseController(w), header: func(http.Header, string, http.Header) {}}}
			var all flights
			var at []time.Duration
			start := time.Now()
			_, err := all.ride(t.Context(), flightID{}, false, func() *flight { return &flight{call: Call{Patience: tt.waits}} },
				func(_ context.Context, f *flight) {
					time.Sleep(tt.takes)
					f.outcome = policy.Outcome{ID: "x"}
				},
				func() error { at = append(at, time.Since(start)); return s.ping() })
			if err != nil || !slices.Equal(at, tt.want) {
				t.Errorf("%s: pings at %v, want %v; %v", name, at, tt.want, err)
			}
			if sent := w.Body.String(); sent != strings.Repeat(": ping\n\n", len(tt.want)) || s.begun() != (len(tt.want) > 0) {
				t.Errorf("%s: sent %q, begun %v", name, sent, s.begun())
			}
			if len(tt.want) > 0 && (w.Code != 200 || w.Header().Get("Content-Type") != "text/event-stream") {
				t.Errorf("%s: %d %v", name, w.Code, w.Header())
			}
			all.landing.Wait()
		})
	}
}

// The strong model waits for a client that left; when the client does not come back
// in time, the wait ends with the flight.
func TestAnAbandonedFlightIsAttendedAgain(t *testing.T) {
	for name, tt := range map[string]struct {
		back time.Duration // after leaving; 0: never
		ok   bool
	}{"back in time": {2 * time.Second, true}, "too late": {6 * time.Second, false}, "never": {0, false}} {
		synctest.Test(t, func(t *testing.T) {
			var all flights
			var attended error
			took := make(chan time.Duration, 1)
			start := func() *flight { return &flight{lingers: true} }
			run := func(ctx context.Context, f *flight) {
				time.Sleep(2 * time.Second)
				attended = all.attended(ctx, f)
				took <- 0
				f.outcome = policy.Outcome{ID: "x"}
			}
			ctx, leave := context.WithTimeout(t.Context(), time.Second)
			defer leave()
			id := flightID{key: "k"}
			if _, err := all.ride(ctx, id, false, start, run, func() error { return nil }); err == nil {
				t.Fatal("it came at once")
			}
			if tt.back > 0 {
				time.Sleep(tt.back)
				second := false
				_, _ = all.ride(t.Context(), id, true, start, func(context.Context, *flight) { second = true }, func() error { return nil })
				if second == tt.ok {
					t.Errorf("%s: a second search: %v", name, second)
				}
			}
			<-took
			if (attended == nil) != tt.ok {
				t.Errorf("%s: %v", name, attended)
			}
			all.landing.Wait()
		})
	}
}
