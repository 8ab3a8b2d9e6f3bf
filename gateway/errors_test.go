package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/gateway/upstream"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// errorBody is OpenAI's, with pointers for what may be null.
type errorBody struct {
	Error map[string]any
}

func checkError(t *testing.T, resp *http.Response, body []byte, status int, code string) map[string]any {
	t.Helper()
	e := unmarshal[errorBody](t, body).Error
	if resp.StatusCode != status || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") || resp.Header.Get("x-request-id") == "" {
		t.Errorf("status %d, want %d, headers %v: %s", resp.StatusCode, status, resp.Header, body)
	}
	for _, key := range []string{"message", "type", "param", "code"} {
		if _, there := e[key]; !there {
			t.Errorf("no %s in %s", key, body)
		}
	}
	if got, _ := e["code"].(string); got != code {
		t.Errorf("code %q, want %q: %s", got, code, body)
	}
	if len(e) != 4 || e["message"] == "" || e["type"] == "" {
		t.Errorf("error %s", body)
	}
	return e
}

// Every way in which a provider fails has one status, one code, and says
// whether trying again makes sense. A failure that cost nothing costs nothing.
func TestProviderFaultsBecomeOpenAIErrors(t *testing.T) {
	t.Parallel()
	cases := []struct {
		model  string
		status int
		code   string
		retry  string // "after": Retry-After is set; "no": x-should-retry is false; "": neither
		spent  bool
		tries  int
	}{
		{"fault-429", 429, "rate_limit_exceeded", "after", false, 3},
		{"fault-quota", 429, "insufficient_quota", "no", false, 1},
		{"fault-500", 502, "upstream_error", "after", false, 3},
		{"fault-503", 502, "upstream_error", "after", false, 3},
		{"fault-401", 502, "upstream_error", "no", false, 1},
		{"fault-404", 502, "upstream_error", "no", false, 1},
		{"fault-context", 400, "context_length_exceeded", "", false, 1},
		{"fault-html", 502, "upstream_error", "after", false, 3},
		{"fault-timeout", 504, "upstream_timeout", "no", true, 1},
		{"fault-disconnect", 502, "upstream_error", "no", true, 1},
		{"fault-malformed", 502, "upstream_error", "no", true, 1},
		{"fault-empty", 502, "upstream_error", "no", true, 1},
		{"fault-cut", 502, "upstream_error", "no", true, 1},
	}
	var names []string
	for _, c := range cases {
		names = append(names, c.model)
	}
	h := openWith(t, standin.Config{}, upstream.Config{Timeout: 500 * time.Millisecond}, nil, names...)
	type reply struct {
		*http.Response
		body []byte
	}
	replies := make([]reply, len(cases))
	var all sync.WaitGroup
	for i, c := range cases {
		all.Go(func() {
			replies[i].Response, replies[i].body = h.post(`{"model":"` + c.model + `","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}`)
		})
	}
	all.Wait()
	outcomes := map[string]policy.Outcome{}
	for _, o := range h.outcomes(len(cases)) {
		outcomes[o.Requested] = o
	}
	for i, c := range cases {
		resp := replies[i]
		checkError(t, resp.Response, resp.body, c.status, c.code)
		retry := ""
		if resp.Header.Get("x-should-retry") == "false" {
			retry = "no"
		} else if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s >= 1 && s <= 60 {
			retry = "after"
		}
		if retry != c.retry {
			t.Errorf("%s: retry %q, want %q: %v", c.model, retry, c.retry, resp.Header)
		}
		o := outcomes[c.model]
		if o.Status != c.status || o.Error == "" || o.Calls[0].Tries != c.tries || (*o.Cost > 0) != c.spent {
			t.Errorf("%s: outcome %+v, cost %s", c.model, o, o.Cost)
		}
		if billed := h.billed(c.model); *o.Cost < billed {
			t.Errorf("%s: journalled %s, the provider bills %s", c.model, o.Cost, billed)
		}
	}
}

