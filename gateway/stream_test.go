package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"

	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/gateway/upstream"
)

// chunk is what the tests look at of a chunk.
type chunk struct {
	ID      string
	Created int64
	Model   string
	Object  string
	Choices []struct {
		Index  int
		Delta  map[string]any
		Finish *string `json:"finish_reason"`
	}
	Usage  map[string]any
	Verify map[string]any
	Error  map[string]any
	keys   map[string]json.RawMessage
}

// stream sends a request and returns its chunks, after checking what holds for
// every stream.
func (h *house) stream(body string) (chunks []chunk, done bool) {
	h.t.Helper()
	resp, text := h.post(body)
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-cache" || resp.Header.Get("X-Accel-Buffering") != "no" {
		h.t.Fatalf("status %d, %v: %s", resp.StatusCode, resp.Header, text)
	}
	if !strings.HasSuffix(string(text), "\n\n") {
		h.t.Errorf("the stream does not end in a blank line: %q", text)
	}
	for event := range strings.SplitSeq(strings.TrimSuffix(string(text), "\n\n"), "\n\n") {
		data, ok := strings.CutPrefix(event, "data: ")
		if !ok || strings.Contains(data, "\n") {
			h.t.Errorf("event %q", event)
		}
		if data == "[DONE]" {
			done = true
			continue
		}
		c := unmarshal[chunk](h.t, []byte(data))
		c.keys = unmarshal[map[string]json.RawMessage](h.t, []byte(data))
		chunks = append(chunks, c)
	}
	return chunks, done
}

func TestStreamFollowsTheRules(t *testing.T) {
	for _, fault := range []standin.Fault{"", standin.LlamaDeltas} {
		for _, usage := range []bool{false, true} {
			script := standin.Script{Answers: []standin.Answer{{Text: "one two three four"}}}
			if fault != "" {
				script.Faults = []standin.Fault{fault}
			}
			h := open(t, standin.Config{Models: map[string]standin.Script{"gpt-4o": script}})
			body := `{"model":"auto","stream":true,"n":2,"messages":[{"role":"user","content":"hi"}]}`
			if usage {
				body = strings.Replace(body, `"n":2`, `"n":2,"stream_options":{"include_usage":true}`, 1)
			}
			chunks, done := h.stream(body)
			if !done {
				t.Error("no [DONE]")
			}
			var text [2]string
			roles, ends := [2]int{}, [2]int{}
			for i, c := range chunks {
				last := i == len(chunks)-1
				if c.ID != chunks[0].ID || !strings.HasPrefix(c.ID, "chatcmpl-") || c.Created != chunks[0].Created || c.Model != "gpt-4o" || c.Object != "chat.completion.chunk" {
					t.Errorf("chunk %d: %+v", i, c)
				}
				if (c.Verify != nil) != last {
					t.Errorf("chunk %d of %d: verify %v", i, len(chunks), c.Verify)
				}
				if _, there := c.keys["usage"]; there != usage || (c.Usage != nil) != (usage && last) {
					t.Errorf("chunk %d: usage %v, asked %v", i, c.Usage, usage)
				}
				if (len(c.Choices) == 0) != (usage && last) {
					t.Errorf("chunk %d has %d choices", i, len(c.Choices))
				}
				for _, choice := range c.Choices {
					if _, there := choice.Delta["role"]; there {
						roles[choice.Index]++
						if choice.Delta["content"] != "" {
							t.Errorf("the first chunk of choice %d is %v", choice.Index, choice.Delta)
						}
					}
					if s, ok := choice.Delta["content"].(string); ok {
						text[choice.Index] += s
					}
					if choice.Finish != nil {
						ends[choice.Index]++
						if len(choice.Delta) > 0 {
							t.Errorf("the end of choice %d adds %v", choice.Index, choice.Delta)
						}
					} else if ends[choice.Index] > 0 {
						t.Errorf("choice %d goes on after its end", choice.Index)
					}
				}
			}
			if chunks[0].Choices[0].Index != 0 || roles != [2]int{1, 1} || ends != [2]int{1, 1} || text[0] != "one two three four" || text[1] != text[0] {
				t.Errorf("fault %q: roles %v, ends %v, text %q", fault, roles, ends, text)
			}
			o := h.outcomes(1)[0]
			if want := h.billed("gpt-4o"); *o.Cost != want || !o.Stream || o.ID != chunks[0].ID {
				t.Errorf("outcome %+v, the provider bills %s", o, want)
			}
		}
	}
}

