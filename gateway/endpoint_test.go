package gateway_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"

	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/gateway/upstream"
	"github.com/drover-llm/drover/policy"
)

// metered checks that a request left one outcome that says what the stand-in
// bills.
func (h *house) metered(model string) policy.Outcome {
	h.t.Helper()
	o := h.outcomes(1)[0]
	if want := h.billed(model); o.Cost == nil || *o.Cost != want {
		h.t.Errorf("journalled %v, the provider bills %s", o.Cost, want)
	}
	if o.Status != http.StatusOK || o.Model != model || o.Way != "direct" || len(o.Calls) != 1 || o.Calls[0].Counted {
		h.t.Errorf("outcome %+v", o)
	}
	return o
}

// postTo is post for another endpoint.
func (h *house) postTo(path, body string) (*http.Response, []byte) {
	h.t.Helper()
	r := h.request(h.t.Context(), body)
	r.URL.Path = path
	return h.do(r)
}

func ask(text string) responses.ResponseNewParams {
	return responses.ResponseNewParams{Model: "auto", Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(text)}}
}

func TestResponseIsPassedOnAndMetered(t *testing.T) {
	h := open(t, standin.Config{Models: map[string]standin.Script{"gpt-4o": {Answers: []standin.Answer{{Text: "hello", Usage: &standin.Usage{Prompt: 1001, CachedPrompt: 1000, Completion: 7}}}}}})
	q := ask("Say hello.")
	q.SetExtraFields(map[string]any{"verify": map[string]any{"tests": "assert True"}})
	q.MaxOutputTokens = openai.Int(50)
	var raw *http.Response
	reply, err := ptr(h.client()).Responses.New(t.Context(), q, option.WithResponseInto(&raw))
	if err != nil {
		t.Fatal(err)
	}
	if reply.OutputText() != "hello" || reply.Status != "completed" || reply.Model != "gpt-4o" || reply.Usage.InputTokensDetails.CachedTokens != 1000 {
		t.Errorf("reply %s", reply.RawJSON())
	}
	if got := reply.Usage.JSON.ExtraFields["cost"].Raw(); got != "0.0013225" || raw.Header.Get("x-drover-cost-usd") != got {
		t.Errorf("usage.cost is %s, the header %s", got, raw.Header.Get("x-drover-cost-usd"))
	}
	if got := raw.Header.Get("x-drover-warnings"); !strings.HasPrefix(got, "verify: left out") {
		t.Errorf("x-drover-warnings: %q", got)
	}
	if sent := string(h.models.Requests()[0].Body); strings.Contains(sent, "verify") || !strings.Contains(sent, `"max_output_tokens":50`) {
		t.Errorf("the provider got %s", sent)
	}
	if o := h.metered("gpt-4o"); o.Route != "auto" || o.Calls[0].Finish != "stop" {
		t.Errorf("outcome %+v", o)
	}
}

func TestResponseStreamIsPassedOnAndMetered(t *testing.T) {
	h := open(t, standin.Config{})
	stream := ptr(h.client()).Responses.NewStreaming(t.Context(), ask("Say hello."))
	var text, last string
	var final responses.Response
	for n := int64(0); stream.Next(); n++ {
		e := stream.Current()
		if e.SequenceNumber != n {
			t.Errorf("event %d has the number %d", n, e.SequenceNumber)
		}
		if n == 0 && e.Type != "response.created" {
			t.Errorf("the first event is %s", e.Type)
		}
		if e.Type == "response.output_text.delta" {
			text += e.Delta
		}
		last, final = e.Type, e.Response
	}
	if stream.Err() != nil || last != "response.completed" || text == "" || final.OutputText() != text || final.Model != "gpt-4o" {
		t.Fatalf("%v, last event %s, text %q, response %s", stream.Err(), last, text, final.RawJSON())
	}
	o := h.metered("gpt-4o")
	if got := final.Usage.JSON.ExtraFields["cost"].Raw(); got != o.Cost.String() {
		t.Errorf("usage.cost is %s, journalled %s", got, o.Cost)
	}
}

