package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/gateway/upstream"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

const (
	rightAdd = "Here you are:\n\n```python\ndef add(a, b):\n    return a + b\n```\n"
	wrongAdd = "```python\ndef add(a, b):\n    return a - b\n```"
	addTests = `{"tests":"assert add(1, 2) == 3\nassert add(5, 5) == 10","entry_point":"add"}`
)

// searching is a house whose route auto searches with "llama-3.1-8b" before it
// asks gpt-4o, over the real sandbox.
func searching(t *testing.T, llama, strong standin.Script) *house {
	t.Helper()
	box.once.Do(func() {
		box.runner, box.err = sandbox.New(context.Background(), sandbox.Config{}, slog.New(slog.DiscardHandler))
	})
	if box.err != nil {
		t.Fatal(box.err)
	}
	if why := box.runner.Down(); why != "" {
		t.Skip("nothing can be tested on this machine: " + why)
	}
	h := openWith(t, standin.Config{Models: map[string]standin.Script{"llama-3.1-8b": llama, "gpt-4o": strong}}, upstream.Config{SupportsN: new(true)},
		map[string]gateway.RouteConfig{"auto": {Direct: gateway.Names{"gpt-4o"}, Search: []gateway.RungConfig{{Model: "llama-3.1-8b", MaxSamples: 16}}}}, "llama-3.1-8b")
	h.gateway.Sandbox = box.runner
	cheap := priced
	cheap.Prompt, cheap.CachedPrompt, cheap.Completion = 50_000, 50_000, 80_000
	table, err := pricing.NewTable(map[string]pricing.Price{"gpt-4o": priced, "llama-3.1-8b": cheap})
	if err != nil {
		t.Fatal(err)
	}
	h.gateway.Prices = table
	return h
}

func texts(list ...string) standin.Script {
	var s standin.Script
	for _, text := range list {
		s.Answers = append(s.Answers, standin.Answer{Text: text})
	}
	return s
}

// verifyReply is what the tests look at of the verify object.
type verifyReply struct {
	Route, Reason, Model, Assurance string
	Verified                        *bool
	Tests                           struct {
		Total, Passed int
		Source        string
	}
	Samples struct{ Budget, Drawn, Tested, Passed int }
	MS      struct{ Tests int64 }
	Cost    json.Number `json:"cost_usd"`
	Saved   json.Number `json:"saved_usd"`
	Failure string
}

func (h *house) solve(more string) (verifyReply, string) {
	h.t.Helper()
	resp, body := h.post(`{"model":"auto","messages":[{"role":"user","content":"Write a Python function add(a, b)."}],"verify":` + addTests + more + `}`)
	if resp.StatusCode != 200 {
		h.t.Fatalf("%d %s", resp.StatusCode, body)
	}
	reply := unmarshal[struct {
		Choices []struct{ Message struct{ Content string } }
		Verify  verifyReply
	}](h.t, body)
	return reply.Verify, reply.Choices[0].Message.Content
}

// A search after which nobody answers draws a sample, however short its limits
// are and however little an answer is worth: the client is due one.
func TestSearchThatDoesNotEscalateAlwaysTries(t *testing.T) {
	h := searching(t, texts(wrongAdd), texts(rightAdd))
	route, drawn := h.gateway.Routes["auto"], 0
	for _, goal := range []gateway.GoalConfig{{}, {ValueOfCorrect: 1, LossOfWrong: 1_000_000_000}} {
		route.Goal = goal
		h.gateway.Routes = map[string]gateway.RouteConfig{"auto": route}
		for _, limits := range []string{`"max_samples":2,"deadline_s":100`, `"max_samples":2,"max_cost_usd":0.00002`} {
			resp, body := h.post(`{"model":"auto","max_tokens":64,"messages":[{"role":"user","content":"Write a Python function add(a, b)."}],` +
				`"verify":` + strings.TrimSuffix(addTests, "}") + `,"on_fail":"best","budget":{` + limits + `}}}`)
			before := drawn
			drawn = h.models.Calls("llama-3.1-8b")
			if resp.StatusCode != 200 || drawn == before || h.models.Calls("gpt-4o") != 0 {
				t.Errorf("goal %+v, %s: %d after %d samples and %d calls of gpt-4o: %s", goal, limits, resp.StatusCode, drawn-before, h.models.Calls("gpt-4o"), body)
			}
		}
	}
}

