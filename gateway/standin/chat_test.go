package standin

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestRepliesHaveOpenAIsShape(t *testing.T) {
	schema := openAISchemas(t)
	s := start(t, Config{})
	for _, tt := range []struct{ path, body, def string }{
		{"/chat/completions", `{"model":"m",` + hello + `}`, "ChatResponse"},
		{"/chat/completions", `{"model":"m",` + hello + `,"n":3,"logprobs":true,"top_logprobs":2}`, "ChatResponse"},
		{"/chat/completions", `{"model":"m",` + hello + `,` + tools + `}`, "ChatResponse"},
		{"/chat/completions", `{"model":"fault-empty",` + hello + `}`, "ChatResponse"},
		{"/chat/completions", `{"model":"fault-nousage",` + hello + `}`, "ChatResponse"},
		{"/chat/completions", `{"model":"m","messages":[]}`, "ErrorResponse"},
		{"/chat/completions", `{"model":"fault-429",` + hello + `}`, "ErrorResponse"},
		{"/completions", `{"model":"m","prompt":["a","b"],"n":2,"logprobs":2,"echo":true}`, "CompletionResponse"},
		{"/embeddings", `{"model":"m","input":["a","b"]}`, "EmbeddingResponse"},
		{"/embeddings", `{"model":"m","input":[[1,2],[3]],"encoding_format":"base64","dimensions":8}`, "EmbeddingResponse"},
		{"/responses", `{"model":"m","input":"Say hi"}`, "ResponsesResponse"},
		{"/responses", `{"model":"m","input":[{"role":"user","content":[{"type":"input_text","text":"Say hi"}]}],"instructions":"Be brief.","max_output_tokens":16}`, "ResponsesResponse"},
		{"/responses", `{"model":"m","input":"x","tools":[{"type":"function","name":"f","strict":true,"parameters":{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}}],"tool_choice":"required"}`, "ResponsesResponse"},
	} {
		r := post(t, s, tt.path, tt.body)
		if r.err != nil {
			t.Fatal(r.err)
		}
		schema.check(t, tt.def, r.body)
	}
	for _, tt := range []struct{ path, body, def string }{
		{"/chat/completions", `{"model":"m",` + hello + `,"stream":true}`, "ChatChunk"},
		{"/chat/completions", `{"model":"m",` + hello + `,"stream":true,"stream_options":{"include_usage":true},"n":2,"logprobs":true}`, "ChatChunk"},
		{"/chat/completions", `{"model":"m",` + hello + `,"stream":true,` + tools + `}`, "ChatChunk"},
		{"/completions", `{"model":"m","prompt":"a","stream":true,"stream_options":{"include_usage":true}}`, ""},
	} {
		for _, chunk := range chunksOf(t, post(t, s, tt.path, tt.body).body) {
			if tt.def != "" {
				schema.check(t, tt.def, encode(chunk))
			}
		}
	}
	for _, body := range []string{
		`{"model":"m","input":"Say hi","stream":true}`,
		`{"model":"m","input":"Say hi","stream":true,"max_output_tokens":16}`,
		`{"model":"m","input":"x","stream":true,"tools":[{"type":"function","name":"f","strict":true,"parameters":{"type":"object","properties":{}}}],"tool_choice":{"type":"function","name":"f"}}`,
	} {
		for _, e := range events(t, post(t, s, "/responses", body).body) {
			schema.check(t, "ResponsesEvent", []byte(e))
		}
	}
	res, err := http.Get(s.URL() + "/models")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	list, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	schema.check(t, "ModelList", list)
}

func TestItSaysThatItIsSimulated(t *testing.T) {
	s := start(t, Config{})
	r := post(t, s, "/chat/completions", `{"model":"m",`+hello+`}`)
	if !strings.Contains(r.header.Get("Server"), "simulated") || at(t, decode(t, r.body), "system_fingerprint") != "simulated" {
		t.Errorf("header %q, body %s", r.header.Get("Server"), r.body)
	}
	if !strings.Contains(at(t, decode(t, r.body), "choices", 0, "message", "content").(string), "simulated") {
		t.Errorf("the default answer does not say so: %s", r.body)
	}
	if !strings.Contains(Notice, "simulated") {
		t.Error(Notice)
	}
}

