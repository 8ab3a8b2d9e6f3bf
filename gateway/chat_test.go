package gateway_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/gateway/upstream"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

var hello = []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Say hello.")}

func TestWholeReplyIsPricedAndJournalled(t *testing.T) {
	h := open(t, standin.Config{Models: map[string]standin.Script{"gpt-4o": {Answers: []standin.Answer{{
		Text: "hello", Usage: &standin.Usage{Prompt: 1001, CachedPrompt: 1000, Completion: 7}}}}}})
	var raw *http.Response
	reply, err := ptr(h.client()).Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{Model: "auto", Messages: hello},
		option.WithResponseInto(&raw), option.WithHeader("x-drover-tags", "project=atlas, env=ci"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(reply.ID, "chatcmpl-") || reply.Model != "gpt-4o" || reply.Choices[0].Message.Content != "hello" || reply.Usage.TotalTokens != 1008 {
		t.Errorf("reply %s", reply.RawJSON())
	}
	// 1 prompt token at 2.5, 1000 cached at 1.25 and 7 at 10 millionths.
	const cost = "0.0013225"
	if got := reply.Usage.JSON.ExtraFields["cost"].Raw(); got != cost {
		t.Errorf("usage.cost is %s", got)
	}
	v := unmarshal[map[string]any](t, []byte(reply.JSON.ExtraFields["verify"].Raw()))
	if v["route"] != "direct" || v["reason"] != "not_coding" || v["verified"] != nil || v["model"] != "gpt-4o" || v["requested_model"] != "auto" ||
		v["cost_usd"] != 0.0013225 || v["baseline_cost_usd"] != 0.0013225 || v["saved_usd"] != 0.0 {
		t.Errorf("verify %v", v)
	}
	for name, want := range map[string]string{"x-drover-route": "direct", "x-drover-reason": "not_coding", "x-drover-verified": "null", "x-drover-tests": "0/0",
		"x-drover-samples": "0", "x-drover-cost-usd": cost, "x-drover-saved-usd": "0", "content-type": "application/json"} {
		if got := raw.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	o := h.outcomes(1)[0]
	if o.ID != reply.ID || o.Account.Team != "acme" || o.Route != "auto" || o.Model != "gpt-4o" || o.Status != 200 || o.Cost.String() != cost ||
		o.Tags["env"] != "ci" || len(o.Calls) != 1 || o.Calls[0].Tries != 1 || o.Calls[0].Finish != "stop" || o.Prices == "" {
		t.Errorf("outcome %+v", o)
	}
	if want := h.billed("gpt-4o"); *o.Cost != want {
		t.Errorf("journalled %s, the provider bills %s", o.Cost, want)
	}
}

func ptr[T any](v T) *T { return &v }

// What a client sends reaches the provider, but for what is Drover's.
func TestRequestTravelsUnchanged(t *testing.T) {
	h := open(t, standin.Config{})
	_, body := h.post(`{"model":"gpt-4o","messages":[{"role":"user","content":"hi","x":[1, 2]}],"seed":7,"temperature":null,"stop":[],"x_new":{"a":1e3},"verify":{"tests":"assert canary"},"metadata":{"a":"b"}}`)
	got := string(h.models.Requests()[0].Body)
	if want := `{"model":"gpt-4o","messages":[{"role":"user","content":"hi","x":[1, 2]}],"seed":7,"x_new":{"a":1e3}}`; got != want {
		t.Errorf("the provider got\n%s, want\n%s", got, want)
	}
	v := unmarshal[struct{ Verify struct{ Warnings []string } }](t, body)
	if w := strings.Join(v.Verify.Warnings, "\n"); !strings.Contains(w, "metadata") {
		t.Errorf("warnings %q", w)
	}
	for name := range h.models.Requests()[0].Header {
		if strings.HasPrefix(name, "X-") {
			t.Errorf("the client's header %s went to the provider", name)
		}
	}
}

func TestUnknownPriceIsNull(t *testing.T) {
	h := open(t, standin.Config{})
	resp, body := h.post(`{"model":"unpriced","messages":[{"role":"user","content":"hi"}]}`)
	v := unmarshal[struct {
		Usage  map[string]any
		Verify map[string]any
	}](t, body)
	if cost, there := v.Usage["cost"]; !there || cost != nil || v.Verify["cost_usd"] != nil || resp.Header.Get("x-drover-cost-usd") != "null" {
		t.Errorf("reply %s", body)
	}
	if o := h.outcomes(1)[0]; o.Cost != nil || o.Calls[0].Cost != nil || o.Calls[0].Usage.Prompt == 0 {
		t.Errorf("outcome %+v", o)
	}
}

func TestMissingUsageIsCounted(t *testing.T) {
	h := open(t, standin.Config{Models: map[string]standin.Script{"gpt-4o": {Answers: []standin.Answer{{Text: "The quick brown fox jumps over the lazy dog."}}, Faults: []standin.Fault{standin.NoUsage}}}})
	for _, stream := range []string{"false", "true"} {
		h.post(`{"model":"gpt-4o","stream":` + stream + `,"messages":[{"role":"user","content":"hello world"}]}`)
	}
	for _, o := range h.outcomes(2) {
		// o200k_base: 10 tokens of answer; 2 of prompt in a message of 3 and 1 for its role, and 3 to prime.
		want := pricing.Usage{Prompt: 9, Completion: 10}
		if c := o.Calls[0]; c.Usage != want || !c.Counted {
			t.Errorf("stream %v: %+v", o.Stream, c)
		}
	}
}

// The list's next model stands in, and what failed is in the outcome.
func TestFallbacksInTheirOrder(t *testing.T) {
	t.Parallel()
	routes := map[string]gateway.RouteConfig{"auto": {Direct: gateway.Names{"fault-401", "fault-malformed", "gpt-4o"}}}
	for _, stream := range []string{"false", "true"} {
		t.Run("stream "+stream, func(t *testing.T) {
			names := []string{"fault-401", "fault-malformed"}
			if stream == "true" { // a stream that begins and breaks has been seen by the client
				routes["auto"] = gateway.RouteConfig{Direct: gateway.Names{"fault-401", "fault-500", "gpt-4o"}}
				names[1] = "fault-500"
			}
			h := openWith(t, standin.Config{}, upstream.Config{}, routes, names...)
			resp, body := h.post(`{"model":"auto","stream":` + stream + `,"messages":[{"role":"user","content":"hi"}]}`)
			if resp.StatusCode != 200 || resp.Header.Get("x-drover-reason") != "provider_down" {
				t.Fatalf("status %d, %v: %s", resp.StatusCode, resp.Header, body)
			}
			o := h.outcomes(1)[0]
			if o.Model != "gpt-4o" || len(o.Calls) != 3 || o.Calls[0].Model != names[0] || o.Calls[1].Model != names[1] {
				t.Errorf("outcome %+v", o)
			}
			var sum pricing.USD
			for _, c := range o.Calls {
				sum += *c.Cost
			}
			if *o.Cost != sum || o.Calls[0].Cost.String() != "0" {
				t.Errorf("cost %s of %+v", o.Cost, o.Calls)
			}
			if spoiled := o.Calls[1].Cost; (*spoiled > 0) != (stream == "false") {
				t.Errorf("the second call cost %s", spoiled)
			}
		})
	}
}

func TestRefusedRequestDoesNotFallBack(t *testing.T) {
	h := openWith(t, standin.Config{}, upstream.Config{}, map[string]gateway.RouteConfig{"auto": {Direct: gateway.Names{"fault-context", "gpt-4o"}}}, "fault-context")
	_, err := ptr(h.client()).Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{Model: "auto", Messages: hello})
	var e *openai.Error
	if !errors.As(err, &e) || e.StatusCode != 400 || e.Code != "context_length_exceeded" {
		t.Fatalf("got %v", err)
	}
	if n := h.models.Calls("gpt-4o"); n != 0 {
		t.Errorf("the fallback was called %d times", n)
	}
}

// A client that leaves ends the call upstream; what it cost is journalled.
func TestLeavingCancelsUpstreamAndIsCharged(t *testing.T) {
	t.Parallel()
	for _, stream := range []string{"false", "true"} {
		t.Run("stream "+stream, func(t *testing.T) {
			h := open(t, standin.Config{Models: map[string]standin.Script{"gpt-4o": {FirstByte: time.Second, PerChunk: 10 * time.Millisecond,
				Answers: []standin.Answer{{Text: strings.Repeat("word ", 500)}}}}})
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			if stream == "false" {
				go func() { h.called("gpt-4o", 1); leave() }()
			}
			resp, err := http.DefaultClient.Do(h.request(ctx, `{"model":"gpt-4o","stream":`+stream+`,"max_tokens":900,"messages":[{"role":"user","content":"hi"}]}`))
			if err == nil { // the stream has begun
				_, _ = io.CopyN(io.Discard, resp.Body, 500)
				leave()
				resp.Body.Close()
			}
			o := h.outcomes(1)[0]
			if o.Status != 499 || o.Model != "" || !o.Calls[0].Counted || o.Calls[0].Error != "cancelled" {
				t.Errorf("outcome %+v", o)
			}
			billed := h.billed("gpt-4o")
			if *o.Cost < billed/2 || *o.Cost == 0 {
				t.Errorf("journalled %s, the provider bills %s", o.Cost, billed)
			}
			if n := o.Calls[0].Usage.Completion; stream == "true" && n > 50 {
				t.Errorf("counted %d tokens of a stream that was left early", n)
			}
		})
	}
}

func TestKeysOpenWhatTheyMay(t *testing.T) {
	h := open(t, standin.Config{}, "other")
	token, key, err := h.ledger.CreateKey(t.Context(), policy.Key{Name: "narrow", Models: []string{"gpt-4o"}}, "test")
	if err != nil {
		t.Fatal(err)
	}
	expired, short, err := h.ledger.CreateKey(t.Context(), policy.Key{Name: "short"}, "test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.ledger.ChangeKey(t.Context(), short.ID, policy.KeyChange{Expires: new(time.Now())}, "test"); err != nil {
		t.Fatal(err)
	}
	narrow := h.client(option.WithAPIKey(token))
	list, err := narrow.Models.List(t.Context())
	if err != nil || len(list.Data) != 1 || list.Data[0].ID != "gpt-4o" {
		t.Errorf("models %+v, %v", list, err)
	}
	for name, c := range map[string]struct {
		token, model string
		status       int
		code         string
	}{
		"its model":      {token, "gpt-4o", 200, ""},
		"another":        {token, "other", 403, "model_not_allowed"},
		"the route":      {token, "auto", 403, "model_not_allowed"},
		"unknown":        {token, "nothing", 404, "model_not_found"},
		"wrong key":      {strings.ToUpper(token), "gpt-4o", 401, "invalid_api_key"},
		"another's key":  {"sk-proj-0123456789abcdef", "gpt-4o", 401, "invalid_api_key"},
		"expired":        {expired, "gpt-4o", 401, "invalid_api_key"},
		"every model's":  {h.key, "other", 200, ""},
		"route's key":    {h.key, "auto", 200, ""},
		"with no secret": {token[:12], "gpt-4o", 401, "invalid_api_key"},
	} {
		_, err := ptr(h.client(option.WithAPIKey(c.token))).Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{Model: c.model, Messages: hello})
		var e *openai.Error
		switch {
		case c.status == 200 && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.status != 200 && (!errors.As(err, &e) || e.StatusCode != c.status || e.Code != c.code):
			t.Errorf("%s: %v", name, err)
		case c.status == 401 && strings.Contains(e.Error(), c.token):
			t.Errorf("%s: the error shows the whole key", name)
		}
	}
	if _, err := h.ledger.RevokeKey(t.Context(), key.ID, "test"); err != nil {
		t.Fatal(err)
	}
	if _, err := narrow.Models.List(t.Context()); err == nil {
		t.Error("a revoked key opens")
	}
	for _, header := range []string{"", "Basic abc", "Bearer", "Bearer "} {
		r := h.request(t.Context(), `{}`)
		r.Header.Set("Authorization", header)
		if resp, body := h.do(r); resp.StatusCode != 401 || !strings.Contains(string(body), `"code":null`) {
			t.Errorf("%q: %d %s", header, resp.StatusCode, body)
		}
	}
	r := h.request(t.Context(), `{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}`)
	r.Header.Del("Authorization")
	r.Header.Set("x-api-key", h.key)
	if resp, body := h.do(r); resp.StatusCode != 200 {
		t.Errorf("x-api-key: %d %s", resp.StatusCode, body)
	}
}

