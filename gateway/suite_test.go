package gateway_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/policy"
)

// send makes a request to any endpoint with a key.
func (h *house) send(method, path, key, body string, headers ...string) (*http.Response, []byte) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return h.do(r)
}

// addKey makes a key of a team.
func (h *house) addKey(team string) string {
	h.t.Helper()
	token, _, err := h.ledger.CreateKey(h.t.Context(), policy.Key{Name: team, Team: team}, "test")
	if err != nil {
		h.t.Fatal(err)
	}
	return token
}

type suiteReply struct {
	ID, Object string
	Created    int64
	Deleted    bool
	Verify     struct {
		Tests      string
		EntryPoint string `json:"entry_point"`
	}
}

func (h *house) register(spec string) suiteReply {
	h.t.Helper()
	resp, body := h.send("POST", "/v1/verify/suites", h.key, spec)
	s := unmarshal[suiteReply](h.t, body)
	if resp.StatusCode != 200 || !strings.HasPrefix(s.ID, "suite_") || s.Object != "verify.suite" || s.Created == 0 {
		h.t.Fatalf("%d %s", resp.StatusCode, body)
	}
	return s
}

// Whoever names a suite that there is not is told where.
func TestUnknownSuiteIsNamedWhereTheClientWroteIt(t *testing.T) {
	h := searching(t, texts(rightAdd), texts(rightAdd))
	const chat = `{"model":"%s","messages":[{"role":"user","content":"Write add(a, b)."}]%s}`
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"suite":"suite_none"}`))
	for _, c := range []struct{ param, model, members, header, value string }{
		{"model", "auto@suite_none", "", "", ""},
		{"verify.suite", "auto", `,"verify":{"suite":"suite_none"}`, "", ""},
		{"verify.suite", "auto@suite_other", `,"verify":{"suite":"suite_none"}`, "", ""},
		{"metadata.verify_suite", "auto", `,"metadata":{"verify_suite":"suite_none"}`, "", ""},
		{"x-verify-suite", "auto", "", "X-Verify-Suite", "suite_none"},
		{"x-verify.suite", "auto", "", "X-Verify", header},
	} {
		args := []string{}
		if c.header != "" {
			args = append(args, c.header, c.value)
		}
		resp, body := h.send("POST", "/v1/chat/completions", h.key, fmt.Sprintf(chat, c.model, c.members), args...)
		if e := checkError(t, resp, body, 404, "suite_not_found"); e["param"] != c.param {
			t.Errorf("%s: %s", c.param, body)
		}
	}
}

// A suite's tests judge a request, in whatever way it is named, and what the
// request says itself goes before it.
func TestSuiteIsNamedInManyWays(t *testing.T) {
	h := searching(t, texts(wrongAdd, rightAdd), texts(rightAdd))
	id := h.register(strings.Replace(addTests, "}", `,"on_fail":"best","budget":{"max_samples":9}}`, 1)).ID
	const chat = `{"model":"%s","messages":[{"role":"user","content":"Write add(a, b)."}]%s}`
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"suite":"` + id + `"}`))
	for name, ask := range map[string]func() (*http.Response, []byte){
		"field": func() (*http.Response, []byte) {
			return h.post(fmt.Sprintf(chat, "auto", `,"verify":{"suite":"`+id+`"}`))
		},
		"header": func() (*http.Response, []byte) {
			return h.send("POST", "/v1/chat/completions", h.key, fmt.Sprintf(chat, "auto", ""), "X-Verify-Suite", id)
		},
		"verify header": func() (*http.Response, []byte) {
			return h.send("POST", "/v1/chat/completions", h.key, fmt.Sprintf(chat, "auto", ""), "X-Verify", header)
		},
		"metadata": func() (*http.Response, []byte) {
			return h.post(fmt.Sprintf(chat, "auto", `,"metadata":{"verify_suite":"`+id+`"}`))
		},
		"model": func() (*http.Response, []byte) { return h.post(fmt.Sprintf(chat, "auto@"+id, "")) },
	} {
		resp, body := ask()
		v := unmarshal[struct{ Verify verifyReply }](t, body).Verify
		if resp.StatusCode != 200 || v.Route != "search" || v.Tests.Source != "suite" || v.Verified == nil || !*v.Verified || v.Samples.Budget != 9 {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
	}
	// What the request says itself counts.
	_, body := h.post(fmt.Sprintf(chat, "auto", `,"verify":{"suite":"`+id+`","budget":{"max_samples":1}}`))
	if v := unmarshal[struct{ Verify verifyReply }](t, body).Verify; v.Samples.Budget != 1 || v.Samples.Drawn != 1 {
		t.Errorf("%s", body)
	}
	resp, body := h.send("POST", "/v1/verify", h.key, `{"answer":"def add(a, b):\n    return a + b\n","verify":{"suite":"`+id+`"}}`)
	if v := unmarshal[struct{ Verdict string }](t, body); resp.StatusCode != 200 || v.Verdict != "passed" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	for _, r := range h.models.Requests() {
		if strings.Contains(string(r.Body), "suite_") || strings.Contains(string(r.Body), "assert") {
			t.Errorf("a model was sent %s", r.Body)
		}
	}
}

func TestSuitesThroughTheSDK(t *testing.T) {
	h := searching(t, texts(rightAdd), texts(rightAdd))
	id := h.register(addTests).ID
	client := h.client()
	reply, err := client.Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{
		Model: "auto", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Write add(a, b).")},
	}, option.WithJSONSet("verify", map[string]any{"suite": id}))
	if err != nil {
		t.Fatal(err)
	}
	if v := unmarshal[verifyReply](t, []byte(reply.JSON.ExtraFields["verify"].Raw())); v.Tests.Source != "suite" || v.Verified == nil || !*v.Verified {
		t.Errorf("%+v", v)
	}
}

