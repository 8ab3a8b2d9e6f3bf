package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/ledger"
)

// TestAlertOutlivesAKill kills drover while a webhook takes no alert: the next start
// tells it, and the one after that does not.
func TestAlertOutlivesAKill(t *testing.T) {
	t.Parallel()
	var up atomic.Bool
	tried, taken := make(chan string, 100), make(chan string, 100)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var a policy.Alert
		if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
			t.Error(err)
		}
		if tried <- a.Event + " " + a.Budget; !up.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		taken <- a.Event + " " + a.Budget
	}))
	defer hook.Close()
	models := simulated(t, standin.Config{Default: standin.Script{Answers: []standin.Answer{{Text: "four words of answer"}}}})
	dir := t.TempDir()
	config := overStandin(models) + fmt.Sprintf("budgets: {house: {limit: 1, every: month, soft: 0.000001, webhook: %q}}\nbudgets_on_all: house\n", hook.URL)
	s := startServe(t, dir, config)
	key, _ := s.shown()
	kill := func() {
		t.Helper()
		if err := s.command.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = s.command.Wait()
		http.DefaultClient.CloseIdleConnections()
	}
	next := func(of chan string) string {
		t.Helper()
		select {
		case told := <-of:
			return told
		case <-time.After(20 * time.Second):
			t.Fatal("20 s without an alert")
			return ""
		}
	}
	if _, err := ask(t.Context(), s.url, key, false); err != nil {
		t.Fatal(err)
	}
	next(tried)
	kill()
	up.Store(true)
	s = startServe(t, dir, config)
	if got := next(taken); got != "budget.soft house" {
		t.Fatal(got)
	}
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.command.Wait(); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(filepath.Join(dir, "drover.db"), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	told, err := alertsTold(l, &policy.Budgets{Rules: map[string]policy.BudgetConfig{"house": {Limit: 1, Every: policy.EveryMonth}}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	start, _ := policy.EveryMonth.Window(time.Now())
	a := policy.Alert{Event: policy.AlertSoft, Budget: "house", Start: &start}
	if !told(a) {
		t.Error("the journal does not know that it was told")
	}
	if a.Event = policy.AlertRefused; told(a) {
		t.Error("the journal knows an alert that never was")
	}
	if other := start.AddDate(0, -1, 0); told(policy.Alert{Event: policy.AlertSoft, Budget: "house", Start: &other}) {
		t.Error("the journal knows the alert of another window")
	}
}
