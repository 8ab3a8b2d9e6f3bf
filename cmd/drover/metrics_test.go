package main

import (
	"log/slog"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/standin"
)

// What requests take beside their models, and that a budget's soft share is
// spent, shows in the metrics.
func TestMetricsTellOfTimeAndOfSoftShares(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	runner, err := sandbox.New(t.Context(), sandbox.Config{}, log)
	if err != nil {
		t.Fatal(err)
	}
	defer runner.Close()
	l, err := startLoopback(t.Context(), `
providers: {standin: {base_url: "${URL}"}}
models: {gpt-4o: {provider: standin, price: {prompt_per_1m: "2.5", completion_per_1m: "10"}}}
routes: {auto: {direct: gpt-4o}}
budgets: {house: {limit: "1", soft: 0.00001}, other: {limit: "1", soft: 0.9}, plain: {limit: "1"}}
budgets_on_all: [house, other, plain]
`, standin.Config{Keep: -1}, runner, log)
	if err != nil {
		t.Fatal(err)
	}
	defer l.end()
	metrics := func() string {
		w := httptest.NewRecorder()
		l.force.metrics.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		return w.Body.String()
	}
	if before := metrics(); !strings.Contains(before, `drover_budget_soft_reached{budget="house"} 0`) {
		t.Errorf("before any request: %s", before)
	}
	if _, err := ask(t.Context(), l.url, l.key, false); err != nil {
		t.Fatal(err)
	}
	after := metrics()
	for _, want := range []string{`drover_budget_soft_reached{budget="house"} 1`, `drover_budget_soft_reached{budget="other"} 0`, "drover_decision_seconds_count 1", "drover_overhead_seconds_count 1"} {
		if !strings.Contains(after, want+"\n") {
			t.Errorf("the metrics do not say %s", want)
		}
	}
	if strings.Contains(after, `drover_budget_soft_reached{budget="plain"}`) {
		t.Error("a budget without a soft share has one")
	}
	if m := regexp.MustCompile(`drover_overhead_seconds_sum (\S+)`).FindStringSubmatch(after); m == nil || m[1] == "0" {
		t.Errorf("the overhead is %v", m)
	}
}
