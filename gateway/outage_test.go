package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/search"
	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// failing is a sandbox whose isolation is lost after so many runs.
type failing struct {
	gateway.Sandbox
	left atomic.Int64
}

func (f *failing) Run(ctx context.Context, j sandbox.Job) (sandbox.Report, error) {
	if f.left.Add(-1) < 0 {
		return sandbox.Report{Verdict: sandbox.Unjudged, Reason: sandbox.ReasonRunnerDown, Detail: "lost"}, nil
	}
	return f.Sandbox.Run(ctx, j)
}

func (f *failing) Down() string {
	if f.left.Load() <= 0 {
		return "lost"
	}
	return ""
}

// A sandbox that goes down in the middle of a search ends it: no more samples are
// bought that nobody could judge, the strong model answers, and nothing is called
// failed that was not judged.
func TestSandboxLostInTheMiddleOfASearch(t *testing.T) {
	h := searching(t, texts(wrongAdd, "```python\ndef add(a, b):\n    return 1\n```", rightAdd, rightAdd), texts(rightAdd))
	lost := &failing{Sandbox: h.gateway.Sandbox}
	lost.left.Store(1)
	h.gateway.Sandbox = lost
	lost.left.Store(1)
	v, text := h.solve("")
	if v.Route != "escalated" || v.Reason != "runner_down" || v.Verified != nil || v.Model != "gpt-4o" || text != rightAdd || v.Samples.Drawn > 3 {
		t.Errorf("%+v", v)
	}
	o := h.outcomes(1)[0]
	for i, s := range o.Samples[1:] {
		if s.Verdict == "failed" {
			t.Errorf("sample %d was not judged: %+v", i+1, s)
		}
	}
	if v, _ := h.solve(""); v.Route != "direct" || v.Reason != "runner_down" {
		t.Errorf("afterwards: %+v", v)
	}
}

// The official client's own retries, after its timeout, buy nothing twice: they
// join the search that goes on.
func TestSDKTimeoutsBuyNothingTwice(t *testing.T) {
	t.Parallel()
	slow := texts(wrongAdd, wrongAdd, rightAdd)
	slow.FirstByte = 400 * time.Millisecond
	h := searching(t, slow, texts(rightAdd))
	var tries atomic.Int64
	client := h.client(option.WithMaxRetries(2), option.WithMiddleware(func(r *http.Request, next option.MiddlewareNext) (*http.Response, error) {
		if tries.Add(1) == 1 { // as when a proxy in between cuts the first try
			ctx, cancel := context.WithTimeout(r.Context(), 300*time.Millisecond)
			defer cancel()
			return next(r.WithContext(ctx))
		}
		return next(r)
	}))
	reply, err := client.Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{
		Model: "auto", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Write add(a, b).")},
	}, option.WithJSONSet("verify", map[string]any{"tests": "assert add(1, 2) == 3", "entry_point": "add"}))
	if err != nil {
		t.Fatal(err)
	}
	if reply.Choices[0].Message.Content != rightAdd || tries.Load() != 2 {
		t.Errorf("%d tries, %q", tries.Load(), reply.Choices[0].Message.Content)
	}
	if o := h.outcomes(1)[0]; o.ID != reply.ID || !strings.HasPrefix(o.ID, "chatcmpl-") {
		t.Errorf("%+v", o)
	}
}

// A short budget gets the strong model a lower output limit, and says so; one that
// is shorter still, no strong model; one that is too short for a sample, an error.
func TestMaxCostIsKept(t *testing.T) {
	h := searching(t, texts(wrongAdd), texts(rightAdd))
	ask := func(most string) (*http.Response, []byte) {
		return h.post(`{"model":"auto","messages":[{"role":"user","content":"Write add(a, b)."}],"verify":` + strings.TrimSuffix(addTests, "}") + `,"budget":{"max_cost_usd":` + most + `}}}`)
	}
	resp, body := ask("0.009")
	if v := unmarshal[struct{ Verify verifyReply }](t, body).Verify; v.Route != "escalated" || !strings.Contains(string(body), "which keeps verify.budget.max_cost_usd") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	requests := h.models.Requests()
	if last := string(requests[len(requests)-1].Body); !strings.Contains(last, `"max_completion_tokens":`) && !strings.Contains(last, `"max_tokens":`) {
		t.Errorf("%s", last)
	}
	resp, body = ask("0.004")
	if v := unmarshal[struct{ Verify verifyReply }](t, body).Verify; v.Route != "search" || v.Verified == nil || *v.Verified || !strings.Contains(string(body), "does not escalate") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	resp, body = ask("0.00005")
	checkError(t, resp, body, 400, "budget_too_small")
	for _, o := range h.outcomes(2) {
		if *o.Cost > 9_000_000 {
			t.Errorf("spent %s", o.Cost)
		}
	}
}

