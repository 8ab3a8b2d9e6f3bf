package standin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// chatFields are what OpenAI knows of a chat request.
var chatFields = []string{
	"audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "max_completion_tokens", "max_tokens",
	"messages", "metadata", "modalities", "model", "moderation", "n", "parallel_tool_calls", "prediction", "presence_penalty",
	"prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning_effort", "response_format",
	"safety_identifier", "seed", "service_tier", "stop", "store", "stream", "stream_options", "temperature", "tool_choice",
	"tools", "top_logprobs", "top_p", "user", "verbosity", "web_search_options",
}

var chatRoles = []string{"developer", "system", "user", "assistant", "tool", "function"}

// tokensPerMessage and tokensPerPrompt are what the chat format adds.
const (
	tokensPerMessage = 4
	tokensPerPrompt  = 3
)

type toolDefinition struct {
	Type     string `json:"type"`
	Function struct {
		Name       string         `json:"name"`
		Parameters jsontext.Value `json:"parameters"`
	} `json:"function"`
}

func parseChat(b *body) want {
	w := want{model: b.model(), n: 1}
	w.prompt, w.tokens = parseMessages(b)
	if b.has("n") {
		w.n = b.integer("n", 1, 128)
	}
	b.number("temperature", 0, 2)
	b.number("top_p", 0, 1)
	b.number("presence_penalty", -2, 2)
	b.number("frequency_penalty", -2, 2)
	b.read("stream", "a boolean", &w.stream)
	var options struct {
		IncludeUsage bool `json:"include_usage"`
	}
	b.read("stream_options", "an object", &options)
	if b.has("stream_options") && !w.stream {
		b.refuse("", "stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
	}
	w.withUsage = options.IncludeUsage
	w.limit = b.integer("max_tokens", 1, 1<<30)
	if b.has("max_completion_tokens") {
		w.limit = b.integer("max_completion_tokens", 1, 1<<30)
	}
	if w.stop = b.texts("stop"); len(w.stop) > 4 {
		b.refuse("invalid_value", "stop", "Invalid 'stop': array too long. Expected an array with at most 4 elements, but got %d.", len(w.stop))
	}
	b.read("logprobs", "a boolean", &w.logprobs)
	w.top = b.integer("top_logprobs", 0, 20)
	if b.has("top_logprobs") && !w.logprobs {
		b.refuse("", "top_logprobs", "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.")
	}
	parseFormat(b, &w)
	parseTools(b, &w)
	w.strictFault = chatStrict(b)
	return w
}

// chatStrict returns what the fault "strict" refuses in a chat request.
func chatStrict(b *body) *apiError {
	var store bool
	b.read("store", "a boolean", &store)
	switch {
	case b.has("reasoning_effort"):
		return invalid("", "", "Unrecognized request argument supplied: reasoning_effort")
	case b.has("metadata") && !store:
		return invalid("", "metadata", "The 'metadata' parameter is only allowed when 'store' is enabled.")
	case b.has("max_tokens") && b.has("max_completion_tokens"):
		return invalid("invalid_parameter_combination", "max_tokens", "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.")
	}
	return b.unknownField(chatFields)
}

// parseMessages returns the texts of the messages, and their tokens.
func parseMessages(b *body) (prompt string, tokens int64) {
	if !b.has("messages") {
		b.refuse("missing_required_parameter", "messages", "Missing required parameter: 'messages'.")
		return "", 0
	}
	var messages []struct {
		Role      string         `json:"role"`
		Content   jsontext.Value `json:"content"`
		Name      string         `json:"name"`
		ToolCalls []struct {
			Function ToolCall `json:"function"`
		} `json:"tool_calls"`
	}
	b.read("messages", "an array of objects", &messages)
	if b.fault == nil && len(messages) == 0 {
		b.refuse("empty_array", "messages", "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.")
	}
	var texts []string
	n := tokensPerPrompt
	for i, m := range messages {
		path := fmt.Sprintf("messages[%d]", i)
		if !slices.Contains(chatRoles, m.Role) {
			b.refuse("invalid_value", path+".role", "Invalid value: '%s'. Supported values are: %s.", m.Role, strings.Join(chatRoles, ", "))
		}
		if len(m.Content) == 0 && m.Role != "assistant" {
			b.refuse("missing_required_parameter", path+".content", "Missing required parameter: '%s.content'.", path)
		}
		text := b.contentText(m.Content, path+".content")
		texts = append(texts, text)
		n += tokensPerMessage + countTokens(text) + countTokens(m.Name)
		for _, call := range m.ToolCalls {
			n += countTokens(call.Function.Name) + countTokens(call.Function.Arguments)
		}
	}
	return strings.Join(texts, "\n"), int64(n)
}

// parseFormat reads response_format.
func parseFormat(b *body, w *want) {
	var format struct {
		Type       string `json:"type"`
		JSONSchema struct {
			Name   string         `json:"name"`
			Schema jsontext.Value `json:"schema"`
		} `json:"json_schema"`
	}
	b.read("response_format", "an object", &format)
	if !b.has("response_format") {
		return
	}
	switch format.Type {
	case "text":
	case "json_object":
		w.schema = anyObject
	case "json_schema":
		if w.schema = format.JSONSchema.Schema; format.JSONSchema.Name == "" {
			b.refuse("missing_required_parameter", "response_format.json_schema.name", "Missing required parameter: 'response_format.json_schema.name'.")
		}
		if len(w.schema) == 0 {
			w.schema = anyObject
		}
	default:
		b.refuse("invalid_value", "response_format.type", "Invalid value: '%s'. Supported values are: 'text', 'json_object', and 'json_schema'.", format.Type)
	}
}

// parseTools finds the function that has to be called: the one that tool_choice
// names, or the first where any has to be.
func parseTools(b *body, w *want) {
	var tools []toolDefinition
	b.read("tools", "an array of objects", &tools)
	w.tokens += int64(countTokens(string(b.fields["tools"])))
	if !b.has("tool_choice") {
		return
	}
	if len(tools) == 0 {
		b.refuse("", "tool_choice", "'tool_choice' is only allowed when 'tools' are specified.")
		return
	}
	var named struct {
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	}
	name := ""
	switch choice := b.fields["tool_choice"]; choice.Kind() {
	case '"':
		var word string
		b.read("tool_choice", "a string or an object", &word)
		if word == "required" {
			name = tools[0].Function.Name
		}
	default:
		b.read("tool_choice", "a string or an object", &named)
		name = named.Function.Name
	}
	for _, t := range tools {
		if t.Function.Name == name && name != "" {
			if w.tool, w.schema = name, t.Function.Parameters; len(w.schema) == 0 {
				w.schema = anyObject
			}
			return
		}
	}
	if name != "" {
		b.refuse("invalid_value", "tool_choice.function.name", "Tool choice '%s' not found in 'tools' parameter.", name)
	}
}
