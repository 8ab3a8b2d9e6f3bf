package gateway_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/search"
	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// holding is a journal that remembers what was held.
type holding struct {
	gateway.Journal
	mu    sync.Mutex
	holds map[string]policy.Hold
}

func (j *holding) Hold(ctx context.Context, h policy.Hold) error {
	err := j.Journal.Hold(ctx, h)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.holds[h.ID] = h
	return err
}

// watchful is a sandbox that counts what runs, and now and then loses a run.
type watchful struct {
	gateway.Sandbox
	running, runs atomic.Int64
	lose          int64 // every so manieth run; 0: none
}

func (w *watchful) Run(ctx context.Context, j sandbox.Job) (sandbox.Report, error) {
	w.running.Add(1)
	defer w.running.Add(-1)
	if n := w.runs.Add(1); w.lose > 0 && n%w.lose == 0 {
		return sandbox.Report{Verdict: sandbox.Unjudged, Reason: sandbox.ReasonRunnerDown, Detail: "lost"}, nil
	}
	return w.Sandbox.Run(ctx, j)
}

// moody answers at random: right, wrong, long, late, broken.
func moody(seed uint64) standin.Script {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 1))
	faults := []standin.Fault{standin.ServerError, standin.RateLimited, standin.HangUp, standin.HTMLPage, standin.NoUsage, standin.EmptyChoices, standin.Malformed, standin.Cut, standin.QuotaSpent}
	return standin.Script{Func: func(r standin.Request) standin.Answer {
		mu.Lock()
		defer mu.Unlock()
		a := standin.Answer{Text: wrongAdd}
		switch random.IntN(8) {
		case 0:
			a.Text = rightAdd
		case 1: // long, and full of what JSON escapes
			a.Text = "```python\n" + strings.Repeat("# \"\\\x01\u2028 …\n", 1+random.IntN(3000)) + "def add(a, b): return 0\n```"
		case 2:
			a.Text = "```python\ndef add(a, b):\n    return a - b - " + fmt.Sprint(random.IntN(100)) + "\n```"
		case 3:
			a.Text = "I cannot."
		}
		a.Usage = mispredicted(r, a.Text)
		if random.IntN(10) == 0 {
			a.Faults = []standin.Fault{faults[random.IntN(len(faults))]}
		}
		return a
	}, FirstByte: time.Duration(random.IntN(30)) * time.Millisecond}
}

// mispredicted is the bill for an answer to a request with a prediction none of which
// came true: OpenAI charges for it as for what was answered. It is nil without one.
func mispredicted(r standin.Request, text string) *standin.Usage {
	var q struct {
		Prediction          struct{ Content string }
		MaxTokens           int64 `json:"max_tokens"`
		MaxCompletionTokens int64 `json:"max_completion_tokens"`
	}
	if err := json.Unmarshal(r.Body, &q); err != nil || q.Prediction.Content == "" {
		return nil
	}
	u := &standin.Usage{Prompt: int64(pricing.GPT4o.CountChat([]pricing.Message{{Role: "user", Content: r.Prompt}})), Completion: int64(pricing.GPT4o.Count(text))}
	if limit := max(q.MaxTokens, q.MaxCompletionTokens); limit > 0 {
		u.Completion = min(u.Completion, limit)
	}
	u.Completion += int64(pricing.GPT4o.Count(q.Prediction.Content))
	return u
}

// asked is a request at random, with its tests handed over in some way.
func asked(random *rand.Rand, suites []string) (body string, headers []string) {
	spec := map[string]any{"tests": "assert add(1, 2) == 3\nassert add(5, 5) == 10", "entry_point": "add"}
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	if s := pick("", "all", "none"); s != "" {
		spec["show"] = s
	}
	if s := pick("", "escalate", "best", "error"); s != "" {
		spec["on_fail"] = s
	}
	budget := map[string]any{"max_samples": 1 + random.IntN(12)}
	if random.IntN(3) == 0 {
		budget["max_cost_usd"] = json.Number(pick("0.002", "0.01", "0.05", "0.5"))
	}
	spec["budget"] = budget
	q := map[string]any{"model": pick("auto", "repairs", "auto", "boundless", "gpt-4o"), "messages": []any{map[string]any{"role": "user", "content": "Write add(a, b). " + strings.Repeat("\u00e9\n", random.IntN(200))}}}
	if random.IntN(2) == 0 {
		q["max_tokens"] = 1 + random.IntN(800)
	}
	if random.IntN(3) == 0 {
		q["stream"] = true
	}
	if random.IntN(3) == 0 {
		q["prediction"] = map[string]any{"type": "content", "content": strings.Repeat("def add(a, b): return a + b\n", 1+random.IntN(200))}
	}
	if random.IntN(8) == 0 {
		q["web_search_options"] = map[string]any{}
	}
	switch random.IntN(4) {
	case 3: // without tests
		q["model"] = "compares"
		q["messages"] = []any{map[string]any{"role": "user", "content": "Write a Python function add(a: int, b: int) -> int."}}
	case 0:
		q["verify"] = spec
	case 1:
		text, _ := json.Marshal(spec)
		headers = []string{"X-Verify", base64.RawURLEncoding.EncodeToString(text)}
	case 2:
		if len(suites) > 0 {
			delete(spec, "tests")
			spec["suite"] = suites[random.IntN(len(suites))]
		}
		q["verify"] = spec
	}
	text, err := json.Marshal(q)
	if err != nil {
		panic(err)
	}
	return string(text), headers
}