// The first sample that passes is the answer, at the small model's price.
func TestSearchGivesTheSampleThatPasses(t *testing.T) {
	h := searching(t, texts(wrongAdd, wrongAdd, rightAdd), texts(rightAdd))
	v, text := h.solve("")
	if v.Route != "search" || v.Reason != "tests_given" || v.Verified == nil || !*v.Verified || v.Assurance != "high" || v.Model != "llama-3.1-8b" || text != rightAdd {
		t.Errorf("verify %+v, answer %q", v, text)
	}
	if v.Tests.Total != 2 || v.Tests.Passed != 2 || v.Tests.Source != "field" || v.Samples.Drawn < 2 || v.Samples.Budget != 16 || v.Samples.Passed == 0 {
		t.Errorf("verify %+v", v)
	}
	if n := h.models.Calls("gpt-4o"); n != 0 {
		t.Errorf("gpt-4o was called %d times", n)
	}
	o := h.outcomes(1)[0]
	if o.Way != "search" || o.Stop != "passed" || o.Task == nil || o.Task.Verified == nil || !*o.Task.Verified || len(o.Samples) != v.Samples.Drawn || o.Cost.String() != v.Cost.String() {
		t.Errorf("outcome %+v", o)
	}
	for _, r := range h.models.Requests() {
		if strings.Contains(string(r.Body), "assert") || strings.Contains(string(r.Body), "verify") {
			t.Errorf("the tests went to the model: %s", r.Body)
		}
	}
	probe, then := string(h.models.Requests()[0].Body), string(h.models.Requests()[1].Body)
	if !strings.Contains(probe, `"temperature":0.2`) || !strings.Contains(then, `"temperature":0.8`) {
		t.Errorf("probe %s\nthen %s", probe, then)
	}
}

// When nothing passes, the strong model answers, and is tested too.
func TestFailedSearchEscalates(t *testing.T) {
	h := searching(t, texts(wrongAdd), texts(rightAdd))
	v, text := h.solve("")
	if v.Route != "escalated" || v.Model != "gpt-4o" || v.Verified == nil || !*v.Verified || text != rightAdd || v.Samples.Drawn == 0 || v.Samples.Tested != v.Samples.Drawn {
		t.Errorf("verify %+v, answer %q", v, text)
	}
	o := h.outcomes(1)[0]
	var sum pricing.USD
	for _, c := range o.Calls {
		sum += *c.Cost
	}
	if *o.Cost != sum || o.Calls[len(o.Calls)-1].Model != "gpt-4o" {
		t.Errorf("outcome %+v", o)
	}
}

