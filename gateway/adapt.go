package gateway

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/pricing"
)

// adapt returns the request as a host of this family of models takes it, and a
// sentence for everything that was left out or renamed. The request itself is
// not touched: another model may be asked after this one.
func adapt(q *openai.ChatRequest, family pricing.Family) (*openai.ChatRequest, []string) {
	adapted := *q
	adapted.Object = make(openai.Object, 0, len(q.Object)+1)
	var warnings []string
	warn := func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	for _, m := range q.Object {
		switch {
		case m.Name == "verify":
			warn("verify: this route runs no tests; the field was not used")
			continue
		case m.Value.Kind() == 'n', m.Name == "stop" && string(m.Value) == "[]":
			continue // what is null or empty is what is left out
		case m.Name == "stream_options":
			continue // set below
		case m.Name == "metadata" && q.Get("store").Kind() != 't':
			warn("metadata: left out, since providers take it only with store: true")
			continue
		case m.Name == "reasoning_effort" && family == pricing.GPT4o:
			warn("reasoning_effort: left out, since GPT-4o does not take it")
			continue
		case m.Name == "max_completion_tokens" && family == pricing.Llama3:
			if q.Get("max_tokens") == nil {
				adapted.Object = append(adapted.Object, openai.Member{Name: "max_tokens", Value: m.Value})
			}
			continue
		case m.Name == "messages" && family == pricing.Llama3:
			m.Value = withoutDeveloper(q, m.Value)
		}
		adapted.Object = append(adapted.Object, m)
	}
	if q.Stream { // every stream is asked for its usage, whoever else wants it
		adapted.Object.Set("stream_options", jsontext.Value(`{"include_usage":true}`))
	}
	return &adapted, warnings
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