// A faulty request gets an error that says what is wrong, reaches no provider
// and costs nothing.
func TestFaultyRequestsCostNothing(t *testing.T) {
	h := open(t, standin.Config{})
	for body, want := range map[string]struct {
		status int
		param  any
	}{
		``:                               {400, nil},
		`{"model": `:                     {400, nil},
		`[1,2]`:                          {400, nil},
		`{"model":"gpt-4o"}`:             {400, "messages"},
		`{"model":"auto","messages":[]}`: {400, "messages"},
		`{"model":"auto","messages":[{"role":"wizard","content":"x"}]}`:         {400, "messages[0].role"},
		`{"model":"auto","messages":[{"role":"user","content":"x"}],"n":0}`:     {400, "n"},
		`{"model":"auto","model":"b","messages":[]}`:                            {400, nil},
		`{"model":"nothing","messages":[{"role":"user","content":"x"}]}`:        {404, nil},
		`{"model":"auto","messages":[{"role":"user","content":"x"}],"stop":{}}`: {400, "stop"},
	} {
		resp, text := h.post(body)
		code := map[string]string{"messages[0].role": "invalid_value", "n": "invalid_value", "stop": "invalid_type", "messages": "x"}
		e := unmarshal[errorBody](t, text).Error
		if resp.StatusCode != want.status || e["param"] != want.param || e["type"] != "invalid_request_error" || len(e) != 4 {
			t.Errorf("%s: %d %s (%v)", body, resp.StatusCode, text, code)
		}
	}
	r := h.request(t.Context(), `{"model":"auto","messages":[{"role":"user","content":"x"}]}`)
	r.Header.Set("x-drover-tags", "no pairs")
	resp, text := h.do(r)
	checkError(t, resp, text, 400, "")
	h.outcomes(0)
	if n := len(h.models.Requests()); n > 0 {
		t.Errorf("%d requests reached the provider", n)
	}
}

func TestPathsAndMethods(t *testing.T) {
	h := open(t, standin.Config{})
	for _, c := range []struct {
		method, path string
		status       int
		code         string
	}{
		{"POST", "/v1/no/such/path", 404, ""},
		{"GET", "/", 404, ""},
		{"GET", "/v1/chat/completions", 405, "method_not_supported"},
		{"DELETE", "/v1/models", 405, "method_not_supported"},
		{"GET", "/metrics", 404, ""},
		{"GET", "/debug/pprof/", 404, ""},
		{"GET", "/api/keys", 404, ""},
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, h.url+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, body := h.do(r)
		checkError(t, resp, body, c.status, c.code)
	}
}

func TestBodyTooLarge(t *testing.T) {
	t.Parallel()
	h := openHTTP(t, standin.Config{}, gateway.HTTPConfig{MaxBody: 4 << 20})
	big := `{"model":"auto","messages":[{"role":"user","content":"` + strings.Repeat("x", 5<<20) + `"}]}`
	resp, body := h.post(big)
	checkError(t, resp, body, 413, "")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"/v1/chat/completions", struct{ *strings.Reader }{strings.NewReader(big)}) // chunked
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+h.key)
	if resp, err := http.DefaultClient.Do(r); err == nil { // or the connection was closed while sending
		if resp.StatusCode != 413 {
			t.Errorf("chunked: status %d", resp.StatusCode)
		}
		resp.Body.Close()
	}
	resp, body = h.post(`{"model":"no-such-model","messages":[{"role":"user","content":"` + strings.Repeat("x", 3<<20) + `"}]}`)
	checkError(t, resp, body, 404, "model_not_found")
}

// An SDK's automatic retries see what they need to.
func TestSDKRetries(t *testing.T) {
	h := open(t, standin.Config{Models: map[string]standin.Script{"gpt-4o": {Faults: []standin.Fault{standin.QuotaSpent}}}})
	client := h.client(option.WithMaxRetries(2))
	_, err := client.Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{Model: "gpt-4o", Messages: hello})
	var e *openai.Error
	if !errors.As(err, &e) || e.Code != "insufficient_quota" {
		t.Fatalf("got %v", err)
	}
	if n := h.models.Calls("gpt-4o"); n != 1 {
		t.Errorf("the provider was called %d times", n)
	}
}

// brokenJournal is a ledger on a full disk.
type brokenJournal struct{ holds bool }

