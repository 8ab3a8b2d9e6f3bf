package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/gateway/upstream"
	"github.com/drover-llm/drover/pricing"
)

// What a host does not take is left out, and named.
func TestRequestsAreAdaptedToTheirHost(t *testing.T) {
	t.Parallel()
	const everything = `"messages":[{"role":"developer","name":"bob","content":"x"}],"max_completion_tokens":9,"reasoning_effort":"low","metadata":{"a":"b"},"store":false,"service_tier":"flex",
		"prediction":{"type":"content","content":"x"},"logit_bias":{"1":1},"logprobs":true,"top_logprobs":1,"parallel_tool_calls":true,"prompt_cache_key":"k","safety_identifier":"s","seed":7,
		"stop":[],"temperature":null,"x_unknown":{"a":1},"verbosity":"low","user":"u"`
	for _, c := range []struct {
		dialect, model string
		sent, left     []string
	}{
		{"openai", "gpt-4o", []string{`"max_completion_tokens":9`, `"store":false`, `"prediction"`, `"role":"developer"`, `"logit_bias"`, `"x_unknown":{"a":1}`, `"seed":7`, `"prompt_cache_key"`, `"user":"u"`},
			[]string{"reasoning_effort", "metadata", "service_tier"}},
		{"groq", "llama-3.1-8b-instant", []string{`"max_completion_tokens":9`, `"role":"system"`, `"seed":7`, `"x_unknown"`, `"parallel_tool_calls"`},
			[]string{"reasoning_effort", "metadata", "store", "prediction", "logit_bias", "logprobs", "top_logprobs", "service_tier", "prompt_cache_key", "safety_identifier", "verbosity"}},
		{"ollama", "llama3.1:8b", []string{`"max_tokens":9`, `"role":"system"`, `"name":"bob"`, `"logprobs":true`}, []string{"logit_bias", "parallel_tool_calls", "prediction"}},
		{"together", "meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo", []string{`"max_tokens":9`, `"logit_bias"`}, []string{"parallel_tool_calls", "prediction"}},
		{"vllm", "llama-3.1-8b", []string{`"max_tokens":9`, `"logit_bias"`, `"parallel_tool_calls"`}, []string{"prediction", "reasoning_effort"}},
	} {
		h := openWith(t, standin.Config{}, upstream.Config{Dialect: c.dialect}, map[string]gateway.RouteConfig{"auto": {Direct: gateway.Names{c.model}}}, c.model)
		resp, text := h.post(`{"model":"auto",` + everything + `}`)
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s", c.dialect, resp.StatusCode, text)
		}
		sent := string(h.models.Requests()[0].Body)
		for _, want := range c.sent {
			if !strings.Contains(sent, want) {
				t.Errorf("%s: %s is not in %s", c.dialect, want, sent)
			}
		}
		warnings := strings.Join(unmarshal[struct {
			Verify struct{ Warnings []string }
		}](t, text).Verify.Warnings, "\n")
		for _, name := range c.left {
			if strings.Contains(sent, `"`+name+`"`) || !strings.Contains(warnings, name+": left out") {
				t.Errorf("%s: %s was sent, or is not named in %q", c.dialect, name, warnings)
			}
		}
		for _, name := range []string{"stop", "temperature"} { // null and empty are what is left out
			if strings.Contains(sent, `"`+name+`"`) || strings.Contains(warnings, name) {
				t.Errorf("%s: %s in %s, %q", c.dialect, name, sent, warnings)
			}
		}
		if named := strings.Contains(sent, `"name"`); named == (c.dialect == "groq") {
			t.Errorf("%s: names of messages in %s", c.dialect, sent)
		}
	}
}

func TestSeveralChoicesNeedAHostThatGivesThem(t *testing.T) {
	for dialect, want := range map[string]int{"openai": 200, "groq": 400, "ollama": 400, "other": 200} {
		h := openWith(t, standin.Config{}, upstream.Config{Dialect: dialect}, map[string]gateway.RouteConfig{"auto": {Direct: gateway.Names{"gpt-4o"}}})
		resp, text := h.post(`{"n":2,` + asking[1:])
		if resp.StatusCode != want || want == 400 && fourKeys(t, text)["param"] != "n" {
			t.Errorf("%s: %d %s", dialect, resp.StatusCode, text)
		}
	}
}

// A host that ignores n bills for what it gave, and the client hears of it.
func TestFewerChoicesThanAskedForAreTold(t *testing.T) {
	h := open(t, standin.Config{Models: map[string]standin.Script{"gpt-4o": {Faults: []standin.Fault{standin.OneChoice}}}})
	for _, stream := range []string{"false", "true"} {
		resp, text := h.post(`{"n":3,"stream":` + stream + `,` + asking[1:])
		if want := `"n: gpt-4o gave 1 of the 3 choices that were asked for"`; resp.StatusCode != http.StatusOK || !strings.Contains(string(text), want) {
			t.Errorf("stream %s: %d %s", stream, resp.StatusCode, text)
		}
	}
	sum := pricing.USD(0)
	for _, o := range h.outcomes(2) {
		sum += *o.Cost
	}
	if billed := h.billed("gpt-4o"); sum != billed {
		t.Errorf("charged $%s for $%s", sum, billed)
	}
}