var manyLaws = flag.Bool("many", false, "try the laws of a request's money in many houses")

// Whatever the models do, in whatever way the tests came and whoever hangs up:
// what the providers bill is at most what is charged (see policy.Outcome.Charge),
// and that at most what was held, which under a budget is always known; a call's cost is in the outcome once; nothing is left running.
func TestNoRequestSpendsMoreThanItHeld(t *testing.T) {
	t.Parallel()
	houses := uint64(1)
	if *manyLaws {
		houses = 30
	}
	for house := range houses {
		t.Run(fmt.Sprint("house ", house), func(t *testing.T) { spendWithinHolds(t, 1000*house) })
	}
}

func spendWithinHolds(t *testing.T, seeds uint64) {
	h := searching(t, moody(seeds+7), moody(seeds+8))
	h.gateway.Routes["repairs"] = gateway.RouteConfig{Direct: gateway.Names{"gpt-4o", "unpriced"}, Search: []gateway.RungConfig{{Model: "llama-3.1-8b", MaxSamples: 9, Escalate: search.EscalateRepair}}}
	h.gateway.Routes["compares"] = gateway.RouteConfig{Direct: gateway.Names{"gpt-4o"}, Search: []gateway.RungConfig{{Model: "llama-3.1-8b"}}, SearchUntested: true}
	h.gateway.Routes["boundless"] = gateway.RouteConfig{Direct: gateway.Names{"endless"}, Search: []gateway.RungConfig{{Model: "llama-3.1-8b", MaxSamples: 3}}}
	h.gateway.Models["endless"] = h.gateway.Models["gpt-4o"]
	for name, m := range h.gateway.Models {
		m.MaxOutput = 40_000 // the longest that the stand-in writes
		if name == "endless" {
			m.MaxOutput = 0 // not known
		}
		h.gateway.Models[name] = m
	}
	h.under(map[string]policy.BudgetConfig{"day": {Limit: 1000 * pricing.Dollar, Every: policy.EveryDay, PerRequest: pricing.Dollar, Then: policy.ThenCheapest}})
	free := h.addKey("free") // of a team without budgets
	prices := map[string]pricing.Price{"gpt-4o": priced, "endless": priced, "unpriced": priced, "llama-3.1-8b": {Prompt: 50_000, CachedPrompt: 50_000, Completion: 80_000}}
	table, err := pricing.NewTable(prices)
	if err != nil {
		t.Fatal(err)
	}
	h.gateway.Prices = table
	journal := &holding{Journal: h.ledger, holds: map[string]policy.Hold{}}
	watched := &watchful{Sandbox: h.gateway.Sandbox, lose: 23}
	h.gateway.Journal, h.gateway.Sandbox = journal, watched
	suites := []string{h.register(addTests).ID,
		h.register(strings.Replace(addTests, `"assert`, `"# `+strings.Repeat("🦙", 2000)+`\nassert`, 1)).ID} // many tokens, which only show: all brings to a model

	const requests = 24
	statuses := map[int]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	places := make(chan struct{}, 3)
	for seed := range uint64(requests) {
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			random := rand.New(rand.NewPCG(seeds+seed, 2))
			key, theirs := h.key, suites
			if random.IntN(3) == 0 {
				key, theirs = free, nil
			}
			body, headers := asked(random, theirs)
			headers = append(headers, "X-Drover-Tags", fmt.Sprint("seed=", seeds+seed))
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			if random.IntN(6) == 0 {
				timer := time.AfterFunc(time.Duration(random.IntN(60))*time.Millisecond, leave)
				defer timer.Stop()
			}
			status := h.status(ctx, key, body, headers)
			mu.Lock()
			statuses[status]++
			mu.Unlock()
		})
	}
	all.Wait()
	wait, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	if err := h.gateway.Wait(wait); err != nil {
		t.Fatal(err)
	}
	if n := watched.running.Load(); n != 0 {
		t.Errorf("%d runs outlive their requests", n)
	}
	unbounded, unknown := 0, map[string]bool{}
	billedAs := func(model string) string { return strings.Replace(model, "endless", "gpt-4o", 1) }
	charged, booked, billed := map[string]pricing.USD{}, pricing.USD(0), pricing.USD(0)
	for entry, err := range h.ledger.Outcomes(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		o, held := entry.Outcome, journal.holds[entry.Outcome.ID]
		var sum pricing.USD
		if o.Cost == nil && held.Ceiling == nil { // the client left an answer whose length nothing bounds
			for _, c := range o.Calls {
				unknown[billedAs(c.Model)] = true
			}
			continue
		}
		for _, c := range o.Calls {
			if c.Cost == nil {
				t.Fatalf("a call of unknown cost: %+v", c)
			}
			sum += *c.Cost
			most := *c.Cost
			if c.Most != nil {
				most = max(most, *c.Most)
			}
			charged[billedAs(c.Model)] += most
		}
		if o.Cost == nil || *o.Cost != sum {
			t.Errorf("%s cost %v, its calls %s", o.ID, o.Cost, sum)
		}
		switch {
		case held.Ceiling == nil && len(held.Budgets) > 0:
			t.Fatalf("seed %s was let into %v without a bound", o.Tags["seed"], held.Budgets)
		case held.Ceiling == nil:
			unbounded++
			booked += *o.Charge()
		case sum > *held.Ceiling:
			t.Fatalf("seed %s spent %s of %s (%s %s): %+v", o.Tags["seed"], sum, held.Ceiling, o.Way, o.Stop, o.Calls)
		default:
			booked += min(*o.Charge(), *held.Ceiling)
		}
	}
	for model, b := range h.models.Billed() {
		cost, err := prices[model].Cost(pricing.Usage{Prompt: b.Prompt, CachedPrompt: b.CachedPrompt, Completion: b.Completion})
		if err != nil {
			t.Fatal(err)
		}
		if unknown[model] {
			continue
		}
		billed += cost
		if cost > charged[model] {
			t.Errorf("%s is billed %s, and %s is charged", model, cost, charged[model])
		}
	}
	if billed > booked {
		t.Errorf("%s is billed, and the budgets are charged %s", billed, booked)
	}
	t.Logf("statuses %v, %d without a bound, stand-in %v", statuses, unbounded, h.models.Billed())
	if holds, err := h.ledger.OpenHolds(); err != nil || len(holds) > 0 {
		t.Errorf("%d holds are open, %v", len(holds), err)
	}
	if statuses[http.StatusOK] < requests/4 || h.models.Billed()["gpt-4o"].Calls == 0 {
		t.Errorf("too few were answered to say anything: %v", statuses)
	}
}

