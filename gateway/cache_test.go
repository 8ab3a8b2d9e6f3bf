package gateway_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/drover-llm/drover/gateway"
)

// caching is a searching house whose route auto keeps verified answers, with a
// clock that can be turned.
func caching(t *testing.T, most int) (h *house, later func(time.Duration)) {
	t.Helper()
	h = searching(t, texts(rightAdd), texts(rightAdd))
	route := h.gateway.Routes["auto"]
	route.Cache = gateway.CacheConfig{TTL: time.Hour, Max: most}
	h.gateway.Routes["auto"] = route
	offset := time.Duration(0)
	h.gateway.Now = func() time.Time { return time.Now().Add(offset) }
	return h, func(d time.Duration) { offset += d }
}

const cachedChat = `{"model":"auto","messages":[{"role":"user","content":"Write add(a, b)."}],"verify":` + addTests + `}`

// asks sends a request and returns the route of its answer.
func (h *house) asks(key, body string) (route, id string) {
	h.t.Helper()
	resp, text := h.send("POST", "/v1/chat/completions", key, body)
	reply := unmarshal[struct {
		ID      string
		Choices []struct{ Message struct{ Content string } }
		Usage   struct {
			Completion int64   `json:"completion_tokens"`
			Cost       float64 `json:"cost"`
		}
		Verify verifyReply
	}](h.t, text)
	v := reply.Verify
	if resp.StatusCode != 200 || v.Verified == nil || !*v.Verified || reply.Choices[0].Message.Content != rightAdd || resp.Header.Get("x-drover-route") != v.Route {
		h.t.Fatalf("%d %s", resp.StatusCode, text)
	}
	if v.Route == "cache" && (v.Cost != "0" || reply.Usage.Cost != 0 || v.Model == "" || v.Tests.Passed != 2 || v.Samples.Drawn != 0 || strings.HasPrefix(v.Saved.String(), "-") || reply.Usage.Completion == 0) {
		h.t.Errorf("%s", text)
	}
	return v.Route, reply.ID
}

// An equal request with equal tests is served again, whole and in a stream, and
// nothing is spent.
func TestVerifiedAnswerIsServedAgain(t *testing.T) {
	h, later := caching(t, 10)
	if way, _ := h.asks(h.key, cachedChat); way != "search" {
		t.Fatal(way)
	}
	calls := h.models.Calls("llama-3.1-8b")
	for _, body := range []string{cachedChat,
		`{"verify":` + strings.TrimSuffix(addTests, "}") + `,"budget":{"max_samples":3}},"messages":[{"content":"Write add(a, b).","role":"user"}],"model":"auto"}`} {
		if way, _ := h.asks(h.key, body); way != "cache" {
			t.Errorf("%s: %s", body, way)
		}
	}
	if way, _ := h.asks(h.addKey("acme"), cachedChat); way != "cache" {
		t.Errorf("another key of the team: %s", way)
	}
	chunks, done := h.stream(strings.Replace(cachedChat, "{", `{"stream":true,"stream_options":{"include_usage":true},`, 1))
	text := ""
	for _, c := range chunks {
		for _, choice := range c.Choices {
			if s, ok := choice.Delta["content"].(string); ok {
				text += s
			}
		}
	}
	if last := chunks[len(chunks)-1]; !done || text != rightAdd || last.Verify["route"] != "cache" || last.Verify["verified"] != true || last.Usage == nil {
		t.Errorf("done %v, %q, last %+v", done, text, last)
	}
	if n := h.models.Calls("llama-3.1-8b"); n != calls {
		t.Errorf("%d more calls", n-calls)
	}
	for _, o := range h.outcomes(5)[1:] {
		if o.Way != "cache" || *o.Cost != 0 || len(o.Calls) != 0 || o.Task == nil || o.Task.Verified == nil || !*o.Task.Verified {
			t.Errorf("outcome %+v", o)
		}
	}
	later(2 * time.Hour)
	if way, _ := h.asks(h.key, cachedChat); way != "search" {
		t.Errorf("after its time: %s", way)
	}
}