func TestAbortedResponseStreamIsCountedHere(t *testing.T) {
	h := open(t, standin.Config{Default: standin.Script{Chunks: 2000, PerChunk: 1e6}})
	ctx, leave := context.WithCancel(t.Context())
	stream := ptr(h.client()).Responses.NewStreaming(ctx, ask("Say hello at great length."))
	for n := 0; n < 20 && stream.Next(); n++ {
	}
	leave()
	stream.Close()
	o := h.outcomes(1)[0]
	if o.Status != 499 || o.Cost == nil || len(o.Calls) != 1 || !o.Calls[0].Counted || o.Calls[0].Usage.Completion == 0 || o.Calls[0].Usage.Prompt == 0 {
		t.Errorf("outcome %+v", o)
	}
}

func TestCutResponseStreamEndsInAnErrorEvent(t *testing.T) {
	h := open(t, standin.Config{}, "fault-cut")
	q := ask("Say hello.")
	q.Model = "fault-cut"
	stream := ptr(h.client()).Responses.NewStreaming(t.Context(), q)
	var types []string
	for stream.Next() {
		types = append(types, stream.Current().Type)
	}
	if stream.Err() == nil || !strings.Contains(stream.Err().Error(), "broke off") || types[len(types)-1] != "response.failed" {
		t.Errorf("%v after %v", stream.Err(), types)
	}
	_, text := h.postTo("/v1/responses", `{"model":"fault-cut","input":"hi","stream":true}`)
	end := string(text[strings.LastIndex(string(text), "event: "):])
	for _, want := range []string{"event: error\n", `"type":"error"`, `"error":{"message":`, `"param":null`, `"code":"upstream_error"`} {
		if !strings.Contains(end, want) {
			t.Errorf("%s is not in the last event: %s", want, end)
		}
	}
}

func TestResponsesRefuse(t *testing.T) {
	h := openWith(t, standin.Config{}, upstream.Config{Dialect: "together"}, map[string]gateway.RouteConfig{"auto": {Direct: gateway.Names{"gpt-4o"}}})
	for body, want := range map[string]string{
		`{"model":"auto","input":"hi"}`:                       "has no /responses",
		`{"model":"nope","input":"hi"}`:                       `"param":"model","code":"model_not_found"`,
		`{"model":"auto"}`:                                    `"param":"input","code":"missing_required_parameter"`,
		`{"model":"auto","input":[]}`:                         `"param":"input"`,
		`{"model":"auto","input":[1]}`:                        `"param":"input[0]"`,
		`{"model":"auto","input":"hi","background":true}`:     `"param":"background"`,
		`{"model":"auto","input":"hi","max_output_tokens":0}`: `"param":"max_output_tokens"`,
		`{"input":"hi"}`:                                      "you must provide a model",
	} {
		resp, text := h.postTo("/v1/responses", body)
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), want) {
			t.Errorf("%s: %d %s", body, resp.StatusCode, text)
		}
	}
	if n := h.ledger.Len(); n != 0 {
		t.Errorf("%d outcomes of refused requests", n)
	}
}

func TestToolsThatCannotBePricedAreLeftOut(t *testing.T) {
	h := open(t, standin.Config{})
	resp, text := h.postTo("/v1/responses", `{"model":"gpt-4o","input":"hi","reasoning":{"effort":"low"},"include":["reasoning.encrypted_content"],
		"tools":[{"type":"web_search"},{"type":"function","name":"f","parameters":{"type":"object"}},
		{"type":"mcp","server_label":"s","server_url":"https://mcp.example"},{"type":"shell","environment":{"type":"container_auto"}},
		{"type":"shell","environment":{"type":"local"}}],"tool_choice":"auto"}`)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	sent := string(h.models.Requests()[0].Body)
	if strings.Contains(sent, "web_search") || strings.Contains(sent, "mcp") || strings.Contains(sent, "container") || !strings.Contains(sent, `"local"`) || strings.Contains(sent, "reasoning") || !strings.Contains(sent, `"tools":[{"type":"function","name":"f"`) {
		t.Errorf("the provider got %s", sent)
	}
	for _, want := range []string{"tools: web_search", "tools: mcp", "tools: shell", "reasoning:", "include:"} {
		if got := resp.Header.Get("x-drover-warnings"); !strings.Contains(got, want) {
			t.Errorf("x-drover-warnings: %q has no %q", got, want)
		}
	}
}