// The ceiling covers the tests where models are shown them, wherever they came
// from, and whatever is asked: it is far above what the request alone could cost.
func TestHoldCoversTheTestsThatAreShown(t *testing.T) {
	h := searching(t, texts(wrongAdd), texts(wrongAdd))
	h.gateway.Routes["repairs"] = gateway.RouteConfig{Direct: gateway.Names{"gpt-4o"}, Search: []gateway.RungConfig{{Model: "llama-3.1-8b", MaxSamples: 2, Escalate: search.EscalateRepair}}}
	journal := &holding{Journal: h.ledger, holds: map[string]policy.Hold{}}
	h.gateway.Journal = journal
	shown := strings.Replace(addTests, `"assert`, `"# `+strings.Repeat("🦙", 3000)+`\nassert`, 1)
	suite := h.register(strings.Replace(shown, "}", `,"show":"all"}`, 1)).ID
	for _, model := range []string{"gpt-4o", "auto", "repairs"} {
		for _, way := range []string{`"suite":"` + suite + `"`, strings.Trim(shown, "{}") + `,"show":"all"`} {
			h.post(`{"model":"` + model + `","max_tokens":20,"messages":[{"role":"user","content":"add"}],"verify":{` + way + `,"budget":{"max_samples":2}}}`)
		}
	}
	for _, o := range h.outcomes(6) {
		held := journal.holds[o.ID]
		if held.Ceiling == nil || *o.Cost > *held.Ceiling {
			t.Errorf("%s %s: spent %s of %v", o.Requested, o.Way, o.Cost, held.Ceiling)
		}
		if *o.Cost < 5_000_000 { // at gpt-4o's price for 2,000 tokens
			t.Errorf("%s %s: spent %s, so the tests were not shown", o.Requested, o.Way, o.Cost)
		}
	}
}

// status sends a request and reads its reply; 0 when the client left.
func (h *house) status(ctx context.Context, key, body string, headers []string) int {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		return 0
	}
	r.Header.Set("Authorization", "Bearer "+key)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	text := new(strings.Builder)
	if _, err := io.Copy(text, resp.Body); err != nil {
		return 0
	}
	if resp.StatusCode == http.StatusBadRequest {
		h.t.Logf("%s", text)
	}
	return resp.StatusCode
}