func TestModelsAreListedAndFound(t *testing.T) {
	h := open(t, standin.Config{}, "meta-llama/Llama-3.1-8B")
	client := h.client()
	list, err := client.Models.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range list.Data {
		names = append(names, m.ID+" by "+m.OwnedBy)
	}
	if got := strings.Join(names, ", "); got != "auto by drover, gpt-4o by standin, meta-llama/Llama-3.1-8B by standin, unpriced by standin" {
		t.Error(got)
	}
	for _, name := range []string{"auto", "meta-llama/Llama-3.1-8B", "meta-llama%2FLlama-3.1-8B"} {
		resp, err := get(t, h, "/v1/models/"+name)
		if err != nil || resp.StatusCode != 200 {
			t.Errorf("%s: %v, %v", name, resp, err)
		}
	}
	_, err = client.Models.Get(t.Context(), "nothing")
	var e *openai.Error
	if !errors.As(err, &e) || e.StatusCode != 404 || e.Code != "model_not_found" {
		t.Errorf("got %v", err)
	}
}

func get(t *testing.T, h *house, path string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+path, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+h.key)
	resp, err := http.DefaultClient.Do(r)
	if err == nil {
		resp.Body.Close()
	}
	return resp, err
}

// A canary in every place where a key or a prompt can stand turns up nowhere.
func TestSecretsStayOutOfLogsAndErrors(t *testing.T) {
	t.Parallel()
	h := openWith(t, standin.Config{}, upstream.Config{APIKey: "sk-canary-provider", Timeout: 200 * time.Millisecond},
		map[string]gateway.RouteConfig{}, "fault-500", "fault-context", "fault-cut", "fault-malformed", "fault-401", "fault-html", "fault-timeout")
	const canary = "canary-prompt-7261"
	for _, model := range []string{"gpt-4o", "fault-500", "fault-context", "fault-cut", "fault-malformed", "fault-401", "fault-html", "fault-timeout", "none-" + canary} {
		for _, stream := range []string{"true", "false"} {
			resp, body := h.post(`{"model":"` + model + `","stream":` + stream + `,"messages":[{"role":"user","content":"` + canary + `"}]}`)
			for _, secret := range []string{"sk-canary", h.key} {
				if strings.Contains(string(body), secret) {
					t.Errorf("%s: the reply has %s: %s", model, secret, body)
				}
			}
			_ = resp
		}
	}
	h.post(`{"model":"gpt-4o","messages":[{"role":"` + canary + `"}]}`)
	h.post(`{"` + canary)
	if log := h.log.String(); strings.Contains(log, canary) || strings.Contains(log, "sk-canary") || strings.Contains(log, h.key) {
		t.Errorf("the log:\n%s", log)
	}
}
