package search

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/sandbox"
)

// How a search that found nothing goes to the strong model.
const (
	EscalateFresh  = "fresh"  // with the request alone
	EscalateRepair = "repair" // with the best failing attempt
)

// Request is what a model is sent for the task: the client's request without the
// verify field and the suite's id. The tests stand behind the last user message
// when the models may see them and it has none of them yet. q is not touched.
func (t Task) Request(q *openai.ChatRequest) *openai.ChatRequest {
	sent := *q
	sent.Object = q.Object.Without("verify").Clone()
	if metadata := sent.Get("metadata"); metadata.Kind() == '{' {
		if o, err := openai.DecodeObject(metadata); err == nil && o.Delete("verify_suite") {
			if len(o) == 0 {
				sent.Delete("metadata")
			} else {
				sent.Set("metadata", o.AppendJSON(nil))
			}
		}
	}
	if model, suite := CutSuite(q.Model); suite != "" {
		sent.Model = model
		sent.Set("model", openai.String(model))
	}
	if t.Show == ShowAll && t.Source != SourcePrompt && t.Spec.HasTests() {
		return withText(&sent, t.shown())
	}
	return &sent
}

// RepairMessages is how many messages a repair adds to the request.
const RepairMessages = 2

// bytesPerToken is what a token of code has, generously, with the escapes of JSON.
const bytesPerToken = 5

// RepairRoom is how many bytes more than the task's own request a repair may
// have, for an attempt of so many tokens: a true attempt may need more, and is
// then not shown.
func (t Task) RepairRoom(tokens int64) int {
	room := 512 + bytesPerToken*int(min(tokens, repairTokens))
	if t.Show == ShowAll {
		room += 2 * maxFailure
	}
	return room
}

const (
	repairTokens = 4096 // of an attempt; one that is longer is better begun afresh
	maxFailure   = 2000 // bytes of a failing test's report
)

// Escalation is the request for the strong model after a search that accepted
// nothing: the task's own, or with the best failing attempt and, where the
// models may see the tests, the test that it failed.
func (t Task) Escalation(q *openai.ChatRequest, how string, r Result) *openai.ChatRequest {
	sent := t.Request(q)
	if how != EscalateRepair || r.Best < 0 {
		return sent
	}
	attempt := r.Samples[r.Best]
	complaint := "This does not pass its tests yet. Find what is wrong, and answer the request again with the whole program."
	if t.Show == ShowAll && attempt.Report.Failure != "" {
		complaint += "\n\nThe first test that fails:\n\n```\n" + attempt.Report.Failure + "\n```"
	}
	return withMessages(sent, openai.Message{Role: "assistant", Content: openai.String(attempt.Text)},
		openai.Message{Role: "user", Content: openai.String(complaint)})
}

// sampleRequest is the request of one call of a search. All of a search's have
// the same messages, byte for byte, so that a provider's prompt cache serves them.
func sampleRequest(base *openai.ChatRequest, temperature float64, n int, probe bool) *openai.ChatRequest {
	q := *base
	q.Object = make(openai.Object, 0, len(base.Object)+2)
	for _, m := range base.Object {
		switch m.Name {
		case "temperature", "n", "stream", "stream_options":
		case "seed": // equal seeds make equal samples
			if probe {
				q.Object = append(q.Object, m)
			}
		default:
			q.Object = append(q.Object, m)
		}
	}
	q.Stream, q.IncludeUsage, q.N = false, false, n
	q.Set("temperature", strconv.AppendFloat(nil, temperature, 'g', -1, 64))
	if n > 1 {
		q.Set("n", strconv.AppendInt(nil, int64(n), 10))
	}
	return &q
}

// shown is the text that shows a model the tests.
func (t Task) shown() string {
	var b strings.Builder
	b.WriteString("\n\nThe program must pass these tests:\n")
	for _, text := range t.Spec.Tests {
		fence := "```"
		for strings.Contains(text, fence) {
			fence += "`"
		}
		fmt.Fprintf(&b, "\n%s%s\n%s\n%s\n", fence, t.Language, strings.TrimRight(text, "\n"), fence)
	}
	for i, c := range t.Spec.Cases {
		fmt.Fprintf(&b, "\nInput %d:\n%s\n", i+1, shownCase(c))
	}
	return b.String()
}

func shownCase(c sandbox.Case) string {
	arguments := ""
	if len(c.Args) > 0 {
		arguments = fmt.Sprintf("(arguments %q)\n", c.Args)
	}
	return arguments + strings.TrimRight(c.Stdin, "\n") + "\nOutput:\n" + strings.TrimRight(c.Stdout, "\n")
}

// withText appends a text to the last user message.
func withText(q *openai.ChatRequest, text string) *openai.ChatRequest {
	for i := len(q.Messages) - 1; i >= 0; i-- {
		if q.Messages[i].Role != "user" {
			continue
		}
		content := q.Messages[i].Content
		if content.Kind() == '[' {
			part := openai.Object{{Name: "type", Value: openai.String("text")}, {Name: "text", Value: openai.String(text)}}
			var parts []jsontext.Value
			if json.Unmarshal(content, &parts) != nil {
				return q
			}
			content = joinValues(append(parts, part.AppendJSON(nil)))
		} else {
			content = openai.String(openai.Text(content) + text)
		}
		return withContent(q, i, content)
	}
	return withMessages(q, openai.Message{Role: "user", Content: openai.String(strings.TrimLeft(text, "\n"))})
}

// withContent replaces the content of one message, and leaves its other members.
func withContent(q *openai.ChatRequest, i int, content jsontext.Value) *openai.ChatRequest {
	var raw []jsontext.Value
	if json.Unmarshal(q.Get("messages"), &raw) != nil || i >= len(raw) {
		return q // not reached: the request was decoded
	}
	o, err := openai.DecodeObject(raw[i])
	if err != nil {
		return q
	}
	o.Set("content", content)
	raw[i] = o.AppendJSON(nil)
	q.Messages = append([]openai.Message(nil), q.Messages...)
	q.Messages[i].Content = content
	q.Set("messages", joinValues(raw))
	return q
}

// withMessages appends messages.
func withMessages(q *openai.ChatRequest, messages ...openai.Message) *openai.ChatRequest {
	var raw []jsontext.Value
	if json.Unmarshal(q.Get("messages"), &raw) != nil {
		return q
	}
	for _, m := range messages {
		o := openai.Object{{Name: "role", Value: openai.String(m.Role)}, {Name: "content", Value: m.Content}}
		raw = append(raw, o.AppendJSON(nil))
	}
	q.Messages = append(append([]openai.Message(nil), q.Messages...), messages...)
	q.Set("messages", joinValues(raw))
	return q
}

func joinValues(values []jsontext.Value) jsontext.Value {
	out := jsontext.Value{'['}
	for i, v := range values {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, v...)
	}
	return append(out, ']')
}