func TestOnFail(t *testing.T) {
	h := searching(t, texts(wrongAdd), texts(rightAdd))
	spec := strings.TrimSuffix(addTests, "}") + `,"budget":{"max_samples":3},"on_fail":"%s"}`
	resp, body := h.post(`{"model":"auto","messages":[{"role":"user","content":"add"}],"verify":` + fmt.Sprintf(spec, "error") + `}`)
	checkError(t, resp, body, 422, "verification_failed")
	if samples := h.outcomes(1)[0].Samples; resp.Header.Get("x-drover-samples") != strconv.Itoa(len(samples)) {
		t.Errorf("%d samples, headers %v", len(samples), resp.Header)
	}
	checkSpent(t, resp, h.outcomes(1)[0], "search")
	resp, body = h.post(`{"model":"auto","messages":[{"role":"user","content":"add"}],"verify":` + fmt.Sprintf(spec, "best") + `}`)
	v := unmarshal[struct{ Verify verifyReply }](t, body).Verify
	if resp.StatusCode != 200 || v.Route != "search" || v.Verified == nil || *v.Verified || v.Failure == "" || v.Samples.Drawn > 3 {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if n := h.models.Calls("gpt-4o"); n != 0 {
		t.Errorf("gpt-4o was called %d times", n)
	}
	for _, o := range h.outcomes(2) {
		if *o.Cost == 0 {
			t.Errorf("outcome %+v", o)
		}
	}
}

// Both arms are judged: an answer of the strong model is tested as well.
func TestDirectAnswersAreTested(t *testing.T) {
	h := searching(t, texts(rightAdd), texts(wrongAdd))
	resp, body := h.post(`{"model":"gpt-4o","messages":[{"role":"user","content":"add"}],"verify":` + addTests + `}`)
	v := unmarshal[struct{ Verify verifyReply }](t, body).Verify
	if v.Route != "direct" || v.Reason != "pinned_model" || v.Verified == nil || *v.Verified || v.Tests.Passed != 0 || v.MS.Tests == 0 || resp.Header.Get("x-drover-verified") != "false" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

// A stream of a search has the answer in pieces, and verify on its last chunk.
func TestSearchStreams(t *testing.T) {
	long := "```python\n" + strings.Repeat("# a comment — with dashes\n", 60) + "def add(a, b):\n    return a + b\n```"
	h := searching(t, texts(wrongAdd, long), texts(rightAdd))
	chunks, done := h.stream(`{"model":"auto","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"add"}],"verify":` + addTests + `}`)
	text := ""
	for _, c := range chunks {
		for _, choice := range c.Choices {
			if s, ok := choice.Delta["content"].(string); ok {
				text += s
			}
		}
	}
	last := chunks[len(chunks)-1]
	if !done || text != long || len(chunks) < 5 || last.Verify["route"] != "search" || last.Verify["verified"] != true || last.Usage == nil || last.Model != "llama-3.1-8b" {
		t.Errorf("done %v, %d chunks, last %v, text %q", done, len(chunks), last.Verify, text)
	}
}

// A stream whose search fails has the strong model's answer.
func TestFailedSearchStreams(t *testing.T) {
	h := searching(t, texts(wrongAdd), texts(rightAdd))
	chunks, done := h.stream(`{"model":"auto","stream":true,"messages":[{"role":"user","content":"add"}],"verify":` + addTests + `}`)
	last := chunks[len(chunks)-1]
	if !done || last.Verify["route"] != "escalated" || last.Verify["verified"] != true || last.Model != "gpt-4o" {
		t.Errorf("done %v, last %v", done, last)
	}
}

// Where nothing can be tested, the strong model is asked, and says why.
func TestRunnerDownGoesDirect(t *testing.T) {
	h := searching(t, texts(rightAdd), texts(rightAdd))
	h.gateway.Sandbox = downSandbox{h.gateway.Sandbox}
	v, _ := h.solve("")
	if v.Route != "direct" || v.Reason != "runner_down" || v.Verified != nil || v.Model != "gpt-4o" {
		t.Errorf("verify %+v", v)
	}
}

// A search that was asked for is made although the router would not, and where it
// cannot be, the reply says so.
func TestASearchThatWasAskedFor(t *testing.T) {
	h := searching(t, texts(rightAdd), texts(rightAdd))
	ask := func(body string) (v struct {
		verifyReply
		Text     string `json:"reason_text"`
		Warnings []string
	}) {
		t.Helper()
		resp, text := h.post(body)
		if resp.StatusCode != 200 {
			t.Fatalf("%d %s", resp.StatusCode, text)
		}
		reply := unmarshal[struct{ Verify json.RawMessage }](t, text)
		return unmarshal[struct {
			verifyReply
			Text     string `json:"reason_text"`
			Warnings []string
		}](t, reply.Verify)
	}
	tested := strings.TrimSuffix(addTests, "}") + `,"route":"search"}`
	add := func(model, content, verify string) string {
		return `{"model":"` + model + `","messages":[{"role":"user","content":"` + content + `"}],"verify":` + verify + `}`
	}
	route := h.gateway.Routes["auto"]
	route.Goal = gateway.GoalConfig{ValueOfCorrect: 1, LossOfWrong: 1_000_000_000_000, MinQuality: .999}
	h.gateway.Routes["auto"] = route
	if v := ask(add("auto", "add", addTests)); v.Route != "direct" || v.Reason != "router_predicts_direct" || len(v.Warnings) > 0 {
		t.Fatalf("the router would search: %+v", v)
	}
	if v := ask(add("auto", "add", tested)); v.Samples.Drawn == 0 || v.Route == "direct" {
		t.Errorf("%+v", v)
	}
	h.gateway.Routes["plain"] = gateway.RouteConfig{Direct: gateway.Names{"gpt-4o"}}
	for body, reason := range map[string]string{
		add("auto", "Write a Python function add.", `{"route":"search"}`):         "no_tests",
		add("gpt-4o", "add", tested):                                              "pinned_model",
		add("plain", "add", tested):                                               "router_predicts_direct",
		add("auto", "add", strings.TrimSuffix(tested, "}")+`,"language":"rust"}`): "unsupported_language",
	} {
		v := ask(body)
		if v.Route != "direct" || v.Reason != reason || !strings.HasPrefix(v.Text, "A search was asked for but is not possible: ") ||
			!slices.Contains(v.Warnings, "verify.route: there was no search: "+reason) {
			t.Errorf("%s: %+v", body, v)
		}
	}
	h.gateway.Sandbox = downSandbox{h.gateway.Sandbox}
	if v := ask(add("auto", "add", tested)); !slices.Contains(v.Warnings, "verify.route: there was no search: runner_down") {
		t.Errorf("%+v", v)
	}
}

// Where the small model is down, a search that was asked for says so.
func TestASearchWithoutItsModelSaysSo(t *testing.T) {
	t.Parallel()
	h := searching(t, standin.Script{Faults: []standin.Fault{standin.Unavailable}}, texts(rightAdd))
	resp, text := h.post(`{"model":"auto","messages":[{"role":"user","content":"add"}],"verify":` + strings.TrimSuffix(addTests, "}") + `,"route":"search"}}`)
	if resp.StatusCode != 200 || !strings.Contains(string(text), "verify.route: the search was cut short: provider_down") || !strings.Contains(string(text), "No sample came (provider_down), so gpt-4o was asked.") {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
}

type downSandbox struct{ gateway.Sandbox }

func (downSandbox) Down() string { return "user namespaces blocked" }

// Requests that are no search's keep their way.
func TestNotEveryRequestIsSearched(t *testing.T) {
	h := searching(t, texts(rightAdd), texts(rightAdd))
	for body, reason := range map[string]string{
		`"messages":[{"role":"user","content":"What is the capital of France?"}]`:                                                                      "not_coding",
		`"messages":[{"role":"user","content":"Write a Python function that adds."}]`:                                                                  "no_tests",
		`"messages":[{"role":"user","content":"add"}],"n":2,"verify":` + addTests:                                                                      "several_choices",
		`"messages":[{"role":"user","content":"add"}],"tools":[{"type":"function","function":{"name":"f"}}],"verify":` + addTests:                      "tools_present",
		`"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:,"}},{"type":"text","text":"add"}]}],"verify":` + addTests: "multimodal",
		`"messages":[{"role":"user","content":"add"}],"verify":` + strings.TrimSuffix(addTests, "}") + `,"route":"direct"}`:                            "pinned_route",
	} {
		_, text := h.post(`{"model":"auto",` + body + `}`)
		if v := unmarshal[struct{ Verify verifyReply }](t, text).Verify; v.Route != "direct" || v.Reason != reason {
			t.Errorf("%s: %s, want %s", body, text, reason)
		}
	}
	if n := h.models.Calls("llama-3.1-8b"); n != 0 {
		t.Errorf("the small model was called %d times", n)
	}
}

// A faulty verify field costs nothing and says where it is wrong.
func TestFaultyVerifyField(t *testing.T) {
	h := searching(t, texts(rightAdd), texts(rightAdd))
	for spec, param := range map[string]string{
		`{"framework":"nope"}`: "verify.framework", `{"colour":"red"}`: "verify.colour", `{"language":"python"}`: "verify", `{"tests":7}`: "verify.tests", `{"tests":"assert 1","pass":2}`: "verify.pass", `{"tests":"assert 1","colour":"red"}`: "verify.colour", `""`: "verify",
	} {
		resp, body := h.post(`{"model":"auto","messages":[{"role":"user","content":"add"}],"verify":` + spec + `}`)
		e := unmarshal[errorBody](t, body).Error
		if got, _ := e["param"].(string); resp.StatusCode != 400 || !strings.HasPrefix(got, param) || e["code"] != "invalid_value" {
			t.Errorf("%s: %d %s", spec, resp.StatusCode, body)
		}
	}
	h.outcomes(0)
}

// A client that hangs up in the middle of a search has spent what was drawn. Its
// SDK's automatic retry joins the search; an equal request that is none does not.
func TestRetryJoinsItsFirstTry(t *testing.T) {
	t.Parallel()
	slow := texts(wrongAdd, wrongAdd, wrongAdd, wrongAdd, rightAdd)
	slow.FirstByte = 200 * time.Millisecond
	h := searching(t, slow, texts(rightAdd))
	body := `{"model":"auto","messages":[{"role":"user","content":"add"}],"verify":` + addTests + `}`
	h.leaveAfter(300*time.Millisecond, body)
	r := h.request(t.Context(), body)
	r.Header.Set("X-Stainless-Retry-Count", "1")
	resp, text := h.do(r)
	reply := unmarshal[struct {
		ID     string
		Verify verifyReply
	}](t, text)
	if resp.StatusCode != 200 || reply.Verify.Route != "search" || reply.Verify.Verified == nil || !*reply.Verify.Verified {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	o := h.outcomes(1)[0]
	if o.ID != reply.ID || o.Status != 200 || *o.Cost == 0 || len(o.Samples) < 2 {
		t.Errorf("outcome %+v", o)
	}
	before := h.models.Calls("llama-3.1-8b")
	if resp, text := h.post(body); resp.StatusCode != 200 || h.models.Calls("llama-3.1-8b") == before {
		t.Errorf("an equal request was answered without a search: %d %s", resp.StatusCode, text)
	}
	h.outcomes(2)
}

// A retry may come while its first try still waits: both are given the one answer.
func TestRetryAndItsFirstTryShareTheAnswer(t *testing.T) {
	t.Parallel()
	for _, stream := range []string{"", `"stream":true,`} {
		slow := texts(wrongAdd, wrongAdd, rightAdd)
		slow.FirstByte = 100 * time.Millisecond
		h := searching(t, slow, texts(rightAdd))
		body := `{` + stream + `"model":"auto","service_tier":"flex","messages":[{"role":"user","content":"add"}],"verify":` + addTests + `}`
		answers := make([]string, 3)
		var work sync.WaitGroup
		for i := range answers {
			work.Go(func() {
				r := h.request(t.Context(), body)
				if i > 0 {
					h.called("llama-3.1-8b", 1)
					r.Header.Set("X-Stainless-Retry-Count", strconv.Itoa(i))
				}
				resp, text := h.do(r)
				if resp.StatusCode != 200 {
					t.Errorf("%d %s", resp.StatusCode, text)
				}
				answers[i] = regexp.MustCompile(`"verify":.*`).FindString(string(text))
			})
		}
		work.Wait()
		if answers[0] == "" || answers[1] != answers[0] || answers[2] != answers[0] {
			t.Errorf("%q", answers)
		}
		h.outcomes(1)
	}
}

// A search that nobody comes back for ends, and is charged.
func TestAbandonedSearchEnds(t *testing.T) {
	t.Parallel()
	slow := texts(wrongAdd)
	slow.FirstByte = 100 * time.Millisecond
	h := searching(t, slow, standin.Script{FirstByte: 30 * time.Second})
	h.leaveAfter(250*time.Millisecond, `{"model":"auto","max_tokens":100,"messages":[{"role":"user","content":"add"}],"verify":`+addTests+`}`)
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := h.gateway.Wait(ctx); err != nil { // as when Drover stops
		t.Fatal(err)
	}
	o := h.outcomes(1)[0]
	if o.Status != 499 || *o.Cost == 0 || len(o.Samples) == 0 || time.Since(start) > 10*time.Second {
		t.Errorf("after %v: %+v", time.Since(start), o)
	}
}

// A search that its client left goes on with what it has begun, but asks no strong
// model before somebody has come back for the answer.
func TestAbandonedSearchAsksNoStrongModel(t *testing.T) {
	t.Parallel()
	slow := texts(wrongAdd)
	slow.FirstByte = 250 * time.Millisecond // the client has left before
	h := searching(t, slow, texts(rightAdd))
	body := `{"model":"auto","messages":[{"role":"user","content":"add"}],"verify":` + addTests[:len(addTests)-1] + `,"budget":{"max_samples":1}}}`
	h.leaveAfter(0, body)
	for deadline := time.Now().Add(time.Minute); !h.gateway.Idle(); { // the sample comes, fails, and there is nothing left but gpt-4o
		if time.Now().After(deadline) {
			t.Fatal("the search never waited for its client")
		}
		time.Sleep(time.Millisecond)
	}
	if n := h.models.Calls("gpt-4o"); n > 0 {
		t.Errorf("gpt-4o was asked %d times for nobody", n)
	}
	r := h.request(t.Context(), body)
	r.Header.Set("X-Stainless-Retry-Count", "1")
	resp, text := h.do(r)
	if resp.StatusCode != 200 || h.models.Calls("gpt-4o") != 1 || h.models.Calls("llama-3.1-8b") != 1 || !strings.Contains(string(text), `"route":"escalated"`) {
		t.Errorf("%d after %d samples and %d calls of gpt-4o: %s", resp.StatusCode, h.models.Calls("llama-3.1-8b"), h.models.Calls("gpt-4o"), text)
	}
	h.outcomes(1)
}

// For a client that does not count its tries nothing is bought after it hung up.
func TestNothingIsBoughtForAClientThatWillNotComeBack(t *testing.T) {
	slow := texts(wrongAdd)
	slow.FirstByte = 400 * time.Millisecond
	h := searching(t, slow, texts(rightAdd))
	h.hangUp(100*time.Millisecond, `{"model":"auto","messages":[{"role":"user","content":"add"}],"verify":`+addTests+`}`, "")
	o := h.outcomes(1)[0]
	if n, strong := h.models.Calls("llama-3.1-8b"), h.models.Calls("gpt-4o"); n > 1 || strong > 0 || o.Status != 499 {
		t.Errorf("%d samples and %d calls of gpt-4o for a client that left during the first: %+v", n, strong, o)
	}
}

// POST /v1/verify runs tests on a given answer, and asks no model.
func TestVerifyEndpoint(t *testing.T) {
	h := searching(t, texts(rightAdd), texts(rightAdd))
	for _, c := range []struct {
		body, verdict string
		status        int
		param         string
	}{
		{`{"answer":` + quoted(rightAdd) + `,"verify":` + addTests + `}`, "passed", 200, ""},
		{`{"answer":` + quoted(wrongAdd) + `,"verify":` + addTests + `}`, "failed", 200, ""},
		{`{"answer":"def add(a, b): return a + b","messages":[{"role":"user","content":"Your code should pass these tests:\n\nassert add(1, 2) == 3\nassert add(2, 2) == 4"}]}`, "passed", 200, ""},
		{`{"answer":"x = 1","verify":{"tests":"assert x == 1","language":"rust"}}`, "unjudged", 200, ""},
		{`{"answer":"x"}`, "", 400, "verify.tests"},
		{`{"verify":` + addTests + `}`, "", 400, "answer"},
		{`{"answer":"x","verify":{"tests":7}}`, "", 400, "verify.tests"},
		{`{"answer":"x","verify":` + addTests + `,"colour":1}`, "", 400, "colour"},
		{`[]`, "", 400, ""},
	} {
		r := h.request(t.Context(), c.body)
		r.URL.Path = "/v1/verify"
		resp, body := h.do(r)
		reply := unmarshal[struct {
			Verdict string
			Checks  []struct{ Passed bool }
			Error   struct{ Param string }
			Route   string
			Text    string `json:"reason_text"`
		}](t, body)
		if c.verdict == "unjudged" && !strings.Contains(reply.Text, "could not be tested") {
			t.Errorf("%s", body)
		}
		if resp.StatusCode != c.status || reply.Verdict != c.verdict || reply.Error.Param != c.param {
			t.Errorf("%s:\n%d %s", c.body, resp.StatusCode, body)
		}
		if c.verdict == "passed" && (len(reply.Checks) != 2 || reply.Route != "direct") {
			t.Errorf("%s", body)
		}
	}
	h.outcomes(0)
}

func quoted(s string) string { return fmt.Sprintf("%q", s) }

// An SDK that comes back within a moment gets the answer that was found in the
// meantime, and nothing is bought twice.
func TestRetryFindsTheAnswerThatCameInTheMeantime(t *testing.T) {
	t.Parallel()
	slow := texts(wrongAdd, rightAdd)
	slow.FirstByte = 150 * time.Millisecond
	h := searching(t, slow, texts(rightAdd))
	body := `{"model":"auto","messages":[{"role":"user","content":"add"}],"verify":` + addTests + `}`
	h.leaveAfter(100*time.Millisecond, body)
	first := h.outcomes(1)[0] // it has ended
	calls := h.models.Calls("llama-3.1-8b")
	r := h.request(t.Context(), body)
	r.Header.Set("X-Stainless-Retry-Count", "1")
	resp, text := h.do(r)
	if id := unmarshal[struct{ ID string }](t, text).ID; resp.StatusCode != 200 || id != first.ID {
		t.Fatalf("%d %s, want the answer %s", resp.StatusCode, text, first.ID)
	}
	if n := h.models.Calls("llama-3.1-8b"); n != calls {
		t.Errorf("%d more calls", n-calls)
	}
	resp, text = h.do(r.Clone(t.Context())) // it was fetched: another retry is a request of its own
	if resp.StatusCode == 200 && strings.Contains(string(text), first.ID) {
		t.Error("the answer was given out twice")
	}
}

// A language that cannot be run here is known before a sample is paid for.
func TestUnsupportedLanguageGoesDirect(t *testing.T) {
	h := searching(t, texts(rightAdd), texts("```rust\nfn add(a: i64, b: i64) -> i64 { a + b }\n```"))
	for _, language := range []string{"rust", "java", "typescript"} {
		if h.gateway.Sandbox.Unsupported(language) == "" {
			continue
		}
		_, body := h.post(`{"model":"auto","messages":[{"role":"user","content":"add"}],"verify":{"tests":"assert_eq!(add(1, 2), 3);","language":"` + language + `"}}`)
		if v := unmarshal[struct{ Verify verifyReply }](t, body).Verify; v.Route != "direct" || v.Reason != "unsupported_language" || v.Verified != nil || v.Model != "gpt-4o" {
			t.Errorf("%s: %s", language, body)
		}
	}
	if n := h.models.Calls("llama-3.1-8b"); n != 0 {
		t.Errorf("%d samples were paid for", n)
	}
}

// checkSpent finds what a refused answer took in its error's header.
func checkSpent(t *testing.T, resp *http.Response, o policy.Outcome, way string) {
	t.Helper()
	for name, want := range map[string]string{
		"x-drover-cost-usd": o.Cost.String(), "x-drover-saved-usd": "null", "x-drover-route": way, "x-drover-reason": o.Reason,
		"x-drover-verified": "false", "x-verify-verified": "false", "x-drover-tests": "0/2",
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if *o.Cost == 0 || resp.Header.Get("x-drover-overhead-ms") == "" {
		t.Errorf("outcome %+v, headers %v", o, resp.Header)
	}
}

// on_fail: error holds on the direct way too, whole and as the end of a stream.
func TestOnFailErrorHoldsForDirectAnswers(t *testing.T) {
	h := searching(t, texts(rightAdd), texts(wrongAdd, rightAdd))
	chat := `{"model":"auto",%s"messages":[{"role":"user","content":"add"}],"verify":` + strings.TrimSuffix(addTests, "}") + `,"route":"direct","on_fail":"error"}}`
	resp, body := h.post(fmt.Sprintf(chat, ""))
	checkError(t, resp, body, 422, "verification_failed")
	checkSpent(t, resp, h.outcomes(1)[0], "direct")
	if resp, body = h.post(fmt.Sprintf(chat, "")); resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	_, body = h.post(fmt.Sprintf(chat, `"stream":true,`))
	if events := strings.Split(strings.TrimSpace(string(body)), "\n\n"); !strings.Contains(events[len(events)-1], `"code":"verification_failed"`) {
		t.Errorf("%s", body)
	}
	for _, o := range h.outcomes(3) {
		if *o.Cost == 0 {
			t.Errorf("%+v", o)
		}
	}
}

// Of several choices the first is tested, not all of them run together.
func TestFirstOfSeveralChoicesIsTested(t *testing.T) {
	h := searching(t, texts(rightAdd), texts(rightAdd, wrongAdd, rightAdd, wrongAdd))
	for _, stream := range []string{"", `"stream":true,`} {
		_, body := h.post(`{"model":"auto",` + stream + `"n":2,"messages":[{"role":"user","content":"add"}],"verify":` + addTests + `}`)
		if !strings.Contains(string(body), `"verified":true`) || !strings.Contains(string(body), "the first one was tested") {
			t.Errorf("%s", body)
		}
	}
}

// x-drover-debug shows the decision, and neither tests nor prompt.
func TestDebugShowsTheDecision(t *testing.T) {
	h := searching(t, texts(wrongAdd), texts(rightAdd))
	r := h.request(t.Context(), `{"model":"auto","messages":[{"role":"user","content":"Write add."}],"verify":`+addTests+`}`)
	r.Header.Set("X-Drover-Debug", "true")
	_, body := h.do(r)
	v := unmarshal[struct {
		Verify struct {
			Debug *struct {
				Decision struct {
					Route   string
					Ceiling float64 `json:"ceiling_usd"`
				}
				Plan struct {
					Rungs      []struct{ Model string }
					Escalation struct{ Models []string }
				}
				Search struct {
					Stop    string
					Samples []struct{ Verdict string }
				}
			}
		}
	}](t, body).Verify.Debug
	if v == nil || v.Decision.Route != "auto" || v.Decision.Ceiling == 0 || v.Plan.Rungs[0].Model != "llama-3.1-8b" || v.Plan.Escalation.Models[0] != "gpt-4o" || len(v.Search.Samples) == 0 || v.Search.Stop == "" {
		t.Errorf("%s", body)
	}
	if strings.Contains(string(body), "assert") {
		t.Errorf("a test is shown: %s", body)
	}
	if _, body := h.post(`{"model":"auto","messages":[{"role":"user","content":"x"}]}`); strings.Contains(string(body), `"debug"`) {
		t.Errorf("%s", body)
	}
}
