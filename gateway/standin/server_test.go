package standin

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestStartAndClose(t *testing.T) {
	s := New(Config{})
	if s.URL() != "" {
		t.Errorf("URL before Start: %q", s.URL())
	}
	if err := s.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if err := s.Start("127.0.0.1:0"); err == nil {
		t.Error("a second Start succeeded")
	}
	other := New(Config{})
	if err := other.Start(strings.TrimSuffix(strings.TrimPrefix(s.URL(), "http://"), "/v1")); err == nil {
		t.Error("Start on a taken address succeeded")
	}
	for range 2 { // closing twice is fine
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/models", nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("after Close: %d", w.Code)
	}
	if err := New(Config{}).Close(); err != nil {
		t.Errorf("Close before Start: %v", err)
	}
}

func TestIDsNeverRepeat(t *testing.T) {
	a, b := start(t, Config{}), start(t, Config{})
	seen := map[any]bool{}
	for range 20 {
		for _, s := range []*Server{a, b} {
			r := post(t, s, "/chat/completions", chatBody("m", ""))
			for _, id := range []any{decode(t, r.body)["id"], r.header.Get("X-Request-Id")} {
				if seen[id] || id == "" {
					t.Fatalf("id %v twice", id)
				}
				seen[id] = true
			}
		}
	}
}

func TestBillAddsUpUnderConcurrency(t *testing.T) {
	s := start(t, Config{Models: map[string]Script{"m": {Answers: []Answer{{Text: "x", Usage: &Usage{100, 50, 7, 3}}}}}})
	var callers sync.WaitGroup
	for i := range 8 {
		callers.Go(func() {
			for range 20 {
				if r := post(t, s, "/chat/completions", chatBody("m", []string{"", `,"stream":true`}[i%2])); r.err != nil {
					t.Error(r.err)
				}
			}
		})
	}
	callers.Wait()
	if b := s.Billed()["m"]; b != (Billed{160, Usage{16000, 8000, 1120, 480}}) {
		t.Errorf("billed %+v", b)
	}
}

func TestNamesAreBounded(t *testing.T) {
	books := newTally(0)
	for range maxNames {
		books.calls[strings.Repeat("x", len(books.calls)+1)]++
	}
	if got := books.name("one more"); got != otherModels {
		t.Errorf("name beyond the bound = %q", got)
	}
	if got := books.name("x"); got != "x" {
		t.Errorf("known name = %q", got)
	}
}

// BenchmarkServer prints what a call costs as a ratio to a bare handler that
// sends the same bytes, over real HTTP, in the same run.
func BenchmarkServer(b *testing.B) {
	text := strings.Repeat("some words of an answer ", 90) // about 2 KB
	s := start(b, Config{Models: map[string]Script{"m": {Answers: []Answer{{Text: text}}, Chunks: 100}}})
	for name, body := range map[string]string{"whole": chatBody("m", ""), "stream of 100": chatBody("m", `,"stream":true`)} {
		b.Run(name, func(b *testing.B) {
			sample := post(b, s, "/chat/completions", body).body
			bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if name == "whole" {
					_, _ = w.Write(sample)
					return
				}
				for event := range strings.SplitAfterSeq(string(sample), "\n\n") {
					_, _ = io.WriteString(w, event)
					_ = http.NewResponseController(w).Flush()
				}
			}))
			defer bare.Close()
			var ours, theirs time.Duration
			ask := func(url string, total *time.Duration) {
				start := time.Now()
				res, err := http.Post(url, "application/json", strings.NewReader(body))
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, res.Body)
				res.Body.Close()
				*total += time.Since(start)
			}
			for b.Loop() {
				ask(s.URL()+"/chat/completions", &ours)
				ask(bare.URL, &theirs)
			}
			b.ReportMetric(ours.Seconds()/theirs.Seconds(), "x-bare")
			b.ReportMetric(float64(b.N)/ours.Seconds(), "calls/s")
		})
	}
}

// BenchmarkHandler is the stand-in's own work for a small reply, without a network.
func BenchmarkHandler(b *testing.B) {
	s := New(Config{Models: map[string]Script{"m": {Answers: []Answer{{Text: "a small answer"}}}}})
	body := chatBody("m", "")
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(body))
		s.ServeHTTP(httptest.NewRecorder(), r)
	}
}
