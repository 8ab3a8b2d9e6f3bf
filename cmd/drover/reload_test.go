package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/drover-llm/drover/configs"
	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/ledger"
)

// keyOf asks GET /v1/key.
func keyOf(t *testing.T, url, key string) (budgets map[string]string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/key", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var a struct {
		Budgets []struct {
			Name, Level string
			Limit       json.Number `json:"limit_usd"`
			Spent       json.Number `json:"spent_usd"`
			Held        json.Number `json:"held_usd"`
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		t.Fatal(err)
	}
	budgets = map[string]string{}
	for _, b := range a.Budgets {
		budgets[b.Name] = fmt.Sprintf("%s: %s+%s of %s", b.Level, b.Spent, b.Held, b.Limit)
	}
	return budgets
}

// until waits for something that another process does.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); {
		if time.Now().After(deadline) {
			t.Fatalf("20 s passed without: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// A changed file is put in force with what was spent; a faulty one is not; SIGHUP
// reads it again; what was spent is there after a start, too.
func TestReloadKeepsWhatWasSpent(t *testing.T) {
	t.Parallel()
	models := simulated(t, standin.Config{Default: standin.Script{Answers: []standin.Answer{{Text: "four words of answer"}}}})
	dir := t.TempDir()
	more := func(limit string) string {
		return overStandin(models) + "budgets: {house: {limit: \"" + limit + "\", every: month}}\nbudgets_on_all: house\n"
	}
	s := startServe(t, dir, more("1"))
	key, _ := s.shown()
	if _, err := ask(t.Context(), s.url, key, false); err != nil {
		t.Fatal(err)
	}
	before := keyOf(t, s.url, key)["house"]
	spent := strings.TrimSuffix(before, "1")
	if !strings.HasPrefix(before, "all: 0.0") || !strings.HasSuffix(before, "+0 of 1") {
		t.Fatal(before)
	}
	file := filepath.Join(dir, "drover.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(old, new string) {
		t.Helper()
		changed := strings.Replace(string(text), old, new, 1)
		if err := os.WriteFile(file+".new", []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil { // as editors do
			t.Fatal(err)
		}
	}
	write(`limit: "1"`, `limit: "2"`)
	until(t, "the new limit", func() bool { return keyOf(t, s.url, key)["house"] == spent+"2" })

	hangUp := func() {
		t.Helper()
		if err := s.command.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	inForce := func(limit, after string) string {
		t.Helper()
		if _, err := ask(t.Context(), s.url, key, true); err != nil {
			t.Errorf("after %s: %v", after, err)
		}
		house := keyOf(t, s.url, key)["house"]
		if !strings.HasSuffix(house, " of "+limit) {
			t.Errorf("after %s: %s, want a limit of %s", after, house, limit)
		}
		return house
	}
	// A refused reload shows in the log only.
	for _, fault := range []string{`limit: "2x"`, `limits: "3"`} {
		write(`limit: "1"`, fault)
		hangUp()
		word, _, _ := strings.Cut(fault, ":")
		s.says(`not reloaded" by=SIGHUP fault=.*drover\.yaml:\d+: budgets\.house\.` + word + ":")
		inForce("2", fault)
	}
	write("listen: 127.0.0.1:0", "listen: 127.0.0.1:1")
	s.says(`not reloaded" by="a change of [^"]*" fault=.*drover\.yaml:\d+: listen:`)
	inForce("2", "another listen")
	write(`limit: "1"`, `limit: "3"`)
	hangUp()
	s.says(`configuration reloaded" by=SIGHUP`)
	inForce("3", "the third limit")
	var last string
	until(t, "nothing is held", func() bool { last = keyOf(t, s.url, key)["house"]; return strings.HasSuffix(last, "+0 of 3") })
	if err := s.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.command.Wait()
	http.DefaultClient.CloseIdleConnections()
	s = startServe(t, dir, more("3"))
	if again := keyOf(t, s.url, key)["house"]; again != last {
		t.Errorf("after a start %s, before it %s", again, last)
	}
}

// A team that a key in use is of stays in the configuration: else the key would be
// under none of its budgets.
func TestReloadKeepsTheTeamsOfKeys(t *testing.T) {
	journal, err := ledger.Open(filepath.Join(t.TempDir(), "drover.db"), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	parse := func(teams string) *configs.Config {
		c, err := configs.Parse("drover.yaml", []byte("providers: {p: {base_url: \"http://127.0.0.1:1/v1\"}}\n"+
			"models: {gpt-4o: {provider: p}}\nroutes: {auto: {direct: gpt-4o}}\nbudgets: {small: {limit: \"1\"}}\n"+teams), nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	next := parse("teams: {acme: {budgets: small}, gone: {}}")
	force, err := putInForce(next, func() (*configs.Config, error) { return next, nil }, journal, nil, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer force.Close()
	_, key, err := journal.CreateKey(t.Context(), policy.Key{Team: "acme"}, "test")
	if err != nil {
		t.Fatal(err)
	}
	next = parse("teams: {other: {}}")
	if err := force.reload(t.Context(), "test"); err == nil || !strings.Contains(err.Error(), key.ID) || !strings.Contains(err.Error(), `no "acme"`) || strings.Contains(err.Error(), "gone") {
		t.Errorf("reloading without the team of a key in use: %v", err)
	}
	if shares, err := force.gateway.Gateway().Budgets.Over(key, ""); err != nil || len(shares) != 1 {
		t.Errorf("the key is under %v: %v", shares, err)
	}
	if _, err := journal.RevokeKey(t.Context(), key.ID, "test"); err != nil {
		t.Fatal(err)
	}
	if err := force.reload(t.Context(), "test"); err != nil {
		t.Errorf("once the key is revoked: %v", err)
	}
}

func TestWebhookIsToldAgainUntilItTakesTheAlert(t *testing.T) {
	calls := make(chan policy.Alert, 10)
	tries := 0
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var a policy.Alert
		if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
			t.Error(err)
		}
		if tries++; tries < 3 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		calls <- a
	}))
	defer hook.Close()
	told := make(chan policy.Change, 10)
	a := newAlerts(func(_ context.Context, c policy.Change) error { told <- c; return nil }, slog.New(slog.DiscardHandler))
	a.pause = time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- a.send(ctx) }()
	a.add(policy.Alert{Event: policy.AlertSoft, Budget: "b", Spent: 80, Limit: 100, Webhook: hook.URL})
	if got := <-calls; got.Budget != "b" || got.Spent != 80 || got.Webhook != "" {
		t.Errorf("%+v", got)
	}
	if c := <-told; c.Action != policy.AlertSoft || c.Subject != "b" || len(calls)+len(told) > 0 {
		t.Errorf("journalled: %+v, and %d alerts more", c, len(calls))
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
