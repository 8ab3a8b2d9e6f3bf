package gateway

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/drover-llm/drover/gateway/openai"
)

// adaptPassed is adapt for a request that is passed on: what must not leave, or
// could not be charged, is taken out.
func adaptPassed(q *openai.ChatRequest, m Model) (*openai.ChatRequest, []string) {
	endpoint := q.Endpoint()
	gpt4o := isGPT4o(m)
	adapted := *q
	adapted.Object = make(openai.Object, 0, len(q.Object)+1)
	var warnings []string
	warn := func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	for _, f := range q.Object {
		switch {
		case f.Value.Kind() == 'n', f.Name == "stop" && string(f.Value) == "[]":
			continue // what is null or empty is what is left out
		case f.Name == "verify":
			warn("verify: left out, since only /v1/chat/completions tests its answers")
			continue
		case f.Name == "service_tier" && !standardTier[openai.Text(f.Value)]:
			warn("service_tier: left out, since the prices that Drover knows are those of the standard tier")
			continue
		case f.Name == "reasoning" && gpt4o:
			warn("reasoning: left out, since GPT-4o does not take it")
			continue
		case f.Name == "include" && gpt4o && strings.Contains(string(f.Value), "reasoning."):
			warn("include: left out, since GPT-4o does not reason")
			continue
		case f.Name == "tools":
			tools, left := withoutBilled(f.Value, billedTool)
			for _, kind := range left {
				warn("tools: %s left out, since it costs what Drover cannot price", kind)
			}
			if tools == nil {
				continue
			}
			f.Value = tools
		case f.Name == "tool_choice" && billedTool(f.Value):
			warn("tool_choice: left out with its tool")
			continue
		}
		adapted.Object = append(adapted.Object, f)
	}
	if q.MaxTokens > 0 && endpoint.Limit != "" {
		adapted.Set(endpoint.Limit, jsontext.Value(strconv.FormatInt(q.MaxTokens, 10)))
	}
	if q.Stream && endpoint == openai.Completions { // every stream is asked for its usage, whoever else wants it
		adapted.Set("stream_options", jsontext.Value(`{"include_usage":true}`))
	}
	return &adapted, warnings
}

// isGPT4o reports whether the model is one of the GPT-4o family.
func isGPT4o(m Model) bool { return strings.Contains(strings.ToLower(m.Client.Model()), "gpt-4o") }

// billedTool reports whether the provider runs the tool itself: it charges for
// that, and what the tool says is a prompt that nobody here can bound.
func billedTool(tool jsontext.Value) bool {
	o, _ := openai.DecodeObject(tool) // a string has no type
	kind := openai.Text(o.Get("type"))
	for _, prefix := range []string{"web_search", "file_search", "code_interpreter", "image_generation", "mcp"} {
		if strings.HasPrefix(kind, prefix) {
			return true
		}
	}
	place, err := openai.DecodeObject(o.Get("environment"))
	return kind == "shell" && err == nil && openai.Text(place.Get("type")) != "local" // in a container of the provider's
}

// withoutBilled returns the tools that cost nothing of their own, nil for none,
// and the types of the others.
func withoutBilled(tools jsontext.Value, billed func(jsontext.Value) bool) (rest jsontext.Value, left []string) {
	kept := []byte{'['}
	for _, tool := range openai.Objects(tools) {
		if billed(tool.AppendJSON(nil)) {
			left = append(left, strings.ToValidUTF8(openai.Text(tool.Get("type")), "?"))
			continue
		}
		if len(kept) > 1 {
			kept = append(kept, ',')
		}
		kept = tool.AppendJSON(kept)
	}
	if left == nil {
		return tools, nil // also what is no array of objects, which the provider refuses
	}
	if len(kept) == 1 {
		return nil, left
	}
	return append(kept, ']'), left
}
