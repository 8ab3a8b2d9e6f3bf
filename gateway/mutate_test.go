package gateway_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/gateway/standin"
)

var mutations = flag.Int("mutations", 400, "how many mutated requests are sent")

// valid are requests that are answered, by endpoint; mutations start from them.
var valid = []struct{ path, body string }{
	{"/v1/chat/completions", asking},
	{"/v1/chat/completions", `{"model":"auto","stream":true,"stream_options":{"include_usage":true},"n":2,"messages":[{"role":"developer","content":"Be brief."},
		{"role":"user","name":"bob","content":[{"type":"text","text":"Say"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]}]}`},
	{"/v1/chat/completions", `{"model":"auto","messages":[{"role":"user","content":"x"},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},
		{"role":"tool","tool_call_id":"c","content":"1"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"tool_choice":"auto","parallel_tool_calls":true}`},
	{"/v1/chat/completions", `{"model":"gpt-4o","messages":[{"role":"user","content":"x"}],"temperature":1,"top_p":1,"max_tokens":9,"max_completion_tokens":8,"stop":["a"],"seed":1,"logprobs":true,
		"top_logprobs":2,"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"object","properties":{"a":{"type":"string"}}}}},"metadata":{"a":"b"},"store":true,
		"logit_bias":{"1":1},"user":"u","service_tier":"auto","reasoning_effort":"low","prediction":{"type":"content","content":"x"},"modalities":["text"],"audio":{"voice":"a","format":"wav"}}`},
	{"/v1/chat/completions", `{"model":"auto","messages":[{"role":"user","content":"Write add(a, b)."}],"verify":{"tests":"assert add(1, 2) == 3","entry_point":"add","framework":"assert",
		"language":"python","budget":{"max_samples":4,"max_cost_usd":0.1,"deadline_s":9},"on_fail":"best","show":"all","cases":null}}`},
	{"/v1/chat/completions", `{"model":"auto","messages":[{"role":"user","content":"Write add."}],"verify":{"language":"python","framework":"stdio","cases":[{"stdin":"1 2\n","stdout":"3\n"},
		{"args":["1"],"stdout":"1","match":"tokens"}],"answer":{"extract":"auto","path":"add.py","prefix":"","suffix":""},"files":{"a/b.txt":"1","c":{"base64":"eA=="}},
		"limits":{"timeout_s":2,"memory_mb":64,"output_kb":8},"pass":0.5,"show":"none","route":"auto","on_fail":"escalate","budget":{"max_cost_usd":0.05,"deadline_s":30}}}`},
	{"/v1/responses", `{"model":"gpt-4o","input":"hi","instructions":"Be brief.","max_output_tokens":50,"text":{"format":{"type":"text"}},"store":false,"include":[],"metadata":{}}`},
	{"/v1/responses", `{"model":"gpt-4o","stream":true,"input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},
		{"type":"function_call_output","call_id":"c","output":"1"}],"tools":[{"type":"function","name":"f","parameters":{"type":"object"}},{"type":"web_search"}],"tool_choice":"auto"}`},
	{"/v1/completions", `{"model":"gpt-4o","prompt":["a","b"],"n":2,"best_of":3,"max_tokens":4,"echo":true,"logprobs":1,"suffix":"z"}`},
	{"/v1/completions", `{"model":"gpt-4o","prompt":[[1,2],[3]],"stream":true}`},
	{"/v1/embeddings", `{"model":"gpt-4o","input":["a","b"],"encoding_format":"base64","dimensions":8}`},
	{"/v1/embeddings", `{"model":"gpt-4o","input":[1,2,3]}`},
	{"/v1/verify", `{"answer":"def add(a, b): return a + b","verify":{"tests":"assert add(1, 2) == 3"},"messages":[{"role":"user","content":"x"}]}`},
	{"/v1/feedback", `{"id":"chatcmpl-x","correct":true,"source":"ci"}`},
	{"/v1/verify/suites", `{"tests":"assert add(1, 2) == 3","entry_point":"add"}`},
	{"/v1/models", ``},
}

// mutator changes requests; the same seed makes the same changes.
type mutator struct{ *rand.Rand }

