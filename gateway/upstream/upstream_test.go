package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/drover-llm/drover/gateway/openai"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const answer = `{"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}`

// host starts a provider's host and returns a client for its model m.
func host(t *testing.T, c Config, h http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(h)
	c.BaseURL = server.URL + "/v1"
	p := NewProvider("host", c, nil)
	t.Cleanup(func() { p.Close(); server.Close() })
	return p.Client("m", slog.New(slog.DiscardHandler))
}

func request(t *testing.T, body string) *openai.ChatRequest {
	t.Helper()
	q, err := openai.DecodeChatRequest([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

const hi = `{"model":"auto","messages":[{"role":"user","content":"hi"}],"x":1}`

// failed is the CallError that err must be.
func failed(t *testing.T, err error) *openai.CallError {
	t.Helper()
	var e *openai.CallError
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a CallError", err)
	}
	return e
}

func TestCompleteSendsTheModelAndTheKey(t *testing.T) {
	c := host(t, Config{APIKey: "sk-secret"}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if got := string(body); r.URL.Path != "/v1/chat/completions" || got != `{"model":"m","messages":[{"role":"user","content":"hi"}],"x":1}` {
			t.Errorf("%s got %s", r.URL.Path, got)
		}
		if got := r.Header.Get("Authorization"); got != "Bearer sk-secret" {
			t.Errorf("authorization %q", got)
		}
		io.WriteString(w, answer)
	})
	q := request(t, hi)
	reply, err := c.Complete(t.Context(), q)
	if err != nil || reply.Tries != 1 || reply.Usage.Prompt != 3 {
		t.Fatalf("got %+v, %v", reply, err)
	}
	if q.Model != "auto" || string(q.Get("model")) != `"auto"` {
		t.Error("the caller's request was changed")
	}
}

// What cost nothing is tried again; what may have cost something is not.
func TestOnlyWhatCostNothingIsTriedAgain(t *testing.T) {
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		failure openai.Failure
		tries   int
		spent   bool
	}{
		{"503", status(503, `{"error":{"message":"busy","type":"server_error"}}`), openai.Unavailable, 3, false},
		{"500 in HTML", status(500, `<html>`), openai.Unavailable, 3, false},
		{"429", status(429, `{"error":{"message":"slow","code":"rate_limit_exceeded"}}`), openai.RateLimited, 3, false},
		{"no quota", status(429, `{"error":{"message":"pay","code":"insufficient_quota"}}`), openai.NoQuota, 1, false},
		{"400", status(400, `{"error":{"message":"bad","param":"n"}}`), openai.Refused, 1, false},
		{"401", status(401, `{"error":{"message":"key"}}`), openai.Denied, 1, false},
		{"404", status(404, `{"error":{"message":"model"}}`), openai.Denied, 1, false},
		{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "http://elsewhere.invalid/", 307) }, openai.BadReply, 1, false},
		{"504", status(504, ``), openai.TimedOut, 1, true},
		{"no choices", status(200, `{"choices":[]}`), openai.BadReply, 1, true},
		{"no JSON", status(200, `{"choices":[{"mess`), openai.BadReply, 1, true},
		{"hung up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, openai.Unavailable, 1, true},
		{"cut", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, answer[:40])
		}, openai.Cut, 1, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			client := host(t, Config{}, func(w http.ResponseWriter, r *http.Request) { calls.Add(1); c.handler(w, r) })
			_, err := client.Complete(t.Context(), request(t, hi))
			e := failed(t, err)
			if e.Failure != c.failure || e.Tries != c.tries || e.Spent != c.spent || int(calls.Load()) != c.tries {
				t.Errorf("got %s after %d tries (%d calls), spent %v: %v", e.Failure, e.Tries, calls.Load(), e.Spent, e)
			}
		})
	}
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

func TestRefusedConnectionCostsNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	p := NewProvider("gone", Config{BaseURL: "http://" + address}, nil)
	defer p.Close()
	_, err = p.Client("m", slog.New(slog.DiscardHandler)).Complete(t.Context(), request(t, hi))
	if e := failed(t, err); e.Failure != openai.Unavailable || e.Spent || e.Tries != 3 {
		t.Errorf("got %+v", e)
	}
}

func TestRetryAfterIsObeyed(t *testing.T) {
	var calls atomic.Int32
	var last atomic.Int64
	c := host(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
		now := time.Now().UnixNano()
		if calls.Add(1) == 1 {
			last.Store(now)
			w.Header().Set("retry-after-ms", "700")
			w.WriteHeader(429)
			return
		}
		if waited := time.Duration(now - last.Load()); waited < 700*time.Millisecond {
			t.Errorf("called again after %v", waited)
		}
		io.WriteString(w, answer)
	})
	if reply, err := c.Complete(t.Context(), request(t, hi)); err != nil || reply.Tries != 2 {
		t.Errorf("got %+v, %v", reply, err)
	}
}

