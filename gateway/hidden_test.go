package gateway_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/gateway/search"
)

// canaries are what no model may see: the text of a test, an expected value, a
// file, a name of the verify field, the suite.
var canaries = []string{"canary_value", "assert", "9753", "canary_file", "verify", "entry_point", "max_samples", "suite_", "on_fail"}

// However tests are handed over, and whatever becomes of the request, nothing of
// them reaches a provider, unless they may be shown.
func TestNoTestReachesAProvider(t *testing.T) {
	t.Parallel()
	h := searching(t, texts(wrongAdd, "```python\ndef add(a, b):\n    return 9753 - 1\n```"), texts(wrongAdd))
	for _, escalate := range []string{search.EscalateFresh, search.EscalateRepair} {
		h.gateway.Routes[escalate] = gateway.RouteConfig{Direct: gateway.Names{"gpt-4o"}, Search: []gateway.RungConfig{{Model: "llama-3.1-8b", MaxSamples: 3, Escalate: escalate}}}
	}
	specs := map[string]map[string]any{
		"asserts":  {"tests": "canary_value = 9753\nassert add(1, 2) == canary_value", "entry_point": "add"},
		"pytest":   {"tests": []string{"import pytest\ndef test_add():\n    canary_value = 9753\n    assert add(1, 2) == canary_value"}},
		"cases":    {"cases": []any{map[string]any{"stdin": "canary_value", "stdout": "9753"}}, "language": "python"},
		"a file":   {"command": []string{"python3", "canary_file.py"}, "files": map[string]any{"canary_file.py": "assert 9753 == 0, 'canary_value'"}},
		"the rest": {"tests": "assert add(1, 2) == 9753", "entry_point": "add", "on_fail": "escalate", "budget": map[string]any{"max_samples": 2}},
	}
	turn := 0
	for name, spec := range specs {
		text, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		suite := h.register(string(text)).ID
		for way, ask := range map[string]struct {
			model, members string
			headers        []string
		}{
			"field":           {members: `,"verify":` + string(text)},
			"suite":           {members: `,"verify":{"suite":"` + suite + `"}`},
			"suite header":    {headers: []string{"X-Verify-Suite", suite}},
			"metadata":        {members: `,"store":true,"metadata":{"verify_suite":"` + suite + `","job":"nightly"}`},
			"model":           {model: "@" + suite},
			"header":          {headers: []string{"X-Verify", base64.RawURLEncoding.EncodeToString(text)}},
			"field by a name": {model: "gpt-4o", members: `,"verify":` + string(text)},
		} {
			// Every way is tried with every route, whole and streamed, over the kinds of tests.
			turn++
			model, stream := []string{search.EscalateFresh, search.EscalateRepair}[turn%2]+ask.model, []string{"", `"stream":true,`}[turn/2%2]
			if ask.model == "gpt-4o" {
				model = ask.model
			}
			resp, body := h.send("POST", "/v1/chat/completions", h.key, fmt.Sprintf(`{%s"model":%q,"messages":[{"role":"user","content":"Write add(a, b)."}]%s}`, stream, model, ask.members), ask.headers...)
			if resp.StatusCode != 200 || !strings.Contains(string(body), `"verified":false`) {
				t.Fatalf("%s by %s: %d %s", name, way, resp.StatusCode, body)
			}
		}
	}
	repaired := 0
	for _, r := range h.models.Requests() {
		sent := string(r.Body)
		if strings.Contains(sent, "does not pass its tests yet") {
			repaired++
			sent = strings.ReplaceAll(sent, "return 9753 - 1", "") // the model's own attempt, which is shown to it
		}
		for _, canary := range canaries {
			if strings.Contains(sent, canary) {
				t.Fatalf("%s was sent to %s: %s", canary, r.Model, sent)
			}
		}
		for name := range r.Header {
			if strings.Contains(strings.ToLower(name), "verify") || strings.Contains(strings.ToLower(name), "drover") {
				t.Fatalf("the header %s was sent", name)
			}
		}
	}
	if repaired == 0 {
		t.Error("no repair was asked for")
	}
}

// With show: all they are sent, to both models, the failing one with a repair.
func TestTestsThatMayBeShownAreSent(t *testing.T) {
	h := searching(t, texts(wrongAdd), texts(wrongAdd))
	h.gateway.Routes["repair"] = gateway.RouteConfig{Direct: gateway.Names{"gpt-4o"}, Search: []gateway.RungConfig{{Model: "llama-3.1-8b", MaxSamples: 2, Escalate: search.EscalateRepair}}}
	h.post(`{"model":"repair","messages":[{"role":"user","content":"Write add(a, b)."}],"verify":` + strings.Replace(addTests, "}", `,"show":"all"}`, 1) + `}`)
	for _, r := range h.models.Requests() {
		sent := string(r.Body)
		if strings.Count(sent, "assert add(1, 2) == 3") < 1 || strings.Contains(sent, `"verify"`) {
			t.Errorf("%s was sent %s", r.Model, sent)
		}
		if r.Model == "gpt-4o" && (!strings.Contains(sent, "The first test that fails") || strings.Count(sent, "The program must pass these tests") != 1) {
			t.Errorf("%s was sent %s", r.Model, sent)
		}
	}
}
