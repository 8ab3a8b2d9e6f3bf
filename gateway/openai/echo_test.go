package openai_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/drover-llm/drover/gateway/openai"
)

func TestWithoutEchoTakesThePromptOutOfAnError(t *testing.T) {
	const chat = `{"model":"gpt-4o","messages":[{"role":"system","content":"be terse, please"},{"role":"user","content":[{"type":"text","text":"my password is\nhunter2-forever"},{"type":"text","text":"ßecret"}]}],"max_tokens":100000}`
	for name, tt := range map[string]struct{ text, body, want string }{
		"nothing repeated":   {"max_tokens is too large: 100000. This model supports at most 16384 completion tokens.", chat, "max_tokens is too large: 100000. This model supports at most 16384 completion tokens."},
		"a part":             {"near \"password is\nhunter2-for\": not allowed", chat, "near \"[…]\": not allowed"},
		"the whole":          {"got be terse, please and be terse, please", chat, "got […] and […]"},
		"a short one":        {"bad word: ßecret.", chat, "bad word: […]."},
		"the body, escaped":  {"cannot read " + chat, chat, `cannot read {"model":"gpt-4o","messages":[{"role":"system","content":"[…]"},{"role":"user","content":[{"type":"text","text":"[…]\n[…]"},{"type":"text","text":"[…]"}]}],"max_tokens":100000}`},
		"settings stay":      {"the schema of_this_long_name is wrong", `{"messages":[],"response_format":{"json_schema":{"name":"of_this_long_name"}}}`, "the schema of_this_long_name is wrong"},
		"one word prompts":   {"hi, hi", `{"messages":[{"role":"user","content":"hi"}]}`, "hi, hi"},
		"responses":          {"x: tell me a secret", `{"input":[{"role":"user","content":[{"type":"input_text","text":"tell me a secret"}]}],"instructions":"be terse, please"}`, "x: […]"},
		"several inputs":     {"x: tell me a secret", `{"input":["first one","tell me a secret"]}`, "x: […]"},
		"arguments of calls": {`{"q":"my secret"}`, `{"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{\"q\":\"my secret\"}"}}]}]}`, "[…]"},
		"no body":            {"as it was", ``, "as it was"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := openai.WithoutEcho(tt.text, []byte(tt.body)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// Whatever a provider says around it, and however the prompt is written, no word of
// twelve bytes of a prompt is left.
func TestWithoutEchoLeavesNothingOfAPrompt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		prompt := rapid.StringN(12, 60, -1).Draw(t, "prompt")
		text := rapid.String().Draw(t, "before") + prompt + rapid.String().Draw(t, "after")
		body := append(append([]byte(`{"messages":[{"role":"user","content":`), openai.String(prompt)...), "}]}"...)
		if said := strings.TrimSpace(prompt); len(said) >= 12 {
			if left := openai.WithoutEcho(text, body); strings.Contains(left, said) {
				t.Fatalf("%q is in %q", said, left)
			}
		}
	})
}

// Neither a prompt of equal bytes that a provider quotes, nor a deep body, nor one of
// many short strings takes longer than reading it: each of these took seconds to
// minutes once.
func TestWithoutEchoIsNoWorkForAnAttacker(t *testing.T) {
	for name, tt := range map[string]struct{ text, body string }{
		"equal bytes":   {strings.Repeat("a", 64<<10), `{"messages":[{"role":"user","content":"` + strings.Repeat("a", 8<<20) + `"}]}`},
		"deep":          {"max_tokens is too large", `{"x":` + strings.Repeat("[", 9000) + `"` + strings.Repeat("b", 8<<20) + `"` + strings.Repeat("]", 9000) + `}`},
		"short strings": {strings.Repeat("x", 64<<10), `{"input":["` + strings.Repeat(`secret","`, 1<<18) + `"]}`},
	} {
		t.Run(name, func(t *testing.T) {
			done := make(chan string, 1)
			go func() { done <- openai.WithoutEcho(tt.text, []byte(tt.body)) }()
			select {
			case got := <-done:
				if len(got) > 8<<10 || strings.Contains(got, "aaaaaaaaaaaa") {
					t.Errorf("%d bytes are left: %.60s", len(got), got)
				}
			case <-time.After(time.Minute): // it takes a hundredth of that
				t.Fatal("it still works on that")
			}
		})
	}
}