// odd is a value that a request hardly expects.
func (m mutator) odd() any {
	switch m.IntN(14) {
	case 0:
		return nil
	case 1:
		return m.IntN(2) == 0
	case 2:
		return m.Int64() - m.Int64()
	case 3:
		return json.RawMessage([]string{"1e999", "-0", "0.1e-400", "99999999999999999999999", "1.5"}[m.IntN(5)])
	case 4:
		return strings.Repeat("x", m.IntN(5000))
	case 5:
		return ""
	case 6:
		return "\x00\u2028😀\xff\"\\"
	case 7:
		return []any{}
	case 8:
		return map[string]any{}
	case 9:
		return []any{m.odd(), m.odd()}
	case 10:
		return map[string]any{"type": m.odd(), "": m.odd()}
	case 11:
		depth := m.IntN(12_000)
		return json.RawMessage(strings.Repeat("[", depth) + strings.Repeat("]", depth))
	case 12:
		return strings.Repeat("中", m.IntN(100))
	default:
		return "assert f(1) == 1\n>>> f(2)\n```tests\n"
	}
}

// value changes something in a JSON value.
func (m mutator) value(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 || m.IntN(8) == 0 {
			break
		}
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		name := names[m.IntN(len(names))]
		switch m.IntN(12) {
		case 0:
			delete(v, name)
		case 1:
			v[strings.ToUpper(name)] = v[name]
		case 2:
			v[fmt.Sprint("x", m.IntN(100))] = m.odd()
		default:
			v[name] = m.value(v[name])
		}
		return v
	case []any:
		if len(v) == 0 || m.IntN(8) == 0 {
			break
		}
		i := m.IntN(len(v))
		if m.IntN(8) == 0 {
			return append(v, v[i])
		}
		v[i] = m.value(v[i])
		return v
	}
	return m.odd()
}

// body changes a body, its JSON or its bytes, and says how it is encoded.
func (m mutator) body(valid string) (body []byte, encoding string) {
	body = []byte(valid)
	var v any
	if json.Unmarshal(body, &v) == nil && m.IntN(5) > 0 {
		for range 1 + m.IntN(3) {
			v = m.value(v)
		}
		if changed, err := json.Marshal(v); err == nil {
			body = changed
		}
	}
	switch m.IntN(28) {
	case 0:
		for range 1 + m.IntN(4) {
			if len(body) > 0 {
				body[m.IntN(len(body))] = byte(m.Uint32())
			}
		}
	case 1:
		body = body[:m.IntN(len(body)+1)]
	case 2:
		body = append([]byte("\xef\xbb\xbf"), body...)
	case 3:
		var wide []byte
		for _, u := range utf16.Encode([]rune(string(body))) {
			wide = append(wide, byte(u), byte(u>>8))
		}
		body = wide
	case 4:
		body = append(body, body...)
	case 5:
		body = bytes.Replace(body, []byte(`{`), []byte(`{"model":"x",`), 1)
	case 6:
		body = append(bytes.Repeat([]byte(" "), m.IntN(1<<17)), body...)
	case 7, 8:
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write(body)
		_ = w.Close()
		if body, encoding = b.Bytes(), "gzip"; m.IntN(3) == 0 {
			body[m.IntN(len(body))] ^= 1
		}
	case 9:
		encoding = []string{"br", "gzip", "identity", "\x7f"}[m.IntN(4)]
	}
	return body, encoding
}

// sent are headers as clients send them.
var sent = []struct{ name, value string }{
	{"X-Verify", base64.RawURLEncoding.EncodeToString([]byte(`{"tests":"assert add(1, 2) == 3","entry_point":"add"}`))},
	{"X-Verify", base64.URLEncoding.EncodeToString([]byte(`{"tests":">>> add(1, 2)\n3","framework":"doctest","budget":{"max_samples":2}}`))},
	{"X-Verify-Suite", "suite_0123456789abcdef"},
	{"X-Drover-Tags", "project=atlas,env=ci"},
	{"X-Drover-Debug", "true"},
	{"Content-Type", "application/json; charset=utf-8"},
	{"Content-Encoding", "gzip"},
	{"X-Stainless-Lang", "go"},
	{"X-Stainless-Retry-Count", "2"},
	{"X-Stainless-Timeout", "600"},
	{"X-Stainless-Read-Timeout", "600.5"},
	{"Idempotency-Key", "stainless-node-retry-4d1f"},
	{"Accept", "text/event-stream"},
}

