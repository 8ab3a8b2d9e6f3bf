package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/ledger"
	"github.com/drover-llm/drover/pricing"
)

var longAttack = flag.Bool("attack", false, "attack the budgets, and kill the server, for minutes instead of seconds")

// attackClock names a file whose content, in seconds, a child's clock is off by.
const attackClock = "DROVER_TEST_CLOCK"

// stepClock makes this process's clock that of the file, unless there is none.
func stepClock(file string) {
	if file == "" {
		return
	}
	var off atomic.Int64
	read := func() {
		text, err := os.ReadFile(file)
		if seconds, wrong := strconv.ParseInt(string(text), 10, 64); err == nil && wrong == nil {
			off.Store(seconds)
		}
	}
	read()
	go func() { // for as long as the process lives
		for range time.Tick(5 * time.Millisecond) {
			read()
		}
	}()
	timeOfDay = func() time.Time { return time.Now().Add(time.Duration(off.Load()) * time.Second) }
}

// attackPrice is that of all models in the attack.
var attackPrice = pricing.Price{Prompt: 1_000_000, CachedPrompt: 1_000_000, Completion: 100_000_000}

// attack is a server under budgets, and those who try to make it overspend.
type attack struct {
	t     *testing.T
	dir   string
	keys  []attackKey
	share pricing.USD // of the money, by which limits are told

	mu    sync.Mutex
	seen  map[string]int // answers by status and code
	steps map[int64]bool // offsets that the clock had, in seconds
}

// attackKey is an API key with a host of its own, so that the host's bill is that
// of the key.
type attackKey struct {
	name   string
	host   *standin.Server
	clean  float64 // share of requests that nothing is wrong with
	secret string
}

// attackModels are the models by their names here, after the key's, and what they
// do at the host. Only searches call small and strong.
var attackModels = map[string]string{
	"good": "good", "second": "second", "cut": "fault-cut", "broken": "fault-malformed", "event": "fault-event", "unavailable": "fault-503",
	"silent": "fault-nousage", "gone": "fault-disconnect", "empty": "fault-empty", "small": "small", "strong": "strong",
}

// limits of the budgets: of the first key, of the team that it and the second are
// in, of the routes that search, and of all.
func (a *attack) limits() map[string]pricing.USD {
	return map[string]pricing.USD{"own": a.share, "red": a.share * 2, "searched": a.share / 2, "hourly": a.share * 3 / 2, "house": a.share * 7 / 2}
}

func (a *attack) configuration() string {
	var providers, models, routes strings.Builder
	for _, k := range a.keys {
		fmt.Fprintf(&providers, "  %s: {base_url: %q, timeout: 5s, breaker: {failures: 1000}}\n", k.name, k.host.URL())
		for name, theirs := range attackModels {
			fmt.Fprintf(&models, "  %s-%s: {provider: %[1]s, name: %q, price: {prompt_per_1m: \"1\", completion_per_1m: \"100\"}}\n", k.name, name, theirs)
		}
		fmt.Fprintf(&routes, "  %s-auto: {direct: [%[1]s-good, %[1]s-second]}\n  %[1]s-shaky: {direct: [%[1]s-cut, %[1]s-broken, %[1]s-event, %[1]s-second]}\n"+
			"  %[1]s-search: {direct: %[1]s-strong, otherwise: %[1]s-strong, budgets: [searched], search: [{model: %[1]s-small, max_samples: 4}], goal: {value_of_correct: \"1\", loss_of_wrong: \"0.1\"}}\n", k.name)
	}
	limits := a.limits()
	return fmt.Sprintf("providers:\n%smodels:\n%sroutes:\n%s", &providers, &models, &routes) +
		fmt.Sprintf("budgets: {own: {limit: \"%s\"}, red: {limit: \"%s\"}, searched: {limit: \"%s\"}, hourly: {limit: \"%s\", every: hour}, house: {limit: \"%s\", per_request: \"0.01\"}}\n",
			limits["own"], limits["red"], limits["searched"], limits["hourly"], limits["house"]) +
		"budgets_on_all: [hourly, house]\nteams: {red: {budgets: [red]}}\n" +
		"limits: {default: {requests_per_minute: 1000000, tokens_per_minute: 1000000000, parallel: 1000}}\n"
}