func TestStreamOpensAndEndsAsOpenAIs(t *testing.T) {
	s := start(t, Config{})
	chunks := chunksOf(t, post(t, s, "/chat/completions", `{"model":"m",`+hello+`,"stream":true,"n":2,"stream_options":{"include_usage":true}}`).body)
	first, last := chunks[0], chunks[len(chunks)-1]
	if at(t, first, "choices", 0, "index") != 0.0 || at(t, first, "choices", 0, "delta", "role") != "assistant" || at(t, first, "choices", 0, "delta", "content") != "" {
		t.Errorf("first chunk %v", first)
	}
	roles, finishes := map[float64]int{}, map[float64]int{}
	for i, c := range chunks {
		if c["id"] != first["id"] || c["created"] != first["created"] || c["object"] != "chat.completion.chunk" {
			t.Errorf("chunk %d differs: %v", i, c)
		}
		if usage, ok := c["usage"]; !ok || (usage != nil) != (i == len(chunks)-1) {
			t.Errorf("chunk %d of %d has usage %v", i, len(chunks), usage)
		}
		for _, one := range c["choices"].([]any) {
			index := at(t, one, "index").(float64)
			if _, ok := at(t, one, "delta").(map[string]any)["role"]; ok {
				roles[index]++
			}
			if at(t, one, "finish_reason") != nil {
				finishes[index]++
				if len(at(t, one, "delta").(map[string]any)) != 0 {
					t.Errorf("the last delta is not empty: %v", one)
				}
			}
		}
	}
	for _, counts := range []map[float64]int{roles, finishes} {
		if len(counts) != 2 || counts[0] != 1 || counts[1] != 1 {
			t.Errorf("roles %v, finish reasons %v; want one for each choice", roles, finishes)
		}
	}
	if len(last["choices"].([]any)) != 0 {
		t.Errorf("last chunk %v", last)
	}
	if textOf(t, chunks, 0) != defaultText(0) || textOf(t, chunks, 1) != defaultText(0) {
		t.Errorf("texts %q and %q", textOf(t, chunks, 0), textOf(t, chunks, 1))
	}
	for _, c := range chunksOf(t, post(t, s, "/chat/completions", `{"model":"m",`+hello+`,"stream":true}`).body) {
		if _, ok := c["usage"]; ok || len(c["choices"].([]any)) == 0 {
			t.Errorf("usage was not asked for: %v", c)
		}
	}
}

func TestStreamAndWholeSayTheSame(t *testing.T) {
	s := start(t, Config{Models: map[string]Script{"m": {Answers: []Answer{{Text: "naïve \"quotes\"\n\tand 漢字 <b>&</b> 🎉 \u2028 end", Usage: &Usage{10, 4, 7, 2}}}}}})
	whole := decode(t, post(t, s, "/chat/completions", `{"model":"m",`+hello+`}`).body)
	chunks := chunksOf(t, post(t, s, "/chat/completions", `{"model":"m",`+hello+`,"stream":true,"stream_options":{"include_usage":true}}`).body)
	if text := at(t, whole, "choices", 0, "message", "content"); textOf(t, chunks, 0) != text {
		t.Errorf("whole %q, stream %q", text, textOf(t, chunks, 0))
	}
	want, got := fmt.Sprint(whole["usage"]), fmt.Sprint(chunks[len(chunks)-1]["usage"])
	if want != got || at(t, whole, "usage", "prompt_tokens_details", "cached_tokens") != 4.0 || at(t, whole, "usage", "completion_tokens_details", "reasoning_tokens") != 2.0 {
		t.Errorf("usage whole %s, stream %s", want, got)
	}
	if b := s.Billed()["m"]; b != (Billed{2, Usage{20, 8, 14, 4}}) {
		t.Errorf("billed %+v", b)
	}
}

func TestLimitsEndAnswers(t *testing.T) {
	s := start(t, Config{Models: map[string]Script{"m": {Answers: []Answer{{Text: "one two three END four five six"}}}}})
	for _, tt := range []struct{ name, extra, text, finish string }{
		{"max_tokens", `"max_tokens":3`, "one two three", "length"},
		{"max_completion_tokens", `"max_completion_tokens":2`, "one two", "length"},
		{"a limit that is not reached", `"max_tokens":300`, "one two three END four five six", "stop"},
		{"stop", `"stop":[" END","four"]`, "one two three", "stop"},
		{"stop as text", `"stop":"two"`, "one ", "stop"},
		{"stop and limit", `"stop":" END","max_tokens":1`, "one", "length"},
		{"nulls", `"stop":null,"max_tokens":null,"n":null,"temperature":null,"stream":null`, "one two three END four five six", "stop"},
		{"an empty stop", `"stop":[]`, "one two three END four five six", "stop"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := decode(t, post(t, s, "/chat/completions", `{"model":"m",`+hello+`,`+tt.extra+`}`).body)
			text, tokens := at(t, v, "choices", 0, "message", "content").(string), at(t, v, "usage", "completion_tokens").(float64)
			if text != tt.text || at(t, v, "choices", 0, "finish_reason") != tt.finish || int(tokens) != countTokens(text) {
				t.Errorf("%q, %v, %v tokens", text, at(t, v, "choices", 0, "finish_reason"), tokens)
			}
		})
	}
}