// Nothing is served to another team, for other tests, another request, where the
// client chose the way, or where the route keeps none.
func TestOnlyEqualRequestsOfOneTeamShareAnAnswer(t *testing.T) {
	h, _ := caching(t, 10)
	h.gateway.Routes["off"] = gateway.RouteConfig{Direct: gateway.Names{"gpt-4o"}, Search: h.gateway.Routes["auto"].Search}
	h.asks(h.key, cachedChat)
	for name, c := range map[string]struct{ key, body string }{
		"another team":      {h.addKey("rival"), cachedChat},
		"no team":           {h.addKey(""), cachedChat},
		"other tests":       {h.key, strings.Replace(cachedChat, "5, 5", "4, 6", 1)},
		"another request":   {h.key, strings.Replace(cachedChat, "Write", "Please write", 1)},
		"another limit":     {h.key, strings.Replace(cachedChat, "{", `{"max_tokens":99,`, 1)},
		"a pinned way":      {h.key, strings.Replace(cachedChat, `"entry_point"`, `"route":"search","entry_point"`, 1)},
		"a route of none":   {h.key, strings.Replace(cachedChat, `"auto"`, `"off"`, 1)},
		"a share is enough": {h.key, strings.Replace(cachedChat, `"entry_point"`, `"pass":0.5,"entry_point"`, 1)},
	} {
		if way, _ := h.asks(c.key, c.body); way == "cache" {
			t.Errorf("%s is served from the cache", name)
		}
	}
}

// The number of kept answers is bounded; what somebody found wrong is kept no
// longer.
func TestKeptAnswersAreBoundedAndForgotten(t *testing.T) {
	h, _ := caching(t, 1)
	other := strings.Replace(cachedChat, "Write", "Please write", 1)
	h.asks(h.key, cachedChat)
	h.asks(h.key, other)
	if way, _ := h.asks(h.key, other); way != "cache" {
		t.Errorf("the last one: %s", way)
	}
	_, id := h.asks(h.key, other) // it counts whichever of the answers it is about
	resp, body := h.send("POST", "/v1/feedback", h.key, `{"id":"`+id+`","correct":false}`)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	for _, chat := range []string{other, cachedChat} {
		if way, _ := h.asks(h.key, chat); way != "search" {
			t.Errorf("%s: %s", chat, way)
		}
	}
}

func TestCacheConfigIsChecked(t *testing.T) {
	for c, want := range map[gateway.CacheConfig]string{
		{}: "", {TTL: time.Hour}: "", {TTL: time.Hour, Max: 5}: "", {Max: 5}: "ttl", {TTL: -1}: "ttl", {TTL: 1000 * time.Hour}: "ttl", {TTL: 1, Max: -1}: "max",
	} {
		got := ""
		c.Validate(func(path, _ string, _ ...any) { got = path })
		if got != want {
			t.Errorf("%+v: %q, want %q", c, got, want)
		}
	}
}

// An answer that did not pass is not kept.
func TestUnverifiedAnswerIsNotKept(t *testing.T) {
	h := searching(t, texts(wrongAdd), texts(wrongAdd))
	route := h.gateway.Routes["auto"]
	route.Cache.TTL = time.Hour
	h.gateway.Routes["auto"] = route
	for range 2 {
		_, body := h.post(cachedChat)
		if v := unmarshal[struct{ Verify verifyReply }](t, body).Verify; v.Route != "escalated" || v.Verified == nil || *v.Verified {
			t.Errorf("%s", body)
		}
	}
}

// However often an answer was served, feedback about the request that verified it
// ends it.
func TestAnswerFoundWrongIsForgottenHoweverOftenItWasServed(t *testing.T) {
	h, _ := caching(t, 10)
	_, first := h.asks(h.key, cachedChat)
	for range 70 {
		if way, _ := h.asks(h.key, cachedChat); way != "cache" {
			t.Fatal(way)
		}
	}
	if resp, text := h.postTo("/v1/feedback", `{"id":"`+first+`","correct":false,"source":"tests"}`); resp.StatusCode != 200 {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	if way, _ := h.asks(h.key, cachedChat); way != "search" {
		t.Errorf("served again: %s", way)
	}
}
