package standin

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var responsesEndpoint = endpoint{path: "/v1/responses", parse: parseResponses, write: writeResponses}

var responsesFields = []string{
	"background", "context_management", "conversation", "include", "input", "instructions", "max_output_tokens", "max_tool_calls",
	"metadata", "model", "moderation", "parallel_tool_calls", "previous_response_id", "prompt", "prompt_cache_key",
	"prompt_cache_options", "prompt_cache_retention", "reasoning", "safety_identifier", "service_tier", "store", "stream",
	"stream_options", "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user",
}

// echoedFields are those of a request that the response repeats, with what it
// says where the request does not.
var echoedFields = map[string]jsontext.Value{
	"instructions": jsontext.Value("null"), "max_output_tokens": jsontext.Value("null"), "metadata": jsontext.Value("{}"),
	"parallel_tool_calls": jsontext.Value("true"), "previous_response_id": jsontext.Value("null"),
	"temperature": jsontext.Value("1"), "text": jsontext.Value(`{"format":{"type":"text"}}`), "tool_choice": jsontext.Value(`"auto"`),
	"tools": jsontext.Value("[]"), "top_p": jsontext.Value("1"), "truncation": jsontext.Value(`"disabled"`), "user": jsontext.Value("null"),
}

func parseResponses(b *body) want {
	w := want{model: b.model(), n: 1, extra: map[string]jsontext.Value{}}
	w.prompt = parseInput(b)
	var instructions string
	b.read("instructions", "a string", &instructions)
	w.tokens = int64(countTokens(w.prompt) + countTokens(instructions) + countTokens(string(b.fields["tools"])) + tokensPerPrompt + tokensPerMessage)
	b.read("stream", "a boolean", &w.stream)
	b.number("temperature", 0, 2)
	b.number("top_p", 0, 1)
	if b.has("max_output_tokens") {
		w.limit = b.integer("max_output_tokens", 16, 1<<30)
	}
	var text struct {
		Format struct {
			Type   string         `json:"type"`
			Schema jsontext.Value `json:"schema"`
		} `json:"format"`
	}
	b.read("text", "an object", &text)
	switch text.Format.Type {
	case "json_schema":
		w.schema = text.Format.Schema
	case "json_object":
		w.schema = anyObject
	}
	parseResponsesTools(b, &w)
	for name, otherwise := range echoedFields {
		if w.extra[name] = otherwise; b.has(name) {
			w.extra[name] = b.fields[name]
		}
	}
	w.strictFault = b.unknownField(responsesFields)
	return w
}

// parseInput returns the texts of the input: a text, or an array of items whose
// contents are texts or parts.
func parseInput(b *body) string {
	if !b.has("input") {
		b.refuse("missing_required_parameter", "input", "Missing required parameter: 'input'.")
		return ""
	}
	if b.fields["input"].Kind() == '"' {
		var text string
		b.read("input", "a string", &text)
		return text
	}
	var items []struct {
		Content jsontext.Value `json:"content"`
		Output  jsontext.Value `json:"output"`
	}
	b.read("input", "a string or an array of objects", &items)
	var texts []string
	for i, item := range items {
		path := fmt.Sprintf("input[%d].content", i)
		texts = append(texts, b.contentText(item.Content, path))
		if item.Output.Kind() == '"' {
			texts = append(texts, b.contentText(item.Output, path))
		}
	}
	return strings.Join(texts, "\n")
}

func parseResponsesTools(b *body, w *want) {
	var tools []struct {
		Type       string         `json:"type"`
		Name       string         `json:"name"`
		Parameters jsontext.Value `json:"parameters"`
	}
	b.read("tools", "an array of objects", &tools)
	raw := b.fields["tool_choice"]
	var named struct {
		Name string `json:"name"`
	}
	required := string(raw) == `"required"`
	if raw.Kind() == '{' && json.Unmarshal(raw, &named) != nil {
		b.refuse("invalid_type", "tool_choice", "Invalid type for 'tool_choice': expected a string or an object.")
	}
	for _, t := range tools {
		if t.Type == "function" && (required || t.Name == named.Name && t.Name != "") {
			if w.tool, w.schema = t.Name, t.Parameters; len(w.schema) == 0 {
				w.schema = anyObject
			}
			return
		}
	}
}