func TestAnswersComeInOrderAndAgain(t *testing.T) {
	s := start(t, Config{Models: map[string]Script{
		"list": {Answers: []Answer{{Text: "a"}, {Text: "b"}, {Text: "c"}}},
		"func": {Func: func(r Request) Answer {
			return Answer{Text: fmt.Sprintf("call %d choice %d of %q", r.Call, r.Choice, r.Prompt)}
		}},
	}})
	contents := func(body string) (out []string) {
		for _, one := range decode(t, post(t, s, "/chat/completions", body).body)["choices"].([]any) {
			out = append(out, at(t, one, "message", "content").(string))
		}
		return out
	}
	var got []string
	for _, extra := range []string{``, `,"n":3`, ``} {
		got = append(got, contents(`{"model":"list",`+hello+extra+`}`)...)
	}
	if want := "[a b c a b]"; fmt.Sprint(got) != want {
		t.Errorf("answers %v, want %s", got, want)
	}
	contents(`{"model":"func",` + hello + `}`)
	parts := contents(`{"model":"func","n":2,"messages":[{"role":"system","content":"x"},{"role":"user","content":[{"type":"text","text":"y"},{"type":"text","text":"z"}]}]}`)
	if want := `[call 2 choice 0 of "x\nyz" call 2 choice 1 of "x\nyz"]`; fmt.Sprint(parts) != want {
		t.Errorf("answers %v, want %s", parts, want)
	}
}

func TestToolIsCalledWithArgumentsThatFit(t *testing.T) {
	s := start(t, Config{})
	v := decode(t, post(t, s, "/chat/completions", `{"model":"m",`+hello+`,`+tools+`}`).body)
	call := at(t, v, "choices", 0, "message", "tool_calls", 0)
	arguments := decode(t, []byte(at(t, call, "function", "arguments").(string)))
	if city, ok := arguments["city"].(string); !ok || city == "" || at(t, call, "function", "name") != "get_weather" || at(t, v, "choices", 0, "finish_reason") != "tool_calls" || at(t, v, "choices", 0, "message", "content") != nil {
		t.Errorf("reply %v", v)
	}
	var id, name, text string
	for _, c := range chunksOf(t, post(t, s, "/chat/completions", `{"model":"m",`+hello+`,`+tools+`,"stream":true}`).body) {
		deltas, _ := at(t, c, "choices", 0, "delta").(map[string]any)["tool_calls"].([]any)
		for _, d := range deltas {
			part := d.(map[string]any)
			if v, ok := part["id"].(string); ok {
				id += v
			}
			if v, ok := at(t, part, "function", "name").(string); ok {
				name += v
			}
			text += at(t, part, "function", "arguments").(string)
		}
	}
	if !strings.HasPrefix(id, "call_") || strings.Count(id, "call_") != 1 || name != "get_weather" || decode(t, []byte(text))["city"] == nil {
		t.Errorf("stream: id %q, name %q, arguments %q", id, name, text)
	}
}

func TestInvalidRequestsAreRefusedAsByOpenAI(t *testing.T) {
	s := start(t, Config{Models: map[string]Script{"m": {}}, Keys: []string{"good"}})
	for _, tt := range []struct {
		body   string
		status int
		param  any
	}{
		{``, 400, nil},
		{`{"model": `, 400, nil},
		{`[1]`, 400, nil},
		{`{` + hello + `}`, 400, nil},
		{`{"model":"m"}`, 400, "messages"},
		{`{"model":"m","messages":[]}`, 400, "messages"},
		{`{"model":"m","messages":"hi"}`, 400, "messages"},
		{`{"model":"m","messages":[{"role":"wizard","content":"x"}]}`, 400, "messages[0].role"},
		{`{"model":"m","messages":[{"role":"user"}]}`, 400, "messages[0].content"},
		{`{"model":"m","messages":[{"role":"user","content":7}]}`, 400, "messages[0].content"},
		{`{"model":"m",` + hello + `,"n":0}`, 400, "n"},
		{`{"model":"m",` + hello + `,"n":"two"}`, 400, "n"},
		{`{"model":"m",` + hello + `,"temperature":3}`, 400, "temperature"},
		{`{"model":"m",` + hello + `,"stream_options":{"include_usage":true}}`, 400, "stream_options"},
		{`{"model":"m",` + hello + `,"response_format":{"type":"xml"}}`, 400, "response_format.type"},
		{`{"model":"m",` + hello + `,"tool_choice":"required"}`, 400, "tool_choice"},
		{`{"model":"m","model":"n",` + hello + `}`, 400, nil},
		{`{"model":"unknown",` + hello + `}`, 404, nil},
		{`{"model":"fault-nonsense",` + hello + `}`, 404, nil},
		{`{"model":"fault-429-0",` + hello + `}`, 404, nil},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/chat/completions", strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer good")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		data, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if e := decode(t, data)["error"]; res.StatusCode != tt.status || at(t, e, "param") != tt.param || at(t, e, "message") == "" {
			t.Errorf("%s: %d %s", tt.body, res.StatusCode, data)
		}
	}
	if r := post(t, s, "/chat/completions", `{"model":"m",`+hello+`}`); r.status != 401 {
		t.Errorf("no key: %d %s", r.status, r.body)
	}
	if r := post(t, s, "/nowhere", `{}`); r.status != 404 {
		t.Errorf("unknown path: %d %s", r.status, r.body)
	}
	if r := post(t, s, "/models", `{}`); r.status != 405 {
		t.Errorf("wrong method: %d %s", r.status, r.body)
	}
	if billed := s.Billed(); len(billed) != 0 {
		t.Errorf("refused calls were billed: %v", billed)
	}
}
