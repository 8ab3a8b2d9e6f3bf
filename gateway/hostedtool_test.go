package gateway_test

import (
	"strings"
	"testing"

	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/gateway/upstream"
	"github.com/drover-llm/drover/policy"
)

// What a provider runs costs beside the tokens, which nobody here can bound: its
// tools are left out and named, as those of the responses are.
func TestToolsOfTheProviderAreLeftOut(t *testing.T) {
	t.Parallel()
	const function = `{"type":"function","function":{"name":"f","parameters":{}}}`
	for _, dialect := range []string{"groq", "openai", "vllm"} {
		h := openWith(t, standin.Config{}, upstream.Config{Dialect: dialect}, map[string]gateway.RouteConfig{"auto": {Direct: gateway.Names{"gpt-4o"}}})
		ask := func(body string) (sent, warnings string) {
			_, text := h.post(`{"model":"auto","messages":[{"role":"user","content":"hi"}],` + body + `}`)
			requests := h.models.Requests()
			return string(requests[len(requests)-1].Body), strings.Join(unmarshal[struct {
				Verify struct{ Warnings []string }
			}](t, text).Verify.Warnings, "\n")
		}
		sent, warnings := ask(`"tools":[{"type":"browser_search"},` + function + `,{"type":"code_interpreter"}],"tool_choice":"required"`)
		if strings.Contains(sent, "browser_search") || strings.Contains(sent, "code_interpreter") || !strings.Contains(sent, function) || !strings.Contains(sent, `"tool_choice":"required"`) {
			t.Errorf("%s: sent %s", dialect, sent)
		}
		for _, kind := range []string{"browser_search", "code_interpreter"} {
			if !strings.Contains(warnings, "tools: "+kind+" left out") {
				t.Errorf("%s: %s is not in %q", dialect, kind, warnings)
			}
		}
		if sent, warnings = ask(`"tools":[{"type":"browser_search"}],"tool_choice":"required"`); strings.Contains(sent, "tool") || !strings.Contains(warnings, "tool_choice: left out") {
			t.Errorf("%s: sent %s, %q", dialect, sent, warnings)
		}
	}
}

func TestWhatAProviderRunsUnboundedIsRefusedUnderABudget(t *testing.T) {
	t.Parallel()
	h := open(t, standin.Config{}, "groq/compound-mini", "gpt-4o:online", "perplexity/sonar").under(map[string]policy.BudgetConfig{"day": {Limit: cent, Every: policy.EveryDay}})
	for _, body := range []string{
		`"model":"groq/compound-mini"`, `"model":"gpt-4o:online"`, `"model":"perplexity/sonar"`,
		`"model":"gpt-4o","plugins":[{"id":"web"}]`, `"model":"gpt-4o","search_parameters":{"mode":"on"}`, `"model":"gpt-4o","enable_search":true`,
	} {
		resp, text := h.post(`{` + body + `,"max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`)
		if e := unmarshal[budgetErrorBody](t, text).Error; resp.StatusCode != 400 || e.Code != "cost_unknown" {
			t.Errorf("%s: status %d, %s", body, resp.StatusCode, text)
		}
	}
	if n := len(h.models.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}