// billed is what the hosts would charge, by the budget that it falls under: their
// own count, priced exactly.
func (a *attack) billed() map[string]pricing.USD {
	sums := map[string]pricing.USD{}
	for i, k := range a.keys {
		for model, b := range k.host.Billed() {
			cost, err := attackPrice.Cost(pricing.Usage{Prompt: b.Prompt, CachedPrompt: b.CachedPrompt, Completion: b.Completion})
			if err != nil {
				a.t.Fatal(err)
			}
			sums["house"] += cost
			if i == 0 {
				sums["own"] += cost
			}
			if i < 2 {
				sums["red"] += cost
			}
			if model == "small" || model == "strong" {
				sums["searched"] += cost
			}
		}
	}
	return sums
}

// pressed says how much of every budget was billed, and of which the most.
func (a *attack) pressed() (most float64, all string) {
	billed, limits := a.billed(), a.limits()
	for _, name := range []string{"own", "red", "searched", "house"} {
		share := float64(billed[name]) / float64(limits[name]) // a share to be told, not money
		most, all = max(most, share), all+fmt.Sprintf(" %s $%s of $%s (%.0f %%)", name, billed[name], limits[name], 100*share)
	}
	return most, all
}

// body is a request of some kind with the key.
func (a *attack) body(k attackKey) []byte {
	content := any("Say something." + strings.Repeat(" And more.", rand.IntN(4)))
	q := map[string]any{"model": k.name + "-good", "stream": rand.IntN(4) == 0, "max_tokens": 5 + rand.IntN(16)}
	if rand.Float64() > k.clean {
		names := []string{"auto", "auto", "shaky", "unavailable", "silent", "gone", "empty", "cut", "broken", "event"}
		q["model"], q["stream"] = k.name+"-"+names[rand.IntN(len(names))], rand.IntN(2) == 0
		switch rand.IntN(8) {
		case 0:
			delete(q, "max_tokens")
		case 1:
			q["n"] = 2
		case 2:
			q["tools"] = []any{map[string]any{"type": "function", "function": map[string]any{"name": "f", "parameters": map[string]any{"type": "object"}}}}
		}
	}
	switch rand.IntN(25) {
	case 0:
		q["model"], q["max_tokens"] = k.name+"-search", 40
		q["verify"] = map[string]any{"tests": "assert f(2) == 4", "entry_point": "f"}
		content = "Write f, which doubles."
	case 1: // far more tokens at the host than words
		content = strings.Repeat("f(a[i]); ", 150)
	case 2:
		content = []any{map[string]any{"type": "text", "text": "What is this?"}, map[string]any{"type": "image_url", "image_url": map[string]string{"detail": "low",
			"url": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="}}}
	}
	q["messages"] = []any{map[string]any{"role": "user", "content": content}}
	text, err := json.Marshal(q)
	if err != nil {
		a.t.Error(err)
	}
	return text
}

// client sends requests until ctx ends: it reads some to their end, leaves others,
// and repeats what it is not told not to, as SDKs do.
func (a *attack) client(ctx context.Context, url string, k attackKey) {
	sdk := openai.NewClient(option.WithBaseURL(url+"/v1"), option.WithAPIKey(k.secret), option.WithMaxRetries(2))
	for ctx.Err() == nil {
		if rand.IntN(12) == 0 { // the official SDK, with its own retries
			within, cancel := context.WithTimeout(ctx, 3*time.Second)
			_, err := sdk.Chat.Completions.New(within, openai.ChatCompletionNewParams{Model: k.name + "-shaky", MaxTokens: openai.Int(20),
				Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Say something.")}})
			cancel()
			if err == nil {
				a.note("sdk")
			}
			continue
		}
		leave := 3 * time.Second
		if rand.IntN(12) == 0 {
			leave = time.Duration(rand.IntN(30)) * time.Millisecond
		}
		a.note(a.send(ctx, url, k, leave))
	}
}

// send sends one request, and hangs up after a while. It says what came of it.
func (a *attack) send(ctx context.Context, url string, k attackKey, leave time.Duration) string {
	ctx, cancel := context.WithTimeout(ctx, leave)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/chat/completions", bytes.NewReader(a.body(k)))
	if err != nil {
		return "fault"
	}
	r.Header.Set("Authorization", "Bearer "+k.secret)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "left"
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return "left"
	}
	var e struct{ Error struct{ Code string } }
	if resp.StatusCode != http.StatusOK && json.Unmarshal(text, &e) == nil {
		return fmt.Sprint(resp.StatusCode, " ", e.Error.Code)
	}
	return strconv.Itoa(resp.StatusCode)
}

func (a *attack) note(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen[what]++
}

// step sets the clock.
func (a *attack) step(hours int) {
	a.mu.Lock()
	a.steps[int64(hours)] = true
	a.mu.Unlock()
	// Renamed into place: the child must not read half of it.
	file := filepath.Join(a.dir, "clock")
	if err := os.WriteFile(file+".new", []byte(strconv.Itoa(hours*3600)), 0o600); err != nil {
		a.t.Error(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		a.t.Error(err)
	}
}

// check compares the host's bill with the budgets, and the ledger with itself.
func (a *attack) check() {
	a.t.Helper()
	a.quiet()
	billed, limits, windows := a.billed(), a.limits(), pricing.USD(len(a.steps)+1) // an hour of the real clock may end meanwhile
	limits["hours"], billed["hours"] = windows*limits["hourly"], billed["house"]
	for name, cost := range billed {
		if cost > limits[name] {
			a.t.Fatalf("$%s was billed of what falls under %s, which has $%s", cost, name, limits[name])
		}
	}
	l, err := ledger.Open(filepath.Join(a.dir, "drover.db"), ledger.Options{Wait: 5 * time.Second})
	if err != nil {
		a.t.Fatal(err)
	}
	defer l.Close()
	report, err := l.Verify(a.t.Context(), nil)
	if err != nil || report.Faulty > 0 {
		a.t.Fatalf("the ledger after a kill: %v, %q", err, report.Faults)
	}
	totals := l.Totals()
	held := map[string]pricing.USD{}
	for _, h := range totals.Open {
		for _, name := range h.Budgets {
			held[name] += *h.Ceiling
		}
	}
	for _, b := range totals.Budgets {
		for _, w := range b.Windows {
			switch {
			case b.Budget == "hourly" && b.Every == policy.EveryHour && w.Spent > limits["hourly"]:
				a.t.Fatalf("the hour %s has spent $%s of $%s", w.Start, w.Spent, limits["hourly"])
			case b.Budget != "hourly" && b.Every == policy.Ever && (w.Spent+held[b.Budget] > limits[b.Budget] || w.Spent+held[b.Budget] < billed[b.Budget]):
				a.t.Fatalf("%s has spent $%s and holds $%s of $%s; $%s was billed", b.Budget, w.Spent, held[b.Budget], limits[b.Budget], billed[b.Budget])
			}
		}
	}
}

// quiet waits until the host has ended what a killed server asked it for.
func (a *attack) quiet() {
	last, since := a.billed()["house"], time.Now()
	for deadline := time.Now().Add(10 * time.Second); time.Since(since) < 100*time.Millisecond && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if now := a.billed()["house"]; now != last {
			last, since = now, time.Now()
		}
	}
}

// TestAttackOnTheBudgets is the promise of the whole product: 64 clients in
// parallel with three keys, whole and streamed, with searches and images, that hang
// up, that repeat, that ask failing hosts; a server that is killed and started
// again; a clock that steps over the edges of windows. What the hosts bill by their
// own count never exceeds a budget, be it of a key, a team, a route or all, though
// some budget is billed up to its brim; after each kill the ledger is sound and its
// book covers the bill.
func TestAttackOnTheBudgets(t *testing.T) {
	rounds, least, share := 1, 400*time.Millisecond, pricing.Dollar/4
	if *longAttack {
		rounds, least, share = 15, 1500*time.Millisecond, 2*pricing.Dollar
	}
	a := &attack{t: t, dir: t.TempDir(), seen: map[string]int{}, steps: map[int64]bool{}, share: share}
	program := func(body string) standin.Answer {
		return standin.Answer{Text: "```python\ndef f(x):\n    return " + body + "\n```"}
	}
	for i, clean := range []float64{.95, .8, .5} {
		host := simulated(t, standin.Config{Slow: 50 * time.Millisecond, Keep: -1, Models: map[string]standin.Script{
			"good":   {PerChunk: time.Millisecond, Answers: []standin.Answer{{Text: strings.Repeat("simulated words ", 40)}}},
			"second": {PerChunk: time.Millisecond, Answers: []standin.Answer{{Text: strings.Repeat("simulated words ", 40)}}},
			"small":  {Answers: []standin.Answer{program("x + 3"), program("0"), program("x * 2")}},
			"strong": {Answers: []standin.Answer{program("2 * x")}},
		}})
		a.keys = append(a.keys, attackKey{name: string(rune('a' + i)), host: host, clean: clean})
	}
	a.create()
	a.step(0)
	t.Setenv(attackClock, filepath.Join(a.dir, "clock"))
	for round := range rounds + 1 {
		s := startServe(t, a.dir, a.configuration())
		ctx, stop := context.WithCancel(t.Context())
		var clients sync.WaitGroup
		for i := range 64 {
			clients.Go(func() { a.client(ctx, s.url, a.keys[i%len(a.keys)]) })
		}
		if round == rounds { // to the end of the money
			for end := time.Now().Add(time.Duration(120+5*rounds) * time.Second); a.count("429 insufficient_quota") <= 300 || !a.exhausted(); time.Sleep(50 * time.Millisecond) {
				a.step(rand.IntN(3) - 1)
				if time.Now().After(end) {
					stop()
					clients.Wait()
					_, all := a.pressed()
					t.Fatalf("no budget is spent:%s: %v", all, a.seen)
				}
			}
		} else {
			for end := time.Now().Add(least + time.Duration(rand.IntN(300))*time.Millisecond); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
				a.step(rand.IntN(3) - 1)
			}
		}
		if err := s.command.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = s.command.Wait()
		stop()
		clients.Wait()
		http.DefaultClient.CloseIdleConnections()
		a.check()
	}
	for _, what := range []string{"200", "left", "sdk", "429 insufficient_quota", "502 upstream_error"} {
		if a.count(what) == 0 {
			t.Errorf("no answer %q among %v: that proves little", what, a.seen)
		}
	}
	if a.billed()["searched"] == 0 {
		t.Error("nothing was searched")
	}
	_, all := a.pressed()
	t.Logf("%d kills, billed%s: %v", rounds+1, all, a.seen)
}

// exhausted says whether what was billed, not what was held, fills some budget.
func (a *attack) exhausted() bool {
	most, _ := a.pressed()
	return most > .8
}

// create makes the keys: the first under a budget of its own, the first two in a
// team.
func (a *attack) create() {
	a.t.Helper()
	config := filepath.Join(a.dir, "drover.yaml")
	text := "ledger: {path: " + filepath.Join(a.dir, "drover.db") + "}\n" + a.configuration()
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		a.t.Fatal(err)
	}
	for i := range a.keys {
		args := []string{"keys", "create", "-c", config, "--name", a.keys[i].name}
		if i == 0 {
			args = append(args, "--budget", "own")
		}
		if i < 2 {
			args = append(args, "--team", "red")
		}
		out, err := droverCommand(a.t, args...).Output()
		if err != nil {
			a.t.Fatal(err)
		}
		a.keys[i].secret = strings.TrimSpace(string(out))
	}
}

func (a *attack) count(what string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.seen[what]
}