// header is one as clients send it, or one that has been changed. The patience it
// announces is never so short that a 504 would be the right answer.
func (m mutator) header() (name, value string) {
	h := sent[m.IntN(len(sent))]
	name, value = h.name, h.value
	switch m.IntN(6) {
	case 0:
		value = []string{"", "-1", "e30", "a=b", "\x01", "NaN", "1e999", "0x1p9", ",,=,", "*/*;q=x", strings.Repeat("x", 4000)}[m.IntN(11)]
	case 1:
		value += value
	case 2:
		value = value[:m.IntN(len(value))]
	case 3:
		if plain, err := base64.URLEncoding.DecodeString(value); name == "X-Verify" && err == nil {
			changed, _ := m.body(string(plain))
			value = base64.RawURLEncoding.EncodeToString(changed)
		}
	}
	if name == "X-Stainless-Timeout" || name == "X-Stainless-Read-Timeout" {
		if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds > 0 && seconds < 60 {
			value = "60"
		}
	}
	return name, value
}

// survive sends one request and fails when the answer is none that a client can
// live with: a 5xx, something other than the four-key error, or nothing in time.
func survive(t *testing.T, handler http.Handler, key, path, encoding string, headers map[string]string, body []byte) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, path, bytes.NewReader(body))
	if path == "/v1/models" {
		r.Method = http.MethodGet
	}
	r.Header.Set("Authorization", "Bearer "+key)
	if encoding != "" {
		r.Header.Set("Content-Encoding", encoding)
	}
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	text := w.Body.Bytes()
	switch {
	case ctx.Err() != nil:
		t.Errorf("%s hangs: %.300q", path, body)
	case w.Code >= 500 && !(w.Code == http.StatusServiceUnavailable && path == "/v1/verify"): // there is no sandbox in this house
		t.Errorf("%s: %d %s for %.300q", path, w.Code, text, body)
	case w.Code >= 400:
		e := struct{ Error map[string]any }{}
		if err := json.Unmarshal(text, &e); err != nil || len(e.Error) != 4 || e.Error["message"] == "" || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d without the four keys: %s for %.300q", path, w.Code, text, body)
		}
	case strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") && !json.Valid(text):
		t.Errorf("%s: %d with broken JSON %.300q for %.300q", path, w.Code, text, body)
	}
	return w.Code
}

// openMutated is a house in which every endpoint is there.
func openMutated(t testing.TB) *house {
	return openHTTP(t, standin.Config{}, gateway.HTTPConfig{MaxBody: 1 << 20})
}

// TestMutatedRequestsAreAnsweredOrRefused sends requests that were valid once.
// go test ./gateway -run Mutated -args -mutations 100000 is its long form.
func TestMutatedRequestsAreAnsweredOrRefused(t *testing.T) {
	t.Parallel()
	h := openMutated(t)
	handler := h.gateway.Handler()
	const senders = 8
	var work sync.WaitGroup
	var mu sync.Mutex
	seen := map[int]int{}
	for s := range senders {
		work.Go(func() {
			for i := s; i < *mutations && !t.Failed(); i += senders {
				m := mutator{rand.New(rand.NewPCG(uint64(i), 1))}
				from := valid[m.IntN(len(valid))]
				body, encoding := m.body(from.body)
				headers := map[string]string{}
				for range max(0, m.IntN(8)-4) {
					name, value := m.header()
					headers[name] = value
				}
				code := survive(t, handler, h.key, from.path, encoding, headers, body)
				mu.Lock()
				seen[code]++
				mu.Unlock()
			}
		})
	}
	work.Wait()
	t.Log(seen)
	if seen[http.StatusOK] == 0 || seen[http.StatusBadRequest] == 0 {
		t.Errorf("mutations that change nothing, or everything: %v", seen)
	}
}

func FuzzRequests(f *testing.F) {
	for i, v := range valid {
		f.Add(uint8(i), []byte(v.body), "")
	}
	h := openMutated(f)
	handler := h.gateway.Handler()
	f.Fuzz(func(t *testing.T, endpoint uint8, body []byte, encoding string) {
		survive(t, handler, h.key, valid[int(endpoint)%len(valid)].path, encoding, nil, body)
	})
}
