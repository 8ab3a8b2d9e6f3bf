package gateway_test

import (
	"testing"
	"time"

	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// Budgets over a route leave a cache a cache, and what is compared compared.
func TestBudgetsLeaveTheWayOfAnsweringAsItIs(t *testing.T) {
	h := searching(t, texts(rightAdd), texts(rightAdd)).under(map[string]policy.BudgetConfig{"day": {Limit: 10 * pricing.Dollar, Every: policy.EveryDay}})
	route := h.gateway.Routes["auto"]
	route.Cache = gateway.CacheConfig{TTL: time.Hour}
	route.SearchUntested = true
	h.gateway.Routes["auto"] = route
	h.solve("")
	if v, text := h.solve(""); v.Route != "cache" || text != rightAdd || v.Cost != "0" {
		t.Errorf("again: %+v %q", v, text)
	}
	_, body := h.post(`{"model":"auto","messages":[{"role":"user","content":"Write a Python function add(a: int, b: int) -> int."}]}`)
	v := unmarshal[struct{ Verify verifyReply }](t, body).Verify
	if o := h.outcomes(3)[2]; o.Stop != "agreed" || v.Route != "search" || v.Samples.Budget != 8 {
		t.Errorf("without tests: %+v, stop %s", v, o.Stop)
	}
}