// A provider that asks for a long rest gets it: the next call fails at once.
func TestLongRetryAfterIsRemembered(t *testing.T) {
	var calls atomic.Int32
	c := host(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.Header().Set("Retry-After", "40")
		w.WriteHeader(429)
	})
	for range 3 {
		_, err := c.Complete(t.Context(), request(t, hi))
		if e := failed(t, err); e.Failure != openai.RateLimited || e.RetryAfter < 35*time.Second || e.RetryAfter > 40*time.Second {
			t.Errorf("got %+v", e)
		}
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("%d calls", n)
	}
}

func TestBreakerOpensAndCloses(t *testing.T) {
	var down atomic.Bool
	var calls atomic.Int32
	down.Store(true)
	c := host(t, Config{Breaker: BreakerConfig{Failures: 2, Cooldown: 200 * time.Millisecond}}, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		if down.Load() {
			panic(http.ErrAbortHandler)
		}
		io.WriteString(w, answer)
	})
	for range 2 {
		_, err := c.Complete(t.Context(), request(t, hi))
		failed(t, err)
	}
	_, err := c.Complete(t.Context(), request(t, hi))
	if e := failed(t, err); e.Failure != openai.Open || e.Spent || e.RetryAfter <= 0 || calls.Load() != 2 || c.Healthy() {
		t.Fatalf("got %+v after %d calls", e, calls.Load())
	}
	down.Store(false)
	for !c.Healthy() {
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := c.Complete(t.Context(), request(t, hi)); err != nil {
		t.Errorf("after the cooldown: %v", err)
	}
}

// Clients that leave, faulty requests and rate limits are no fault of the
// provider's.
func TestBreakerIgnoresWhatIsNotTheProvidersFault(t *testing.T) {
	entered := make(chan struct{}, 1)
	mode := "hang"
	c := host(t, Config{Breaker: BreakerConfig{Failures: 1}}, func(w http.ResponseWriter, r *http.Request) {
		switch mode {
		case "hang":
			io.Copy(io.Discard, r.Body)
			entered <- struct{}{}
			<-r.Context().Done()
		case "bad":
			w.WriteHeader(400)
		case "limited":
			w.Header().Set("Retry-After", "100")
			w.WriteHeader(429)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-entered; cancel() }()
	_, err := c.Complete(ctx, request(t, hi))
	if e := failed(t, err); e.Failure != openai.Cancelled || !e.Spent {
		t.Errorf("got %+v", e)
	}
	for _, mode = range []string{"bad", "limited"} {
		_, err := c.Complete(t.Context(), request(t, hi))
		failed(t, err)
	}
	if !c.Healthy() {
		t.Error("the breaker opened")
	}
}

func TestSilenceEndsAtTheTimeout(t *testing.T) {
	for _, stream := range []bool{false, true} {
		c := host(t, Config{Timeout: 100 * time.Millisecond}, func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			if stream {
				w.Header().Set("Content-Type", "text/event-stream")
				io.WriteString(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n")
				w.(http.Flusher).Flush()
			}
			<-r.Context().Done()
		})
		var err error
		if stream {
			_, err = collect(t, c, hi)
		} else {
			_, err = c.Complete(t.Context(), request(t, hi))
		}
		if e := failed(t, err); e.Failure != openai.TimedOut || !e.Spent || e.Tries != 1 {
			t.Errorf("stream %v: got %+v", stream, e)
		}
	}
}

// collect reads a stream and returns its text.
func collect(t *testing.T, c *Client, body string) (string, error) {
	t.Helper()
	s, err := c.Stream(t.Context(), request(t, body))
	if err != nil {
		return "", err
	}
	defer s.Close()
	var text []byte
	for chunk, err := range s.Chunks() {
		if err != nil {
			return string(text), err
		}
		for _, d := range chunk.Choices {
			text = d.AppendText(text)
		}
	}
	return string(text), nil
}

func TestStreamEnds(t *testing.T) {
	const (
		a    = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"a\"}}]}\n\n"
		b    = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\"}}]}\n\n"
		end  = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
		done = "data: [DONE]\n\n"
	)
	for _, c := range []struct {
		name, events, text string
		failure            openai.Failure
	}{
		{"as it should", a + b + end + done, "ab", ""},
		{"comments, events and CRLF", strings.ReplaceAll(": ping\n\nevent: x\nid: 1\nretry: 5\n"+a+": ping\n\n"+b+end+done, "\n", "\r\n"), "ab", ""},
		{"no done", a + b + end, "ab", ""},
		{"no blank line at the end", a + b + end + "data: [DONE]", "ab", ""},
		{"no finish reason", a + b + done, "ab", ""},
		{"cut", a + b, "ab", openai.Cut},
		{"cut in an event", a + b[:20], "a", openai.BadReply},
		{"nothing", "", "", openai.Cut},
		{"only done", done, "", openai.BadReply},
		{"error", a + "data: {\"error\":{\"message\":\"gone\"}}\n\n", "a", openai.Cut},
		{"byte order mark", "data: \xef\xbb\xbf" + a[6:] + end + done, "a", ""},
		{"text behind a chunk", a[:len(a)-2] + " x\n\n" + end + done, "a", ""},
		{"a choice too many", "data: {\"choices\":[{\"index\":400000,\"delta\":{\"content\":\"a\"}}]}\n\n" + end + done, "", openai.BadReply},
		{"several data lines", "data: {\"choices\":\ndata: [{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n" + end + done, "a", ""},
		{"error in an error event", a + "event: error\ndata: {\"error\":{\"message\":\"gone\"}}\n\n", "a", openai.Cut},
		{"nonsense", a + "data: nonsense\n\n" + b + end + done, "a", openai.BadReply},
		{"one choice of two, asked for two", "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}},{\"index\":1,\"delta\":{\"content\":\"b\"}}]}\n\n" + end, "ab", openai.Cut},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := host(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
				io.WriteString(w, c.events)
			})
			body := hi
			if strings.Contains(c.name, "asked for two") {
				body = strings.Replace(hi, `"x":1`, `"n":2`, 1)
			}
			text, err := collect(t, client, body)
			if text != c.text {
				t.Errorf("text %q", text)
			}
			switch {
			case c.failure == "" && err != nil:
				t.Error(err)
			case c.failure != "":
				if e := failed(t, err); e.Failure != c.failure || !e.Spent {
					t.Errorf("got %+v", e)
				}
			}
		})
	}
}