// What the client allows holds for direct answers as well: they get an output limit,
// or the request an error.
func TestMaxCostIsKeptWithoutASearch(t *testing.T) {
	h := searching(t, texts(wrongAdd), texts(rightAdd))
	ask := func(most string) (*http.Response, []byte) {
		return h.post(`{"model":"auto","messages":[{"role":"user","content":"Name a prime."}],"verify":{"budget":{"max_cost_usd":` + most + `}}}`)
	}
	if resp, body := ask("0.5"); resp.StatusCode != 200 || strings.Contains(string(body), "max_tokens") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	resp, body := ask("0.006")
	if resp.StatusCode != 200 || !strings.Contains(string(body), "which keeps the budget verify.budget.max_cost_usd") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	resp, body = ask("0.000001")
	checkError(t, resp, body, 400, "budget_too_small")
	for _, o := range h.outcomes(2) {
		if *o.Cost > 6_000_000 {
			t.Errorf("spent %s", o.Cost)
		}
	}
}

// Where the strong model's output limit is not known, one is set that keeps what the
// client allows, and said.
func TestMaxCostSetsAnUnknownOutputLimit(t *testing.T) {
	h := searching(t, texts(wrongAdd), texts(rightAdd))
	strong := h.gateway.Models["gpt-4o"]
	strong.MaxOutput = 0
	h.gateway.Models["gpt-4o"] = strong
	for _, escalate := range []string{search.EscalateFresh, search.EscalateRepair} {
		h.gateway.Routes["auto"].Search[0].Escalate = escalate
		for _, most := range []string{"0.02", "0.05", "9"} {
			resp, body := h.post(`{"model":"auto","messages":[{"role":"user","content":"Write add(a, b)."}],"verify":` + strings.TrimSuffix(addTests, "}") + `,"budget":{"max_samples":2,"max_cost_usd":` + most + `}}}`)
			if resp.StatusCode != 200 || !strings.Contains(string(body), "max_tokens: an answer of gpt-4o has at most") || !strings.Contains(string(body), `"route":"escalated"`) {
				t.Errorf("%s %s: %d %s", escalate, most, resp.StatusCode, body)
			}
		}
	}
	h.outcomes(6)
}

// What a direct call is held for or refused for, a search's strong call is too.
func TestSearchesAreBoundAsDirectCallsAre(t *testing.T) {
	h := searching(t, texts(rightAdd), texts(rightAdd)).under(map[string]policy.BudgetConfig{"day": {Limit: pricing.Dollar, Every: policy.EveryDay}})
	journal := &holding{Journal: h.ledger, holds: map[string]policy.Hold{}}
	h.gateway.Journal = journal
	prediction := `"prediction":{"type":"content","content":"` + strings.Repeat("a", 20_000) + `"},`
	held := map[string]pricing.USD{}
	for _, model := range []string{"gpt-4o", "auto"} {
		ask := func(more string) (*http.Response, []byte) {
			return h.post(`{` + more + `"model":"` + model + `","max_tokens":100,"messages":[{"role":"user","content":"Write add(a, b)."}],"verify":` + addTests + `}`)
		}
		resp, body := ask(`"web_search_options":{},`)
		if e := unmarshal[budgetErrorBody](t, body).Error; resp.StatusCode != 400 || e.Code != "cost_unknown" {
			t.Errorf("%s: web search: %d %s", model, resp.StatusCode, body)
		}
		if resp, body = ask(prediction); resp.StatusCode != 200 {
			t.Fatalf("%s: %d %s", model, resp.StatusCode, body)
		}
		outcomes := h.outcomes(len(held) + 1)
		held[model] = *journal.holds[outcomes[len(outcomes)-1].ID].Ceiling
	}
	if held["auto"] < held["gpt-4o"] {
		t.Errorf("held: %v", held)
	}
}

// A stated deadline ends the escalation too: what there is by then is the answer.
func TestDeadlineEndsTheEscalation(t *testing.T) {
	t.Parallel()
	h := searching(t, texts(wrongAdd), standin.Script{FirstByte: 30 * time.Second})
	started := time.Now()
	v, text := h.solveWithin("2.5")
	if v.Route != "search" || v.Verified == nil || *v.Verified || text != wrongAdd || time.Since(started) > 10*time.Second {
		t.Errorf("after %v: %+v", time.Since(started), v)
	}
	if o := h.outcomes(1)[0]; o.Calls[len(o.Calls)-1].Model != "gpt-4o" || *o.Cost == 0 {
		t.Errorf("%+v", o)
	}
}

func (h *house) solveWithin(seconds string) (verifyReply, string) {
	h.t.Helper()
	resp, body := h.post(`{"model":"auto","max_tokens":100,"messages":[{"role":"user","content":"Write add."}],"verify":` + strings.TrimSuffix(addTests, "}") + `,"budget":{"deadline_s":` + seconds + `}}}`)
	if resp.StatusCode != 200 {
		h.t.Fatalf("%d %s", resp.StatusCode, body)
	}
	reply := unmarshal[struct {
		Choices []struct{ Message struct{ Content string } }
		Verify  verifyReply
	}](h.t, body)
	return reply.Verify, reply.Choices[0].Message.Content
}
