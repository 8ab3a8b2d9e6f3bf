package gateway_test

import (
	"math"
	"testing"

	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// A small share of requests leaves the best known plan, and says so; every outcome
// has the chances of all plans that were open, which come to one and give no more
// than the route's share to those beside the best.
func TestExplorationSaysSoAndIsSmall(t *testing.T) {
	for name, c := range map[string]struct {
		draw        float64
		reason, way string
	}{
		"the first share of the draws is the strong model's": {0, "explored", "direct"},
		"nearly all the rest is the best plan's":             {.5, "tests_given", "search"},
	} {
		h := searching(t, texts(rightAdd), texts(rightAdd))
		h.gateway.Draw = func() float64 { return c.draw }
		v, _ := h.solve("")
		o := h.outcomes(1)[0]
		if v.Reason != c.reason || v.Route != c.way || o.Reason != c.reason || o.Way != c.way {
			t.Errorf("%s: %s by %s, in the outcome %s by %s", name, v.Route, v.Reason, o.Way, o.Reason)
		}
		total, best, followed := 0.0, policy.Chance{}, 0.0
		for _, chance := range o.Chances {
			if total += chance.Propensity; chance.Propensity > best.Propensity {
				best = chance
			}
			if chance.Plan == *o.Plan {
				followed = chance.Propensity
			}
		}
		if math.Abs(total-1) > 1e-9 || best.Propensity < .98 || !(followed > 0) || (followed < .02) != (c.reason == "explored") {
			t.Errorf("%s: chances come to %g, the best plan's %g, that of the plan followed %g", name, total, best.Propensity, followed)
		}
	}
}

// A price list that makes samples dearer than the strong model's calls changes the
// next request: nothing has to be learned anew.
func TestPriceChangeRoutesTheNextRequest(t *testing.T) {
	h := searching(t, texts(rightAdd), texts(rightAdd))
	if v, _ := h.solve(""); v.Route != "search" {
		t.Fatalf("at the cheap price: %+v", v)
	}
	dear := priced
	dear.Prompt, dear.CachedPrompt, dear.Completion = 3*priced.Prompt, 3*priced.CachedPrompt, 3*priced.Completion
	table, err := pricing.NewTable(map[string]pricing.Price{"gpt-4o": priced, "llama-3.1-8b": dear})
	if err != nil {
		t.Fatal(err)
	}
	h.gateway.Prices = table
	if v, _ := h.solve(""); v.Route != "direct" || v.Reason != "router_predicts_direct" {
		t.Errorf("at three times the strong model's price: %+v", v)
	}
}
