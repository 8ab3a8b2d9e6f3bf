package openai

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func TestChoiceIsWrittenAsOpenAIWould(t *testing.T) {
	reply, err := DecodeChatResponse([]byte(`{"id":"x","choices":[{"index":7,"message":{"role":"assistant","content":"hi","reasoning":"r","tool_calls":null},"finish_reason":"eos","seed":3}],"usage":{"prompt_tokens":5,"completion_tokens":2.0,"prompt_tokens_details":{"cached_tokens":4},"queue_time":0.1,"cost":9},"service_tier":"on_demand","x_groq":{"id":"q"}}`))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"index":0,"message":{"role":"assistant","content":"hi","refusal":null,"reasoning":"r"},"logprobs":null,"finish_reason":"stop","seed":3}`
	if got := string(reply.Choices[0].AppendJSON(nil, 0)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if u := reply.Usage; u.Prompt != 5 || u.CachedPrompt != 4 || u.Completion != 2 {
		t.Errorf("usage %+v", u)
	}
	const usage = `{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7,"prompt_tokens_details":{"cached_tokens":4},"queue_time":0.1,"cost":0.5}`
	if got := string(reply.Usage.AppendJSON(nil, "0.5")); got != usage {
		t.Errorf("got  %s\nwant %s", got, usage)
	}
	if got := string(AppendRest(nil, reply.Object)); got != `,"x_groq":{"id":"q"}` {
		t.Errorf("rest %s", got)
	}
}

func TestDecodeChatResponseRefusesWhatNobodyCouldUse(t *testing.T) {
	for _, body := range []string{``, `null`, `[]`, `{}`, `{"choices":[]}`, `{"choices":{}}`, `{"choices":[1]}`, `{"choices":[{"message":7}]}`, `{"choices":[{"message":{"content":"a"}}]`, `<html>`} {
		if _, err := DecodeChatResponse([]byte(body)); err == nil {
			t.Errorf("took %s", body)
		}
	}
}

func TestUsageThatIsNoneIsNil(t *testing.T) {
	for _, body := range []string{`null`, `7`, `{}`, `{"prompt_tokens":-1,"completion_tokens":2}`, `{"prompt_tokens":1,"completion_tokens":"2"}`, `{"prompt_tokens":1.5,"completion_tokens":2}`, `{"prompt_tokens":1e30,"completion_tokens":2}`} {
		if u := decodeUsage(jsontext.Value(body)); u != nil {
			t.Errorf("%s gave %+v", body, u)
		}
	}
	if u := decodeUsage(jsontext.Value(`{"prompt_tokens":1,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":9}}`)); u.CachedPrompt != 1 {
		t.Errorf("more cached tokens than prompt tokens: %+v", u)
	}
}

func TestDecodeChunk(t *testing.T) {
	c, err := DecodeChunk([]byte(`{"id":"a","choices":[{"index":1,"delta":{"role":"assistant","content":"x"},"finish_reason":"stop","logprobs":null}],"usage":{"prompt_tokens":1,"completion_tokens":1}}`))
	if err != nil {
		t.Fatal(err)
	}
	d := c.Choices[0]
	if d.Index != 1 || !d.Ended || d.Empty() || d.Finish() != "stop" || c.Usage == nil || string(d.AppendText(nil)) != "x" {
		t.Errorf("read %+v", c)
	}
	if got := string(d.AppendJSON(nil)); got != `{"index":1,"delta":{"content":"x"},"logprobs":null,"finish_reason":null}` {
		t.Error(got)
	}
	if _, err := DecodeChunk([]byte(`{"error":{"message":"gone","type":"server_error"}}`)); !errors.As(err, new(*Error)) {
		t.Errorf("an error event gave %v", err)
	}
	if _, err := DecodeChunk([]byte(`{"error":null,"choices":[]}`)); err != nil {
		t.Errorf("a null error gave %v", err)
	}
}

func TestDecodeErrorReadsEveryHost(t *testing.T) {
	for body, want := range map[string]string{
		`{"error":{"message":"m","type":"t","param":null,"code":"c"}}`: "m",
		`{"error":"just text"}`: "just text",
		`{"object":"error","message":"vllm","type":"BadRequestError","code":400}`: "vllm",
		`{"detail":"Not Found"}`: "Not Found",
	} {
		if e := DecodeError([]byte(body)); e == nil || e.Message != want {
			t.Errorf("%s gave %v", body, e)
		}
	}
	if e := DecodeError([]byte(`<html>502</html>`)); e != nil {
		t.Errorf("HTML gave %v", e)
	}
}

func TestErrorBodyHasAllFourKeys(t *testing.T) {
	got := string((&Error{Message: "a \"b\"\xff", Type: "t"}).AppendJSON(nil))
	if got != `{"error":{"message":"a \"b\"`+"\ufffd"+`","type":"t","param":null,"code":null}}` {
		t.Error(got)
	}
}

// Whatever a provider sends, what is written of it is JSON, and what was read in one
// pass is what its parts say one by one.
func FuzzChunk(f *testing.F) {
	f.Add([]byte(`{"choices":[{"index":0,"delta":{"content":"x","tool_calls":[{"index":0}]},"finish_reason":null}],"x":1}`))
	f.Add([]byte(`{"choices":[{"delta":{"a":null,"b":1},"finish_reason":"eos"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}`))
	f.Add([]byte(`{"choices": [ {"delta" : {} } , {"index":1,"delta":null},{"index":2}] , "choices":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := DecodeChunk(data)
		if err != nil {
			return
		}
		rest := append([]byte(`{"a":1`), append(AppendRest(nil, c.Object), '}')...)
		if !jsontext.Value(rest).IsValid(lenient...) {
			t.Fatalf("rest: %s", rest)
		}
		choices := c.Get("choices")
		if one := Objects(choices); choices.Kind() == '[' && len(one) != len(c.Choices) {
			t.Fatalf("%d choices of %s", len(c.Choices), choices)
		}
		for i, d := range c.Choices {
			if choices.Kind() == '[' && string(d.Object.AppendJSON(nil)) != string(Objects(choices)[i].AppendJSON(nil)) {
				t.Fatalf("choice %d of %s is %s", i, choices, d.Object.AppendJSON(nil))
			}
			if delta, _ := DecodeObject(d.Get("delta")); string(d.Delta.AppendJSON(nil)) != string(delta.AppendJSON(nil)) {
				t.Fatalf("delta of %s is %s", d.Object.AppendJSON(nil), d.Delta.AppendJSON(nil))
			}
			if b := d.AppendJSON(nil); !jsontext.Value(b).IsValid(lenient...) {
				t.Fatalf("delta: %s", b)
			}
			if strings.Contains(d.Finish(), "eos") {
				t.Fatal("an unknown finish reason")
			}
		}
	})
}