func TestCompletionIsPassedOnAndMetered(t *testing.T) {
	h := open(t, standin.Config{})
	client := h.client()
	reply, err := client.Completions.New(t.Context(), openai.CompletionNewParams{Model: "auto", MaxTokens: openai.Int(5), N: openai.Int(2),
		Prompt: openai.CompletionNewParamsPromptUnion{OfArrayOfStrings: []string{"Say hi", "Say ho"}}})
	if err != nil || len(reply.Choices) != 4 || reply.Choices[3].Index != 3 || reply.Choices[0].FinishReason != "length" || !strings.HasPrefix(reply.ID, "cmpl-") {
		t.Fatalf("%+v, %v", reply, err)
	}
	h.metered("gpt-4o")
}

func TestCompletionStreamIsPassedOnAndMetered(t *testing.T) {
	h := open(t, standin.Config{})
	client := h.client()
	stream := client.Completions.NewStreaming(t.Context(), openai.CompletionNewParams{Model: "auto",
		Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String("Say hi")}, StreamOptions: openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)}})
	text, ends, usages := "", 0, 0
	for stream.Next() {
		c := stream.Current()
		for _, choice := range c.Choices {
			text += choice.Text
			if choice.FinishReason != "" {
				ends++
			}
		}
		if c.Usage.TotalTokens > 0 {
			usages++
		}
	}
	if stream.Err() != nil || text == "" || ends != 1 || usages != 1 {
		t.Errorf("%v: text %q, %d ends, %d usages", stream.Err(), text, ends, usages)
	}
	h.metered("gpt-4o")
}

func TestEmbeddingsInBothFormats(t *testing.T) {
	h := open(t, standin.Config{})
	client := h.client()
	embed := func(format openai.EmbeddingNewParamsEncodingFormat) *openai.CreateEmbeddingResponse {
		reply, err := client.Embeddings.New(t.Context(), openai.EmbeddingNewParams{Model: "gpt-4o", Dimensions: openai.Int(8), EncodingFormat: format,
			Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"a", "b"}}})
		if err != nil {
			t.Fatal(err)
		}
		return reply
	}
	plain := embed("float")
	if len(plain.Data) != 2 || len(plain.Data[1].Embedding) != 8 || plain.Data[1].Index != 1 || plain.Usage.PromptTokens == 0 || plain.Model != "gpt-4o" {
		t.Fatalf("%s", plain.RawJSON())
	}
	h.metered("gpt-4o")
	packed := unmarshal[struct {
		Data []struct{ Embedding string }
	}](t, []byte(embed("base64").RawJSON()))
	raw, err := base64.StdEncoding.DecodeString(packed.Data[1].Embedding)
	if err != nil || len(raw) != 32 || math.Float32frombits(binary.LittleEndian.Uint32(raw[28:])) != float32(plain.Data[1].Embedding[7]) {
		t.Errorf("%v: %q", err, packed.Data[1].Embedding)
	}
}

func TestEmbeddingsAndCompletionsRefuse(t *testing.T) {
	h := open(t, standin.Config{})
	for _, c := range []struct{ path, body, param string }{
		{"/v1/embeddings", `{"model":"gpt-4o"}`, "input"},
		{"/v1/embeddings", `{"model":"gpt-4o","input":[]}`, "input"},
		{"/v1/embeddings", `{"model":"gpt-4o","input":["a",1]}`, "input[1]"},
		{"/v1/embeddings", `{"model":"gpt-4o","input":[1,"a"]}`, "input"},
		{"/v1/embeddings", `{"model":"gpt-4o","input":"a","encoding_format":"hex"}`, "encoding_format"},
		{"/v1/embeddings", `{"model":"gpt-4o","Input":"a"}`, "Input"},
		{"/v1/completions", `{"model":"gpt-4o"}`, "prompt"},
		{"/v1/completions", `{"model":"gpt-4o","prompt":"a","n":3,"best_of":2}`, "best_of"},
		{"/v1/completions", `{"model":"gpt-4o","prompt":["a",{}]}`, "prompt[1]"},
	} {
		resp, text := h.postTo(c.path, c.body)
		e := unmarshal[struct{ Error struct{ Param string } }](t, text)
		if resp.StatusCode != http.StatusBadRequest || e.Error.Param != c.param {
			t.Errorf("%s %s: %d %s", c.path, c.body, resp.StatusCode, text)
		}
	}
	var failed *openai.Error
	if _, err := ptr(h.client()).Models.Get(t.Context(), "nope"); !errors.As(err, &failed) || failed.StatusCode != http.StatusNotFound {
		t.Error(err)
	}
}
