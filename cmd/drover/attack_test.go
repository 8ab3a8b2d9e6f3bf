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

var longAttack = flag.Bool("attack", false, "attack the budgets for minutes instead of seconds")

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
var attackPrice = pricing.Price{Prompt: 25_000_000, CachedPrompt: 25_000_000, Completion: 100_000_000}

// attack is a server under budgets, and those who try to make it overspend.
type attack struct {
	t      *testing.T
	models *standin.Server
	dir    string
	key    string
	hourly pricing.USD
	house  pricing.USD

	mu    sync.Mutex
	seen  map[string]int // answers by status and code
	steps map[int64]bool // offsets that the clock had, in seconds
}

func (a *attack) configuration() string {
	b := fmt.Sprintf("providers: {standin: {base_url: %q, timeout: 5s, breaker: {failures: 1000}}}\nmodels:\n", a.models.URL())
	for name, theirs := range attackModels {
		b += fmt.Sprintf("  %s: {provider: standin, name: %q, price: {prompt_per_1m: \"25\", completion_per_1m: \"100\"}}\n", name, theirs)
	}
	return b + "routes:\n  auto: {direct: [gpt-4o, second]}\n  shaky: {direct: [cut, broken, event, second]}\n" +
		fmt.Sprintf("budgets: {hourly: {limit: \"%s\", every: hour}, house: {limit: \"%s\"}}\nbudgets_on_all: [hourly, house]\n", a.hourly, a.house)
}

// attackModels are the models by their names here, and what they do at the host.
var attackModels = map[string]string{
	"gpt-4o": "gpt-4o", "second": "second", "cut": "fault-cut", "broken": "fault-malformed", "event": "fault-event", "unavailable": "fault-503",
	"silent": "fault-nousage", "gone": "fault-disconnect", "empty": "fault-empty",
}

// billed is what the host would charge for everything: its own count, priced
// exactly.
func (a *attack) billed() pricing.USD {
	var sum pricing.USD
	for _, b := range a.models.Billed() {
		cost, err := attackPrice.Cost(pricing.Usage{Prompt: b.Prompt, CachedPrompt: b.CachedPrompt, Completion: b.Completion})
		if err != nil {
			a.t.Fatal(err)
		}
		sum += cost
	}
	return sum
}

// body is a request of some kind.
func (a *attack) body() []byte {
	names := []string{"auto", "auto", "shaky", "gpt-4o", "unavailable", "silent", "gone", "empty", "cut", "broken", "event"}
	q := map[string]any{
		"model": names[rand.IntN(len(names))], "stream": rand.IntN(2) == 0,
		"messages": []any{map[string]string{"role": "user", "content": "Say something." + strings.Repeat(" And more.", rand.IntN(4))}},
	}
	if rand.IntN(40) > 0 {
		q["max_tokens"] = 1 + rand.IntN(30)
	}
	if rand.IntN(6) == 0 {
		q["n"] = 2
	}
	if rand.IntN(6) == 0 {
		q["tools"] = []any{map[string]any{"type": "function", "function": map[string]any{"name": "f", "parameters": map[string]any{"type": "object"}}}}
	}
	text, err := json.Marshal(q)
	if err != nil {
		a.t.Error(err)
	}
	return text
}