var errDisk = errors.New("no space left on device")

func (j brokenJournal) Hold(context.Context, policy.Hold) error {
	if j.holds {
		return nil
	}
	return errDisk
}
func (brokenJournal) Settle(context.Context, policy.Outcome) error { return errDisk }
func (brokenJournal) Err() error                                   { return errDisk }

// What cannot be journalled is not bought, and what was bought and cannot be
// journalled is not given away as if it were free.
func TestWithoutALedgerNothingIsAnswered(t *testing.T) {
	for _, holds := range []bool{false, true} {
		h := open(t, standin.Config{})
		h.gateway.Journal = brokenJournal{holds}
		for _, stream := range []string{"false", "true"} {
			resp, body := h.post(`{"model":"gpt-4o","stream":` + stream + `,"messages":[{"role":"user","content":"hi"}]}`)
			switch {
			case stream == "true" && holds: // the stream has begun
				if !strings.Contains(string(body), "ledger_unavailable") || strings.Contains(string(body), "[DONE]") {
					t.Errorf("stream: %s", body)
				}
			default:
				checkError(t, resp, body, 503, "ledger_unavailable")
				if final := resp.Header.Get("x-should-retry") == "false"; final != holds {
					t.Errorf("holds %v: x-should-retry %q", holds, resp.Header.Get("x-should-retry"))
				}
			}
		}
		if n := len(h.models.Requests()); n > 0 != holds {
			t.Errorf("holds %v: %d requests reached the provider", holds, n)
		}
		if resp, _ := get(t, h, "/readyz"); resp.StatusCode != 503 {
			t.Errorf("ready without a ledger: %d", resp.StatusCode)
		}
	}
}

// The hold is there, and large enough, while the answer is on its way.
func TestHoldIsAnUpperBound(t *testing.T) {
	h := open(t, standin.Config{Models: map[string]standin.Script{"gpt-4o": {FirstByte: 300 * time.Millisecond}}})
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		resp, err := http.DefaultClient.Do(h.request(context.Background(), `{"model":"auto","n":2,"max_tokens":50,"messages":[{"role":"user","content":"hi"}]}`))
		if err == nil {
			resp.Body.Close()
		}
	}()
	h.called("gpt-4o", 1)
	holds, err := h.ledger.OpenHolds()
	if err != nil || len(holds) != 1 || holds[0].Ceiling == nil || holds[0].Account.Team != "acme" {
		t.Fatalf("holds %+v, %v", holds, err)
	}
	<-answered
	o := h.outcomes(1)[0]
	if *o.Cost > *holds[0].Ceiling || *holds[0].Ceiling > 10*pricing.Dollar/1000 {
		t.Errorf("held %s, spent %s", holds[0].Ceiling, o.Cost)
	}
}

var _ gateway.Journal = brokenJournal{}

// Bodies that come slowly, or in chunks, take the memory of what has come.
func TestSmallBodiesDoNotTakeAllMemory(t *testing.T) {
	h := open(t, standin.Config{})
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for range 40 {
		c, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
		fmt.Fprintf(c, "POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n{", h.key, 32<<20)
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		if line, err := bufio.NewReader(c).ReadString('\n'); !strings.Contains(line, "100 Continue") { // which is said when the body is read
			t.Fatalf("%q, %v", line, err)
		}
	}
	if resp, body := h.post(`{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}`); resp.StatusCode != 200 {
		t.Errorf("status %d: %s", resp.StatusCode, body)
	}
}