// Whatever the client asked for, the provider is asked for its usage.
func TestStreamAsksForUsage(t *testing.T) {
	h := open(t, standin.Config{})
	h.stream(`{"model":"gpt-4o","stream":true,"stream_options":{"include_usage":false},"messages":[{"role":"user","content":"hi"}]}`)
	if body := string(h.models.Requests()[0].Body); !strings.Contains(body, `"stream_options":{"include_usage":true}`) {
		t.Error(body)
	}
}

func TestOpenAISDKReadsTheStream(t *testing.T) {
	h := open(t, standin.Config{Models: map[string]standin.Script{"gpt-4o": {Answers: []standin.Answer{{Text: "hello there"}}}}})
	s := ptr(h.client()).Chat.Completions.NewStreaming(t.Context(), openai.ChatCompletionNewParams{Model: "auto", Messages: hello,
		StreamOptions: openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)}})
	var all openai.ChatCompletionAccumulator
	verify := ""
	for s.Next() {
		if !all.AddChunk(s.Current()) {
			t.Errorf("the accumulator refuses %s", s.Current().RawJSON())
		}
		if v, ok := s.Current().JSON.ExtraFields["verify"]; ok {
			verify = v.Raw()
		}
	}
	if s.Err() != nil || all.Choices[0].Message.Content != "hello there" || all.Usage.TotalTokens == 0 || verify == "" {
		t.Errorf("got %v, %+v, verify %s", s.Err(), all.ChatCompletion, verify)
	}
}

// A cut upstream becomes one error event, and the stream closes without [DONE].
func TestBrokenStreamIsOneErrorEvent(t *testing.T) {
	for _, model := range []string{"fault-cut", "fault-event", "fault-malformed"} {
		t.Run(model, func(t *testing.T) {
			h := open(t, standin.Config{}, model)
			body := `{"model":"` + model + `","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}`
			chunks, done := h.stream(body)
			last := chunks[len(chunks)-1]
			if done || len(chunks) < 2 || last.Error == nil || last.Error["code"] != "upstream_error" || last.Error["type"] != "server_error" || len(last.Error) != 4 {
				t.Errorf("done %v, last of %d: %v", done, len(chunks), last.keys)
			}
			for _, c := range chunks[:len(chunks)-1] {
				if _, there := c.keys["error"]; there {
					t.Error("an error in a chunk")
				}
			}
			s := ptr(h.client()).Chat.Completions.NewStreaming(t.Context(), openai.ChatCompletionNewParams{Model: model, Messages: hello})
			n := 0
			for s.Next() {
				n++
			}
			if n == 0 || s.Err() == nil || !strings.Contains(s.Err().Error(), "upstream_error") {
				t.Errorf("the SDK read %d chunks and %v", n, s.Err())
			}
			for _, o := range h.outcomes(2) {
				if o.Status != 502 || o.Error != "upstream_error" || !o.Calls[0].Counted || *o.Cost == 0 {
					t.Errorf("outcome %+v", o)
				}
			}
		})
	}
}