// client sends requests until ctx ends: it reads some to their end, leaves others,
// and repeats what it is not told not to, as SDKs do.
func (a *attack) client(ctx context.Context, url string) {
	sdk := openai.NewClient(option.WithBaseURL(url+"/v1"), option.WithAPIKey(a.key), option.WithMaxRetries(2))
	for ctx.Err() == nil {
		if rand.IntN(4) == 0 { // the official SDK, with its own retries
			within, cancel := context.WithTimeout(ctx, 3*time.Second)
			_, err := sdk.Chat.Completions.New(within, openai.ChatCompletionNewParams{Model: "shaky", MaxTokens: openai.Int(20),
				Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Say something.")}})
			cancel()
			if err == nil {
				a.note("sdk")
			}
			continue
		}
		leave := 3 * time.Second
		if rand.IntN(6) == 0 {
			leave = time.Duration(rand.IntN(30)) * time.Millisecond
		}
		a.note(a.send(ctx, url, leave))
	}
}

// send sends one request, and hangs up after a while. It says what came of it.
func (a *attack) send(ctx context.Context, url string, leave time.Duration) string {
	ctx, cancel := context.WithTimeout(ctx, leave)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/chat/completions", bytes.NewReader(a.body()))
	if err != nil {
		return "fault"
	}
	r.Header.Set("Authorization", "Bearer "+a.key)
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
	billed, windows := a.billed(), pricing.USD(len(a.steps)+1) // an hour of the real clock may end meanwhile
	if billed > a.house || billed > windows*a.hourly {
		a.t.Fatalf("billed $%s, the house has $%s and each of %d hours $%s", billed, a.house, windows, a.hourly)
	}
	l, err := ledger.Open(filepath.Join(a.dir, "drover.db"), ledger.Options{Wait: 5 * time.Second})
	if err != nil {
		a.t.Fatal(err)
	}
	defer l.Close()
	report, err := l.Verify(a.t.Context())
	if err != nil || report.Faulty > 0 {
		a.t.Fatalf("the ledger after a kill: %v, %q", err, report.Faults)
	}
	totals := l.Totals()
	held := pricing.USD(0)
	for _, h := range totals.Open {
		held += *h.Ceiling
	}
	for _, b := range totals.Budgets {
		for _, w := range b.Windows {
			switch {
			case b.Budget == "house" && b.Every == policy.Ever && (w.Spent+held > a.house || w.Spent+held < billed):
				a.t.Fatalf("the house has spent $%s and holds $%s of $%s; $%s was billed", w.Spent, held, a.house, billed)
			case b.Budget == "hourly" && b.Every == policy.EveryHour && w.Spent > a.hourly:
				a.t.Fatalf("the hour %s has spent $%s of $%s", w.Start, w.Spent, a.hourly)
			}
		}
	}
}

// quiet waits until the host has ended what a killed server asked it for.
func (a *attack) quiet() {
	last, since := a.billed(), time.Now()
	for deadline := time.Now().Add(10 * time.Second); time.Since(since) < 100*time.Millisecond && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if now := a.billed(); now != last {
			last, since = now, time.Now()
		}
	}
}

// TestAttackOnTheBudgets is the promise of the whole product: 64 clients in
// parallel, whole and streamed, that hang up, that repeat, that ask failing hosts;
// a server that is killed and started again; a clock that steps over the edges of
// windows. What the host bills by its own count never exceeds a budget, and after
// each kill the ledger is sound and its book covers the bill.
func TestAttackOnTheBudgets(t *testing.T) {
	rounds, least := 3, 700*time.Millisecond
	if *longAttack {
		rounds, least = 25, 2*time.Second
	}
	scale := pricing.USD(rounds)
	a := &attack{t: t, dir: t.TempDir(), seen: map[string]int{}, steps: map[int64]bool{},
		hourly: scale * pricing.Dollar, house: scale * pricing.Dollar * 5 / 2}
	a.models = simulated(t, standin.Config{Slow: 50 * time.Millisecond, Keep: -1,
		Default: standin.Script{PerChunk: time.Millisecond, Answers: []standin.Answer{{Text: strings.Repeat("simulated words ", 40)}}}})
	a.step(0)
	t.Setenv(attackClock, filepath.Join(a.dir, "clock"))
	for round := range rounds + 1 {
		s := startServe(t, a.dir, a.configuration())
		if round == 0 {
			a.key, _ = s.shown()
		}
		ctx, stop := context.WithCancel(t.Context())
		var clients sync.WaitGroup
		for range 64 {
			clients.Go(func() { a.client(ctx, s.url) })
		}
		if round == rounds { // to the end of the money
			for end := time.Now().Add(time.Duration(rounds) * 10 * time.Second); a.count("429 insufficient_quota") <= 300 || a.count("200") == 0; time.Sleep(50 * time.Millisecond) {
				a.step(rand.IntN(3) - 1)
				if time.Now().After(end) {
					t.Fatalf("no budget is spent: %v", a.seen)
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
	t.Logf("%d kills, billed $%s of $%s: %v", rounds+1, a.billed(), a.house, a.seen)
}

func (a *attack) count(what string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.seen[what]
}