// Who has no key is answered before the body is there.
func TestRefusalDoesNotWaitForTheBody(t *testing.T) {
	h := open(t, standin.Config{})
	c, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n{")
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	b := make([]byte, 4096)
	if n, err := c.Read(b); err != nil || !strings.HasPrefix(string(b[:n]), "HTTP/1.1 401") {
		t.Errorf("got %q, %v", b[:n], err)
	}
}

// A name that only differs by its case is one that some hosts read as the other.
func TestSpellingIsNoWayAroundPrices(t *testing.T) {
	h := open(t, standin.Config{})
	for _, name := range []string{"Model", "N", "MAX_TOKENS", "\u017ftream"} { // the last begins with a long s
		resp, body := h.post(`{"model":"gpt-4o","messages":[{"role":"user","content":"x"}],"` + name + `":5}`)
		if e := checkError(t, resp, body, 400, "invalid_value"); e["param"] != name {
			t.Errorf("%s: %s", name, body)
		}
	}
	h.outcomes(0)
}

// After a call that may have been billed, no error asks the SDK to try again.
func TestSpentMoneyIsNotSpentAgain(t *testing.T) {
	t.Parallel()
	h := openWith(t, standin.Config{}, upstream.Config{}, map[string]gateway.RouteConfig{"auto": {Direct: gateway.Names{"fault-disconnect", "fault-429"}}}, "fault-disconnect", "fault-429")
	resp, body := h.post(`{"model":"auto","max_tokens":10,"messages":[{"role":"user","content":"x"}]}`)
	checkError(t, resp, body, 502, "upstream_error")
	if resp.Header.Get("x-should-retry") != "false" {
		t.Errorf("headers %v", resp.Header)
	}
}

// The lower of two output limits is the one that the provider gets, and that the
// hold was made for.
func TestOneOutputLimitReachesTheProvider(t *testing.T) {
	h := open(t, standin.Config{}, "llama-3.1-8b")
	for _, model := range []string{"gpt-4o", "llama-3.1-8b", "unpriced"} {
		h.post(`{"model":"` + model + `","max_tokens":900,"max_completion_tokens":5,"messages":[{"role":"user","content":"x"}]}`)
	}
	for _, r := range h.models.Requests() {
		body := string(r.Body)
		if strings.Count(body, `max_`) != 1 || !strings.Contains(body, `_tokens":5`) {
			t.Errorf("%s got %s", r.Model, body)
		}
	}
}

// What the ledger did not take is tried again before money is held anew.
func TestLateOutcomesAreSettledFirst(t *testing.T) {
	h := open(t, standin.Config{})
	j := &flakyJournal{Journal: h.ledger}
	h.gateway.Journal = j
	j.full.Store(true)
	const body = `{"model":"gpt-4o","messages":[{"role":"user","content":"x"}]}`
	resp, text := h.post(body) // held, answered, and not journalled
	checkError(t, resp, text, 503, "ledger_unavailable")
	resp, text = h.post(body)
	checkError(t, resp, text, 503, "ledger_unavailable")
	if n := h.models.Calls("gpt-4o"); n != 1 {
		t.Errorf("%d calls", n)
	}
	if resp, _ := get(t, h, "/readyz"); resp.StatusCode != 503 {
		t.Errorf("ready: %d", resp.StatusCode)
	}
	j.full.Store(false)
	if resp, text := h.post(body); resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	h.outcomes(2)
}

// Whoever tries again may leave while the late outcome is written.
func TestLateOutcomesOutliveTheRequestThatSettlesThem(t *testing.T) {
	h := open(t, standin.Config{})
	ctx, leave := context.WithCancel(t.Context())
	var once sync.Once
	j := &flakyJournal{Journal: h.ledger, before: func(writing context.Context) {
		once.Do(func() {
			leave()
			select {
			case <-writing.Done(): // which it must not be
			case <-time.After(300 * time.Millisecond):
			}
		})
	}}
	h.gateway.Journal = j
	j.full.Store(true)
	const body = `{"model":"gpt-4o","messages":[{"role":"user","content":"x"}]}`
	h.post(body)
	j.full.Store(false)
	if resp, err := http.DefaultClient.Do(h.request(ctx, body)); err == nil {
		resp.Body.Close()
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		resp, text := h.post(body)
		if resp.StatusCode == http.StatusOK {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d %s", resp.StatusCode, text)
		}
	}
}

// flakyJournal is a ledger whose disk is full for outcomes.
type flakyJournal struct {
	gateway.Journal
	full   atomic.Bool
	before func(context.Context) // runs before an outcome is written
}

func (j *flakyJournal) Settle(ctx context.Context, o policy.Outcome) error {
	if j.full.Load() {
		return errDisk
	}
	if j.before != nil {
		j.before(ctx)
	}
	return j.Journal.Settle(ctx, o)
}
