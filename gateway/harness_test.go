package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"go.uber.org/goleak"

	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/gateway/upstream"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/ledger"
	"github.com/drover-llm/drover/pricing"
)

func TestMain(m *testing.M) {
	sandbox.Init() // a container's builder and init are this test binary again
	goleak.VerifyTestMain(boxed{m})
}

// box is the sandbox that all tests share: each start of one tries whether it
// isolates.
var box struct {
	once   sync.Once
	runner *sandbox.Runner
	err    error
}

// boxed closes the shared sandbox before anything is said to have leaked.
type boxed struct{ *testing.M }

func (b boxed) Run() int {
	code := b.M.Run()
	if box.runner != nil {
		box.runner.Close()
	}
	return code
}

// house is a gateway over a stand-in, with a real ledger, over real HTTP.
type house struct {
	t       testing.TB
	url     string // of the gateway, without /v1
	key     string
	models  *standin.Server
	ledger  *ledger.Ledger
	gateway *gateway.Gateway
	cut     context.CancelCauseFunc // ends the requests that are under way
	log     *syncBuffer
}

// priced is what a model of the house costs; unpriced models cost nil.
var priced = pricing.Price{Prompt: 2_500_000, CachedPrompt: 1_250_000, Completion: 10_000_000}

// open starts a house with models of these names at the stand-in, beside
// "gpt-4o", "unpriced" and the route "auto" = gpt-4o.
func open(t testing.TB, c standin.Config, names ...string) *house {
	t.Helper()
	return openWith(t, c, upstream.Config{}, map[string]gateway.RouteConfig{"auto": {Direct: gateway.Names{"gpt-4o"}}}, names...)
}

func openWith(t testing.TB, c standin.Config, p upstream.Config, routes map[string]gateway.RouteConfig, names ...string) *house {
	t.Helper()
	return openAll(t, c, p, gateway.HTTPConfig{}, routes, names...)
}

func openHTTP(t testing.TB, c standin.Config, web gateway.HTTPConfig, names ...string) *house {
	t.Helper()
	return openAll(t, c, upstream.Config{}, web, map[string]gateway.RouteConfig{"auto": {Direct: gateway.Names{"gpt-4o"}}}, names...)
}

func openAll(t testing.TB, c standin.Config, p upstream.Config, web gateway.HTTPConfig, routes map[string]gateway.RouteConfig, names ...string) *house {
	t.Helper()
	h := &house{t: t, models: standin.New(c), log: &syncBuffer{}}
	if err := h.models.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(h.log, nil))
	var err error
	if h.ledger, err = ledger.Open(filepath.Join(t.TempDir(), "drover.db"), ledger.Options{Log: log}); err != nil {
		t.Fatal(err)
	}
	if h.key, _, err = h.ledger.CreateKey(t.Context(), policy.Key{Name: "test", Team: "acme"}, "test"); err != nil {
		t.Fatal(err)
	}
	p.BaseURL = h.models.URL()
	provider := upstream.NewProvider("standin", p, nil)
	models, prices := map[string]gateway.Model{}, map[string]pricing.Price{}
	for _, name := range append([]string{"gpt-4o", "unpriced"}, names...) {
		models[name] = gateway.Model{Client: provider.Client(name, log), MaxOutput: 1000, SupportsN: p.ManyChoices(), Family: pricing.FamilyOf(name)}
		if name != "unpriced" {
			prices[name] = priced
		}
	}
	table, err := pricing.NewTable(prices)
	if err != nil {
		t.Fatal(err)
	}
	h.gateway = gateway.New(gateway.Config{Models: models, Routes: routes, HTTP: web, Prices: table, Keys: h.ledger, Journal: h.ledger, Records: h.ledger, Log: log, Draw: func() float64 { return 1 }})
	server := httptest.NewUnstartedServer(h.gateway.Handler())
	ctx, cut := context.WithCancelCause(context.Background())
	h.cut = cut
	server.Config = gateway.Server(h.gateway.Handler())
	server.Config.BaseContext = func(net.Listener) context.Context { return ctx }
	server.Listener = gateway.Listener(server.Listener)
	server.Start()
	h.url = server.URL
	t.Cleanup(func() {
		cut(nil)
		server.Close()
		provider.Close()
		h.models.Close()
		if err := h.ledger.Close(); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return h
}

// client is the official SDK, without retries of its own.
func (h *house) client(options ...option.RequestOption) openai.Client {
	return openai.NewClient(append([]option.RequestOption{option.WithBaseURL(h.url + "/v1"), option.WithAPIKey(h.key), option.WithMaxRetries(0)}, options...)...)
}

// post sends a body to the chat endpoint and returns the reply, read to its end.
func (h *house) post(body string) (*http.Response, []byte) {
	h.t.Helper()
	return h.do(h.request(h.t.Context(), body))
}

func (h *house) request(ctx context.Context, body string) *http.Request {
	h.t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+h.key)
	r.Header.Set("Content-Type", "application/json")
	return r
}

func (h *house) do(r *http.Request) (*http.Response, []byte) {
	h.t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return resp, text
}

// outcomes waits until so many are in the ledger and no hold is open, and
// returns them.
func (h *house) outcomes(n int) []policy.Outcome {
	h.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); h.ledger.Len() < n; {
		if time.Now().After(deadline) {
			h.t.Fatalf("%d outcomes after 10 s, want %d", h.ledger.Len(), n)
		}
		time.Sleep(2 * time.Millisecond)
	}
	var all []policy.Outcome
	for entry, err := range h.ledger.Outcomes(h.t.Context(), 0) {
		if err != nil {
			h.t.Fatal(err)
		}
		all = append(all, entry.Outcome)
	}
	if len(all) != n {
		h.t.Fatalf("%d outcomes, want %d", len(all), n)
	}
	holds, err := h.ledger.OpenHolds()
	if err != nil || len(holds) > 0 {
		h.t.Errorf("%d holds are open, %v", len(holds), err)
	}
	return all
}

// billed is what the stand-in would bill for a model, priced exactly.
func (h *house) billed(model string) pricing.USD {
	h.t.Helper()
	var sum pricing.USD
	b := h.models.Billed()[model]
	cost, err := priced.Cost(pricing.Usage{Prompt: b.Prompt, CachedPrompt: b.CachedPrompt, Completion: b.Completion})
	if err != nil {
		h.t.Fatal(err)
	}
	sum += cost
	return sum
}

func unmarshal[T any](t testing.TB, text []byte) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

// syncBuffer is a log that several goroutines write.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// called waits until a model has been called so many times.
func (h *house) called(model string, n int) {
	h.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); h.models.Calls(model) < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Errorf("%s is not called within 20 s", model)
			return
		}
	}
}

// leaveAfter sends a request as an SDK does at first, and hangs up so long after a
// model was asked.
func (h *house) leaveAfter(d time.Duration, body string) {
	h.t.Helper()
	h.hangUp(d, body, "0")
}

// hangUp does so for a client that counts its tries, or, with none, for one that
// does not.
func (h *house) hangUp(d time.Duration, body, tries string) {
	h.t.Helper()
	ctx, leave := context.WithCancel(h.t.Context())
	defer leave()
	calls := func() int { return h.models.Calls("llama-3.1-8b") + h.models.Calls("gpt-4o") }
	go func(before int) {
		for calls() == before && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		time.AfterFunc(d, leave)
	}(calls())
	r := h.request(ctx, body)
	if tries != "" {
		r.Header.Set("X-Stainless-Retry-Count", tries)
	}
	if resp, err := http.DefaultClient.Do(r); err == nil {
		resp.Body.Close()
		h.t.Errorf("answered before it left")
	}
}
