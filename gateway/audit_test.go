package gateway_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// auditing is a house that audits whenever it may, and remembers its holds.
func auditing(t *testing.T, spend float64, llama, strong standin.Script) (*house, *holding) {
	h := searching(t, llama, strong)
	h.gateway.Draw = func() float64 { return .5 }
	route := h.gateway.Routes["auto"]
	route.Learn = gateway.LearnConfig{Explore: new(0.), Audit: new(1.), AuditSpend: &spend}
	h.gateway.Routes["auto"] = route
	journal := &holding{Journal: h.ledger, holds: map[string]policy.Hold{}}
	h.gateway.Journal = journal
	return h, journal
}

// An audit draws its samples whatever passes, asks the strong model too, and
// hands out whichever of them passes, the strong model's first. All of it is in
// the outcome and within the hold, and the policy learns of both models.
func TestAuditDrawsEverythingWithinItsHold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		strong, answer, way string
	}{
		"both pass":                {rightAdd, rightAdd, "escalated"},
		"the strong model's fails": {wrongAdd, "```python\ndef add(a, b): return b + a\n```", "search"},
	} {
		for _, stream := range []string{"", `"stream":true,`} {
			h, journal := auditing(t, 1, texts("```python\ndef add(a, b): return b + a\n```", wrongAdd), texts(c.strong))
			h.gateway.SpentOnOthers("auto", 1)
			body := `{` + stream + `"model":"auto","messages":[{"role":"user","content":"Write a Python function add(a, b)."}],"verify":` + addTests + `}`
			resp, text := h.post(body)
			if resp.StatusCode != 200 {
				t.Fatalf("%s: %d %s", name, resp.StatusCode, text)
			}
			o := h.outcomes(1)[0]
			if !o.Audit || o.Way != c.way || o.Plan.Samples != 8 || o.Task.Verified == nil || !*o.Task.Verified {
				t.Errorf("%s: %+v", name, o)
			}
			if held := journal.holds[o.ID].Ceiling; held == nil || *o.Cost > *held {
				t.Errorf("%s: spent %s of %v", name, o.Cost, held)
			}
			lesson, ok := o.Lesson(nil)
			if !ok || !lesson.Audit || lesson.Small.Passed+lesson.Small.Failed != 8 || lesson.Small.Passed < 1 || len(lesson.Others) != 1 || lesson.Others[0].Passed+lesson.Others[0].Failed != 1 || lesson.Others[0].Calls != 1 {
				t.Errorf("%s: lesson %+v", name, lesson)
			}
			if stream != "" {
				continue
			}
			reply := unmarshal[struct {
				Choices []struct{ Message struct{ Content string } }
				Verify  verifyReply
			}](t, text)
			if v := reply.Verify; v.Reason != "audit" || v.Route != c.way || v.Samples.Drawn != 8 || reply.Choices[0].Message.Content != c.answer {
				t.Errorf("%s: %+v %s", name, v, reply.Choices[0].Message.Content)
			}
		}
	}
}

// No audit is made where the client has set a limit to the cost, has no time, or
// wants no strong model; nor where budgets are short or audits have spent their
// share.
func TestNoAuditAtAnybodysExpense(t *testing.T) {
	h, _ := auditing(t, 1, texts(rightAdd), texts(rightAdd))
	n := 0
	audited := func(more string) bool {
		h.solve(more)
		n++
		return h.outcomes(n)[n-1].Audit
	}
	if audited("") {
		t.Error("an audit before anything was spent")
	}
	h.gateway.SpentOnOthers("auto", 1)
	for _, spec := range []string{`"budget":{"max_cost_usd":0.5}`, `"budget":{"deadline_s":20}`, `"on_fail":"best"`} {
		resp, body := h.post(`{"model":"auto","messages":[{"role":"user","content":"Write add(a, b)."}],"verify":` + addTests[:len(addTests)-1] + `,` + spec + `}}`)
		if resp.StatusCode != 200 {
			t.Fatalf("%s: %d %s", spec, resp.StatusCode, body)
		}
		if n++; h.outcomes(n)[n-1].Audit {
			t.Errorf("an audit with %s", spec)
		}
	}
	if !audited("") {
		t.Error("no audit where nothing is against it")
	}
	held := 2 * cent // a plan's ceiling is about one
	h.under(map[string]policy.BudgetConfig{"day": {Limit: held + h.billed("gpt-4o") + h.billed("llama-3.1-8b"), Every: policy.EveryDay}})
	if audited("") {
		t.Error("an audit from a budget that is short")
	}
	h.under(map[string]policy.BudgetConfig{"day": {Limit: 10 * pricing.Dollar, Every: policy.EveryDay}})
	if !audited("") {
		t.Error("no audit from a budget that has enough")
	}
}

// In whatever order requests come and audits end, all that audits spent is at
// most their share of all that the other requests did, where none costs more than
// was expected.
func TestAuditsSpendTheirShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a gateway.Audits
		share := rapid.Float64Range(0, 1).Draw(t, "share")
		var open []float64
		var audits, others float64
		end := func() {
			i := rapid.IntRange(0, len(open)-1).Draw(t, "which")
			cost := pricing.USD(open[i] * rapid.Float64Range(0, 1).Draw(t, "part") * float64(pricing.Dollar))
			a.Spent("auto", open[i], policy.Outcome{Audit: true, Cost: &cost})
			open = slices.Delete(open, i, i+1)
			audits += cost.Float64()
		}
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			switch expected := rapid.Float64Range(0, .02).Draw(t, "expected"); {
			case len(open) > 0 && rapid.Bool().Draw(t, "ends"):
				end()
			case rapid.Bool().Draw(t, "audit") && a.Allows("auto", expected, share):
				open = append(open, expected)
			default:
				cost := pricing.USD(rapid.Int64Range(0, int64(pricing.Dollar)/100).Draw(t, "cost"))
				a.Spent("auto", 0, policy.Outcome{Cost: &cost})
				others += cost.Float64()
			}
		}
		for len(open) > 0 {
			end()
		}
		if audits > share*others+1e-9 {
			t.Fatalf("audits spent %g beside %g, more than %g", audits, others, share)
		}
	})
}
