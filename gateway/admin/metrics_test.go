package admin_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/drover-llm/drover/gateway/admin"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// Every metric has the name and the labels that dashboards are made for, and kinds
// of tokens add up to what was bought.
func TestMetricsHaveTheirNamesAndAddUp(t *testing.T) {
	m := admin.NewMetrics(admin.Gauges{
		Inflight: func() int64 { return 3 },
		Queue:    func() int { return 2 },
		Breakers: func() map[string]bool { return map[string]bool{"gpt-4o": true, "llama": false} },
		Budgets: func() []policy.BudgetState {
			return []policy.BudgetState{{Name: "day", Limit: 5 * pricing.Dollar, Left: 4 * pricing.Dollar, Spent: pricing.Dollar, Soft: pricing.Dollar}}
		},
	})
	cost, baseline := pricing.Dollar/4, pricing.Dollar
	m.Answered(policy.Outcome{
		Route: "auto", Model: "gpt-4o", Status: 200, Account: policy.Account{Team: "acme"}, Cost: &cost, Baseline: &baseline,
		Calls:   []policy.Call{{Model: "gpt-4o", Cost: &cost, Usage: pricing.Usage{Prompt: 100, CachedPrompt: 60, Completion: 7}, Took: time.Second}},
		Samples: []policy.Sample{{Model: "llama", Verdict: "passed"}, {Model: "llama"}},
	})
	m.Answered(policy.Outcome{Status: 499, Cost: &cost}) // nobody got an answer: nothing was saved
	m.Refused(429)
	m.Decided(time.Millisecond)
	m.Overhead(time.Millisecond)
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`drover_requests_total{model="gpt-4o",route="auto",status="200"} 1`,
		`drover_requests_total{model="",route="",status="429"} 1`,
		`drover_cost_usd_total{model="gpt-4o",team="acme"} 0.25`,
		`drover_saved_usd_total 0.75`,
		`drover_tokens_total{kind="prompt",model="gpt-4o"} 40`,
		`drover_tokens_total{kind="cached_prompt",model="gpt-4o"} 60`,
		`drover_tokens_total{kind="completion",model="gpt-4o"} 7`,
		`drover_samples_total{model="llama",verdict="passed"} 1`,
		`drover_samples_total{model="llama",verdict="late"} 1`,
		`drover_verify_seconds_count 1`,
		`drover_sandbox_queue 2`,
		`drover_overhead_seconds_count 1`,
		`drover_upstream_seconds_count{model="gpt-4o"} 1`,
		`drover_breaker_state{model="gpt-4o"} 1`,
		`drover_breaker_state{model="llama"} 0`,
		`drover_budget_left_usd{budget="day"} 4`,
		`drover_budget_soft_reached{budget="day"} 1`,
		`drover_decision_seconds_count 1`,
		`drover_inflight 3`,
	} {
		if !strings.Contains(w.Body.String(), want+"\n") {
			t.Errorf("the metrics do not say %s", want)
		}
	}
}
