package gateway

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/pricing"
)

// adapt returns the request as the model's host takes it, and a sentence for
// everything that was left out or changed. The request itself is not touched:
// another model may be asked after this one.
func adapt(q *openai.ChatRequest, m Model) (*openai.ChatRequest, []string) {
	if q.Endpoint() != openai.Chat {
		return adaptPassed(q, m)
	}
	llama, gpt4o, host := m.Family == pricing.Llama3, isGPT4o(m), m.Client.Dialect()
	adapted := *q
	adapted.Object = make(openai.Object, 0, len(q.Object)+1)
	var warnings []string
	warn := func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	limited := false  // the output limit was written
	toolless := false // all tools were left out
	for _, f := range q.Object {
		sent := f.Name
		switch {
		case f.Value.Kind() == 'n', f.Name == "stop" && string(f.Value) == "[]":
			continue // what is null or empty is what is left out
		case f.Name == "verify":
			continue // Drover's own; see search.Task.Request
		case f.Name == "stream_options":
			continue // set below
		case f.Name == "metadata" && q.Get("store").Kind() != 't':
			warn("metadata: left out, since providers take it only with store: true")
			continue
		case f.Name == "reasoning_effort" && gpt4o:
			warn("reasoning_effort: left out, since GPT-4o does not take it")
			continue
		case f.Name == "service_tier" && !standardTier[openai.Text(f.Value)]:
			warn("service_tier: left out, since the prices that Drover knows are those of the standard tier")
			continue
		case llama && notForLlama[f.Name]:
			warn("%s: left out, since hosts of Llama have no use for it", f.Name)
			continue
		case host.Without(f.Name):
			warn("%s: left out, since %s does not take it", f.Name, host.Name)
			continue
		case f.Name == "max_tokens", f.Name == "max_completion_tokens":
			if limited {
				continue
			}
			limited = true
			if f.Name = host.MaxTokens; f.Name == "" {
				f.Name = limitName(q, sent, llama, gpt4o || m.Family == pricing.GPT4o)
			}
			f.Value = jsontext.Value(strconv.FormatInt(q.MaxTokens, 10)) // the lower one, which the ceiling was held for
		case f.Name == "tools":
			var left []string
			f.Value, left = withoutBilled(f.Value, hostedTool)
			for _, kind := range left {
				warn("tools: %s left out, since the provider runs it, and it costs what Drover cannot price", kind)
			}
			if toolless = f.Value == nil; toolless {
				continue
			}
		case f.Name == "messages":
			if llama {
				f.Value = withoutDeveloper(q, f.Value)
			}
			if host.NoNames && slices.ContainsFunc(q.Messages, func(m openai.Message) bool { return m.Name != "" }) {
				f.Value = openai.WithoutNames(f.Value)
				warn("messages: names left out, since %s does not take them", host.Name)
			}
		}
		adapted.Object = append(adapted.Object, f)
	}
	if choice := adapted.Get("tool_choice"); choice != nil && (toolless || choice.Kind() == '{' && hostedTool(choice)) {
		adapted.Object = slices.DeleteFunc([]openai.Member(adapted.Object), func(f openai.Member) bool { return f.Name == "tool_choice" })
		warn("tool_choice: left out with its tool")
	}
	if q.Stream { // every stream is asked for its usage, whoever else wants it
		adapted.Set("stream_options", jsontext.Value(`{"include_usage":true}`))
	}
	return &adapted, warnings
}

// hostedTool reports whether a tool of a chat request, or the choice of one, is the
// provider's: the client runs functions and custom tools itself.
func hostedTool(tool jsontext.Value) bool {
	o, err := openai.DecodeObject(tool)
	switch kind := openai.Text(o.Get("type")); kind {
	case "function", "custom", "allowed_tools", "":
		return false
	default:
		return err == nil
	}
}

// paidFields are fields of chat requests by which a provider searches or runs
// programs, and charges for that beside tokens.
var paidFields = []string{"web_search_options", "search_parameters", "search_options", "enable_search", "plugins", "compound_custom"}

// paidModels are parts of the names of models that do so unasked.
var paidModels = []string{"compound", ":online", "sonar", "search-preview", "search-api", "deep-research"}

// runsTools reports whether the provider may charge for more than the tokens of a
// request: nobody here can bound that.
func runsTools(q *openai.ChatRequest, m Model) bool {
	for _, name := range paidFields {
		if v := q.Get(name); v != nil && v.Kind() != 'n' && v.Kind() != 'f' && string(v) != "[]" {
			return true
		}
	}
	name := strings.ToLower(m.Client.Model())
	return slices.ContainsFunc(paidModels, func(part string) bool { return strings.Contains(name, part) })
}

// limitName is the one field that tells the host the output limit: of two that
// the client sent, and of one that the host does not know.
func limitName(q *openai.ChatRequest, sent string, llama, gpt4o bool) string {
	both := q.Get("max_tokens") != nil && q.Get("max_completion_tokens") != nil
	switch {
	case llama:
		return "max_tokens"
	case both && gpt4o:
		return "max_completion_tokens"
	case both:
		return "max_tokens"
	}
	return sent
}

// standardTier are the words of service_tier that cost the listed prices.
var standardTier = map[string]bool{"auto": true, "default": true}

// notForLlama are OpenAI's fields that mean something to OpenAI alone; some hosts
// of Llama refuse a request that has them.
var notForLlama = map[string]bool{
	"store": true, "metadata": true, "service_tier": true, "prompt_cache_key": true, "safety_identifier": true,
	"verbosity": true, "reasoning_effort": true, "prediction": true, "modalities": true, "audio": true, "web_search_options": true,
}

// withoutDeveloper renames the role developer, which hosts of Llama do not know,
// to system.
func withoutDeveloper(q *openai.ChatRequest, messages jsontext.Value) jsontext.Value {
	for _, m := range q.Messages {
		if m.Role == "developer" {
			return openai.RenameRole(messages, "developer", "system")
		}
	}
	return messages
}