// Another team's suite is one that does not exist.
func TestSuiteIsKnownToItsTeamAlone(t *testing.T) {
	h := open(t, standin.Config{})
	mate, rival, loner := h.addKey("acme"), h.addKey("rival"), h.addKey("")
	s := h.register(addTests)
	if again := h.register(" " + addTests); again != s {
		t.Errorf("the same tests again are %+v instead of %+v", again, s)
	}
	if other := h.register(strings.Replace(addTests, "5, 5", "6, 4", 1)); other.ID == s.ID {
		t.Error("other tests have the same id")
	}
	resp, body := h.send("GET", "/v1/verify/suites/"+s.ID, mate, "")
	if got := unmarshal[suiteReply](t, body); resp.StatusCode != 200 || got.Verify.EntryPoint != "add" || !strings.Contains(got.Verify.Tests, "assert") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	chat := `{"model":"auto","messages":[{"role":"user","content":"x"}],"verify":{"suite":"` + s.ID + `"}}`
	for _, key := range []string{rival, loner} {
		for _, r := range [][3]string{{"GET", "/v1/verify/suites/" + s.ID}, {"DELETE", "/v1/verify/suites/" + s.ID}, {"POST", "/v1/chat/completions", chat}} {
			resp, body = h.send(r[0], r[1], key, r[2])
			checkError(t, resp, body, 404, "suite_not_found")
		}
	}
	resp, body = h.send("DELETE", "/v1/verify/suites/"+s.ID, mate, "")
	if got := unmarshal[suiteReply](t, body); resp.StatusCode != 200 || !got.Deleted {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	for _, r := range [][3]string{{"GET", "/v1/verify/suites/" + s.ID}, {"DELETE", "/v1/verify/suites/" + s.ID}, {"POST", "/v1/chat/completions", chat}} {
		resp, body = h.send(r[0], r[1], h.key, r[2])
		checkError(t, resp, body, 404, "suite_not_found")
	}
	if n := h.models.Calls("gpt-4o"); n != 0 {
		t.Errorf("gpt-4o was called %d times", n)
	}
}

func TestFaultySuitesAreRefused(t *testing.T) {
	h := open(t, standin.Config{})
	for body, param := range map[string]string{
		`{"language":"python"}`:                  "tests",
		`{"tests":"assert 1","suite":"suite_a"}`: "suite",
		`{"tests":"assert 1","bananas":1}`:       "bananas",
		`{"tests":"x","limits":{"memory_mb":1}}`: "limits.memory_mb",
		`{"tests":"x","tests":"y"}`:              "",
		`[]`:                                     "",
		``:                                       "",
	} {
		resp, text := h.send("POST", "/v1/verify/suites", h.key, body)
		e := unmarshal[struct {
			Error struct{ Param string }
		}](t, text).Error
		if resp.StatusCode != 400 || e.Param != param {
			t.Errorf("%s: %d %s", body, resp.StatusCode, text)
		}
	}
	resp, text := h.send("POST", "/v1/verify/suites", h.key, `{"tests":"`+strings.Repeat("#", policy.MaxSuiteBytes)+`"}`)
	checkError(t, resp, text, 413, "")
	resp, text = h.send("POST", "/v1/verify/suites", "drv-wrong", addTests)
	checkError(t, resp, text, 401, "invalid_api_key")
}

// Feedback about an answer of one's own team is kept with it; the last word of
// a source counts.
func TestFeedbackIsKeptWithItsOutcome(t *testing.T) {
	h := open(t, standin.Config{})
	_, body := h.post(`{"model":"auto","messages":[{"role":"user","content":"x"}]}`)
	id := unmarshal[struct{ ID string }](t, body).ID
	say := func(key, body string) (*http.Response, []byte) { return h.send("POST", "/v1/feedback", key, body) }
	for _, c := range []struct{ key, body string }{
		{h.key, `{"id":"` + id + `","correct":true,"source":"ci"}`},
		{h.addKey("acme"), `{"id":"` + id + `","correct":false,"source":"ci"}`},
		{h.key, `{"id":"` + id + `","correct":true}`},
	} {
		resp, text := say(c.key, c.body)
		if got := string(text); resp.StatusCode != 200 || got != `{"id":"`+id+`","recorded":true}` {
			t.Errorf("%s: %d %s", c.body, resp.StatusCode, got)
		}
	}
	var got []string
	for e, err := range h.ledger.Events(t.Context(), 0) {
		if err != nil || e.Outcome == nil || e.Outcome.ID != id {
			t.Fatal(e, err)
		}
		if e.Feedback == nil {
			continue
		}
		got = append(got, fmt.Sprintf("%s %t %t", e.Feedback.Source, e.Feedback.Correct, e.Feedback.Before != nil))
	}
	if want := "[ci true false ci false true  true false]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	resp, text := say(h.addKey("rival"), `{"id":"`+id+`","correct":true}`)
	checkError(t, resp, text, 404, "outcome_not_found")
	resp, text = say(h.key, `{"id":"chatcmpl-none","correct":true}`)
	checkError(t, resp, text, 404, "outcome_not_found")
	for _, body := range []string{`{"correct":true}`, `{"id":"","correct":true}`, `{"id":1,"correct":true}`, `{"id":"x"}`, `{"id":"x","correct":"yes"}`,
		`{"id":"x","correct":true,"source":7}`, `{"id":"x","correct":true,"source":"a\nb"}`, `{"id":"x","correct":true,"by":"me"}`, `[]`, ``} {
		if resp, text := say(h.key, body); resp.StatusCode != 400 {
			t.Errorf("%s: %d %s", body, resp.StatusCode, text)
		}
	}
}