// A host that does not stream answers whole; nothing is lost, nothing bought twice.
func TestWholeReplyToAStream(t *testing.T) {
	c := host(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, "\xef\xbb\xbf"+answer+"\n")
	})
	if text, err := collect(t, c, hi); err != nil || text != "hi" {
		t.Errorf("got %q, %v", text, err)
	}
}

// Errors that a provider reports with status 200 cost nothing while nothing was
// made.
func TestErrorWithStatus200(t *testing.T) {
	for _, kind := range []string{"application/json", "text/event-stream"} {
		c := host(t, Config{APIKey: "sk-canary-1234"}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			text := `{"error":{"message":"no, sk-canary-1234","type":"server_error","code":"sk-canary-1234"}}`
			if kind == "text/event-stream" {
				text = "data: " + text + "\n\n"
			}
			io.WriteString(w, text)
		})
		_, err := collect(t, c, hi)
		if e := failed(t, err); e.Spent || e.Detail == nil || kind == "text/event-stream" && strings.Contains(e.Error()+e.Detail.Code, "canary") {
			t.Errorf("%s: %+v, %v", kind, e, e.Detail)
		}
	}
}

// pipes is a listener in memory, whose connections are as good as any in a bubble
// of synctest, where time passes only while everybody waits.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p <- theirs
	return ours, nil
}

// A client that reads slowly is no silence of the provider's; a comment is life.
func TestTimeoutIsTheProvidersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := make(pipes)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for range 5 {
				io.WriteString(w, ": ping\n\n")
				w.(http.Flusher).Flush()
				time.Sleep(20 * time.Second)
			}
			for range 3 {
				io.WriteString(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n")
			}
			io.WriteString(w, "data: [DONE]\n\n")
		})}
		go server.Serve(listener)
		defer server.Close()
		p := NewProvider("host", Config{BaseURL: "http://host/v1", Timeout: 30 * time.Second, Breaker: BreakerConfig{Failures: 1}}, nil)
		defer p.Close()
		p.transport.DialContext = listener.dial
		c := p.Client("m", slog.New(slog.DiscardHandler))
		s, err := c.Stream(t.Context(), request(t, hi))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		n := 0
		for _, err := range s.Chunks() {
			if err != nil {
				t.Fatal(err)
			}
			n++
			time.Sleep(time.Minute)
		}
		if n != 3 || !c.Healthy() {
			t.Errorf("%d chunks, healthy %v", n, c.Healthy())
		}
	})
}