// response is the object that replies and most events carry.
type response struct {
	ID                string                    `json:"id"`
	Object            string                    `json:"object"`
	CreatedAt         int64                     `json:"created_at"`
	Status            string                    `json:"status"`
	Error             *struct{}                 `json:"error"`
	IncompleteDetails *incomplete               `json:"incomplete_details"`
	Model             string                    `json:"model"`
	Output            []outputItem              `json:"output"`
	Usage             *responseUsage            `json:"usage"`
	ServiceTier       string                    `json:"service_tier"`
	SystemFingerprint string                    `json:"system_fingerprint"`
	Extra             map[string]jsontext.Value `json:",embed"`
}

type incomplete struct {
	Reason string `json:"reason"`
}

type responseUsage struct {
	InputTokens  int64 `json:"input_tokens"`
	InputDetails struct {
		CachedTokens int64 `json:"cached_tokens"`
	} `json:"input_tokens_details"`
	OutputTokens  int64 `json:"output_tokens"`
	OutputDetails struct {
		ReasoningTokens int64 `json:"reasoning_tokens"`
	} `json:"output_tokens_details"`
	TotalTokens int64 `json:"total_tokens"`
}

// outputItem is a message or a call of a function.
type outputItem struct {
	ID     string `json:"id"`
	Type   string `json:"type"`
	Status string `json:"status"`

	Role    string        `json:"role,omitzero"`
	Content []contentPart `json:"content,omitzero"`

	CallID    string  `json:"call_id,omitzero"`
	Name      string  `json:"name,omitzero"`
	Arguments *string `json:"arguments,omitzero"`
}

type contentPart struct {
	Type        string   `json:"type"`
	Text        string   `json:"text"`
	Annotations []string `json:"annotations"` // always empty
	Logprobs    []string `json:"logprobs"`    // always empty
}

func textPart(text string) contentPart { return contentPart{Type: "output_text", Text: text} }

// respond returns the finished response.
func (c *call) respond() response {
	r := c.respondEmpty()
	r.Status = "completed"
	for _, one := range c.choices {
		status := "completed"
		if one.finish == "length" {
			status, r.Status, r.IncompleteDetails = "incomplete", "incomplete", &incomplete{"max_output_tokens"}
		}
		if one.text != "" || one.tool == nil {
			r.Output = append(r.Output, outputItem{
				ID: c.server.id("msg_"), Type: "message", Status: status, Role: "assistant", Content: []contentPart{textPart(one.text)},
			})
		}
		if one.tool != nil {
			r.Output = append(r.Output, outputItem{
				ID: c.server.id("fc_"), Type: "function_call", Status: status,
				CallID: c.server.id("call_"), Name: one.tool.Name, Arguments: &one.tool.Arguments,
			})
		}
	}
	if !c.has(NoUsage) {
		u := &responseUsage{InputTokens: c.usage.Prompt, OutputTokens: c.usage.Completion, TotalTokens: c.usage.Prompt + c.usage.Completion}
		u.InputDetails.CachedTokens = c.usage.CachedPrompt
		u.OutputDetails.ReasoningTokens = c.usage.Reasoning
		r.Usage = u
	}
	return r
}

// respondEmpty returns the response before anything was produced.
func (c *call) respondEmpty() response {
	return response{
		ID: c.server.id("resp_"), Object: "response", CreatedAt: c.server.config.Now().Unix(), Status: "in_progress",
		Model: c.request.Model, ServiceTier: "default", SystemFingerprint: c.fingerprint(), Extra: c.want.extra,
	}
}

func writeResponses(c *call) {
	if c.want.stream {
		streamResponse(c)
		return
	}
	c.writeWhole(encode(c.respond()))
}