// A chunk is with the client when the provider has sent it, not later.
func TestChunksAreNotHeldBack(t *testing.T) {
	t.Parallel()
	h := open(t, standin.Config{Models: map[string]standin.Script{"gpt-4o": {PerChunk: 400 * time.Millisecond, Answers: []standin.Answer{{Text: "a b c"}}}}})
	start := time.Now()
	resp, err := http.DefaultClient.Do(h.request(t.Context(), `{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"hi"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b := make([]byte, 4096)
	if _, err := resp.Body.Read(b); err != nil {
		t.Fatal(err)
	}
	first := time.Since(start)
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	if whole := time.Since(start); first > whole/2 {
		t.Errorf("first chunk after %v of %v", first, whole)
	}
}

func TestToolCallsAreStreamed(t *testing.T) {
	h := open(t, standin.Config{})
	s := ptr(h.client()).Chat.Completions.NewStreaming(t.Context(), openai.ChatCompletionNewParams{Model: "gpt-4o", Messages: hello,
		Tools: []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{Name: "get_weather",
			Parameters: openai.FunctionParameters{"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}}, "required": []string{"city"}}})},
		ToolChoice: openai.ToolChoiceOptionFunctionToolChoice(openai.ChatCompletionNamedToolChoiceFunctionParam{Name: "get_weather"})})
	var all openai.ChatCompletionAccumulator
	for s.Next() {
		all.AddChunk(s.Current())
	}
	if s.Err() != nil || len(all.Choices) != 1 || len(all.Choices[0].Message.ToolCalls) != 1 {
		t.Fatalf("got %v, %+v", s.Err(), all.ChatCompletion)
	}
	call := all.Choices[0].Message.ToolCalls[0]
	if call.Function.Name != "get_weather" || call.ID == "" || !json.Valid([]byte(call.Function.Arguments)) {
		t.Errorf("call %+v", call)
	}
}

// Requests that are under way when Drover loses its patience end with an error
// that says so, and are journalled.
func TestStoppingEndsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	h := open(t, standin.Config{Models: map[string]standin.Script{"gpt-4o": {PerChunk: 20 * time.Millisecond, Answers: []standin.Answer{{Text: strings.Repeat("word ", 500)}}},
		"slow": {FirstByte: 10 * time.Second}}}, "slow")
	whole := make(chan string, 1)
	go func() {
		resp, err := http.DefaultClient.Do(h.request(context.Background(), `{"model":"slow","messages":[{"role":"user","content":"hi"}]}`))
		if err != nil {
			whole <- err.Error()
			return
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		whole <- resp.Status + string(text)
	}()
	resp, err := http.DefaultClient.Do(h.request(t.Context(), `{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"hi"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	h.called("slow", 1)
	h.gateway.Drain()
	if resp, body := h.post(`{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}`); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("while stopping: %d %s", resp.StatusCode, body)
	}
	if resp, _ := get(t, h, "/readyz"); resp.StatusCode != 503 {
		t.Errorf("ready while stopping: %d", resp.StatusCode)
	}
	if resp, _ := get(t, h, "/healthz"); resp.StatusCode != 200 {
		t.Errorf("healthy: %d", resp.StatusCode)
	}
	h.cut(gateway.ErrStopping)
	text, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(text), `data: {"error":`) || !strings.Contains(string(text), "stopping") || strings.Contains(string(text), "[DONE]") {
		t.Errorf("the stream ended with %v, %q", err, text)
	}
	if got := <-whole; !strings.HasPrefix(got, "503") || !strings.Contains(got, "stopping") {
		t.Errorf("the whole reply: %s", got)
	}
	for _, o := range h.outcomes(2) {
		if o.Status != 503 || o.Cost == nil || *o.Cost == 0 {
			t.Errorf("outcome %+v", o)
		}
	}
}

func TestErrorsBeforeTheFirstByteKeepTheirStatus(t *testing.T) {
	h := openWith(t, standin.Config{}, upstream.Config{}, nil, "fault-401")
	s := ptr(h.client()).Chat.Completions.NewStreaming(t.Context(), openai.ChatCompletionNewParams{Model: "fault-401", Messages: hello})
	for s.Next() {
		t.Error("a chunk")
	}
	var e *openai.Error
	if !errors.As(s.Err(), &e) || e.StatusCode != 502 {
		t.Errorf("got %v", s.Err())
	}
}