// What is complete is given out, although the provider falls silent behind it.
func TestSilenceBehindTheEnd(t *testing.T) {
	c := host(t, Config{Timeout: 200 * time.Millisecond}, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	if text, err := collect(t, c, hi); err != nil || text != "a" {
		t.Errorf("got %q, %v", text, err)
	}
}

// An announced length is not believed before the bytes come.
func TestHugeContentLength(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4096))
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4611686018427387904\r\n\r\n{")
			conn.Close()
		}
	}()
	p := NewProvider("liar", Config{BaseURL: "http://" + l.Addr().String()}, nil)
	defer p.Close()
	_, err = p.Client("m", slog.New(slog.DiscardHandler)).Complete(t.Context(), request(t, hi))
	if e := failed(t, err); e.Failure != openai.BadReply {
		t.Errorf("got %+v", e)
	}
}

// HTTP/2 tells of a request's progress from goroutines of its own, and a stream
// over it ends as any other.
func TestHTTP2(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("HTTP/%d", r.ProtoMajor)
		}
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), `"wait"`) {
			<-r.Context().Done()
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	p := NewProvider("h2", Config{BaseURL: server.URL}, nil)
	p.transport.TLSClientConfig.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	defer func() { p.Close(); server.Close() }()
	c := p.Client("m", slog.New(slog.DiscardHandler))
	for range 5 {
		if text, err := collect(t, c, hi); err != nil || text != "a" {
			t.Fatalf("got %q, %v", text, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		_, err := c.Complete(ctx, request(t, strings.Replace(hi, `"hi"`, `"wait"`, 1)))
		cancel()
		failed(t, err)
	}
}

// No more calls are under way than max_in_flight allows, and all of them end.
func TestMaxInFlight(t *testing.T) {
	const most = 3
	var now, peak atomic.Int32
	c := host(t, Config{MaxInFlight: most}, func(w http.ResponseWriter, _ *http.Request) {
		if n := now.Add(1); n > peak.Load() {
			peak.Store(n)
		}
		time.Sleep(5 * time.Millisecond)
		now.Add(-1)
		io.WriteString(w, answer)
	})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := c.Complete(t.Context(), request(t, hi)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := peak.Load(); n > most {
		t.Errorf("%d calls at one time", n)
	}
}

func TestLeavingAStreamFreesItsSlot(t *testing.T) {
	left := make(chan struct{})
	c := host(t, Config{MaxInFlight: 1}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		left <- struct{}{}
	})
	for range 3 {
		s, err := c.Stream(t.Context(), request(t, hi))
		if err != nil {
			t.Fatal(err)
		}
		for range s.Chunks() {
			break
		}
		s.Close()
		<-left // the provider sees that nobody reads on
	}
	if !c.Healthy() {
		t.Error("the breaker opened")
	}
}

func TestConnectionsAreReused(t *testing.T) {
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !strings.Contains(string(body), `"stream":true`) {
			io.WriteString(w, answer)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	p := NewProvider("host", Config{BaseURL: server.URL}, nil)
	defer func() { p.Close(); server.Close() }()
	c := p.Client("m", slog.New(slog.DiscardHandler))
	for i := range 10 {
		if i%2 == 1 {
			if _, err := collect(t, c, strings.Replace(hi, `"x":1`, `"stream":true`, 1)); err != nil {
				t.Fatal(err)
			}
		} else if _, err := c.Complete(t.Context(), request(t, hi)); err != nil {
			t.Fatal(err)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	c := Config{BaseURL: "http://h", APIKey: "sk-canary"}
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v %#v %s %q", c, c, c.APIKey, c.APIKey)} {
		if strings.Contains(text, "canary") {
			t.Error(text)
		}
	}
}

func FuzzStream(f *testing.F) {
	f.Add([]byte("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"))
	f.Add([]byte(": x\r\ndata:{}\r\r\ndata: {\"error\":\"a\"}\n\n"))
	f.Add([]byte("event: a\nid: \x00\nretry: z\ndata\ndata: [DONE]"))
	f.Fuzz(func(t *testing.T, events []byte) {
		ended, released := 0, 0
		s := &Stream{decode: openai.DecodeChunk, choices: 2, call: &call{
			reply:  &reply{body: &body{ReadCloser: io.NopCloser(strings.NewReader(string(events))), ctx: t.Context(), timer: time.NewTimer(time.Hour), stop: func() {}, timeout: time.Hour, stream: true}},
			client: &Client{provider: &Provider{}}, report: func(error) { ended++ }, release: func() { released++ },
		}}
		for _, err := range s.Chunks() {
			if err != nil {
				failed(t, err)
			}
		}
		s.Close()
		if ended != 1 || released != 1 {
			t.Fatalf("the call ended %d times and was released %d times", ended, released)
		}
	})
}
