package standin

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var completionEndpoint = endpoint{path: "/v1/completions", parse: parseCompletion, write: writeCompletion}

var completionFields = []string{
	"best_of", "echo", "frequency_penalty", "logit_bias", "logprobs", "max_tokens", "model", "n", "presence_penalty", "prompt",
	"seed", "stop", "stream", "stream_options", "suffix", "temperature", "top_p", "user",
}

// defaultCompletionTokens is OpenAI's max_tokens for completions.
const defaultCompletionTokens = 16

func parseCompletion(b *body) want {
	w := want{model: b.model()}
	w.inputs, w.tokens = parseInputs(b, "prompt")
	w.prompt = strings.Join(w.inputs, "\n")
	n := 1
	if b.has("n") {
		n = b.integer("n", 1, 128)
	}
	if w.n = max(n*len(w.inputs), 1); w.n > maxChoices {
		b.refuse("invalid_value", "prompt", "Invalid 'prompt': %d prompts with n=%d make more than %d choices.", len(w.inputs), n, maxChoices)
	}
	b.number("temperature", 0, 2)
	b.read("stream", "a boolean", &w.stream)
	b.read("echo", "a boolean", &w.echo)
	var options struct {
		IncludeUsage bool `json:"include_usage"`
	}
	b.read("stream_options", "an object", &options)
	w.withUsage = options.IncludeUsage
	if w.limit = b.integer("max_tokens", 0, 1<<30); !b.has("max_tokens") {
		w.limit = defaultCompletionTokens
	}
	w.stop = b.texts("stop")
	w.top = b.integer("logprobs", 0, 5)
	w.logprobs = b.has("logprobs")
	w.strictFault = b.unknownField(completionFields)
	return w
}

// maxChoices bounds the prompts of a completion times n.
const maxChoices = 2048

// parseInputs reads a text, tokens, or an array of either. Tokens have no text
// here; each counts as one.
func parseInputs(b *body, name string) (texts []string, tokens int64) {
	if !b.has(name) {
		b.refuse("missing_required_parameter", name, "Missing required parameter: '%s'.", name)
		return nil, 0
	}
	raw := b.fields[name]
	list := []jsontext.Value{raw}
	if raw.Kind() == '[' {
		list = nil
		b.read(name, "a string or an array", &list)
		if len(list) > 0 && list[0].Kind() == '0' {
			list = []jsontext.Value{raw}
		}
	}
	if len(list) == 0 {
		b.refuse("invalid_value", name, "Invalid '%s': empty array.", name)
	}
	for i, one := range list {
		var text string
		var ids []int64
		switch {
		case one.Kind() == '"' && json.Unmarshal(one, &text) == nil:
			tokens += int64(countTokens(text))
		case one.Kind() == '[' && json.Unmarshal(one, &ids) == nil && len(ids) > 0:
			text = fmt.Sprint(ids)
			tokens += int64(len(ids))
		default:
			b.refuse("invalid_type", fmt.Sprintf("%s[%d]", name, i), "Invalid type for '%s[%d]': expected a string or an array of tokens.", name, i)
		}
		texts = append(texts, text)
	}
	return texts, tokens
}

type completionReply struct {
	ID                string             `json:"id"`
	Object            string             `json:"object"`
	Created           int64              `json:"created"`
	Model             string             `json:"model"`
	Choices           []completionChoice `json:"choices"`
	Usage             *tokenUsage        `json:"usage,omitzero"`
	SystemFingerprint string             `json:"system_fingerprint"`
}

type completionChoice struct {
	Text         string              `json:"text"`
	Index        int                 `json:"index"`
	Logprobs     *completionLogprobs `json:"logprobs"`
	FinishReason string              `json:"finish_reason"`
}

type completionLogprobs struct {
	Tokens        []string             `json:"tokens"`
	TokenLogprobs []float64            `json:"token_logprobs"`
	TopLogprobs   []map[string]float64 `json:"top_logprobs"`
	TextOffset    []int                `json:"text_offset"`
}

// echoed returns what precedes the text of a choice.
func (c *call) echoed(choice int) string {
	if !c.want.echo || len(c.want.inputs) == 0 {
		return ""
	}
	return c.want.inputs[choice*len(c.want.inputs)/c.want.n]
}

func writeCompletion(c *call) {
	if c.want.stream {
		streamCompletion(c)
		return
	}
	reply := completionReply{
		ID: c.server.id("cmpl-"), Object: "text_completion", Created: c.server.config.Now().Unix(), Model: c.request.Model,
		Usage: c.reported(), SystemFingerprint: c.fingerprint(),
	}
	for i, one := range c.choices {
		text := c.echoed(i) + one.text
		choice := completionChoice{Text: text, Index: i, FinishReason: one.finish}
		if c.want.logprobs {
			choice.Logprobs = completionProbabilities(text, c.want.top)
		}
		reply.Choices = append(reply.Choices, choice)
	}
	c.writeWhole(encode(reply))
}

func completionProbabilities(text string, top int) *completionLogprobs {
	out := &completionLogprobs{}
	for at := 0; at < len(text); {
		token := text[at : at+nextToken(text[at:])]
		first := describeToken(token, 0)
		out.Tokens = append(out.Tokens, first.Token)
		out.TokenLogprobs = append(out.TokenLogprobs, first.Logprob)
		alternatives := map[string]float64{}
		if top > 0 {
			alternatives[first.Token] = first.Logprob
		}
		out.TopLogprobs = append(out.TopLogprobs, alternatives)
		out.TextOffset = append(out.TextOffset, at)
		at += len(token)
	}
	return out
}

func streamCompletion(c *call) {
	parts, rounds, total := c.split()
	k := c.openChunks(c.server.id("cmpl-"), "text_completion", total)
	fields := func(text string, finish string) []byte {
		quoted, _ := jsontext.AppendQuote(nil, text)
		return fmt.Appendf(nil, `"text":%s,"logprobs":null,"finish_reason":%s`, quoted, finish)
	}
	for i := range c.choices {
		if text := c.echoed(i); text != "" && !k.send("", k.chunk(i, fields(text, "null"))) {
			return
		}
	}
	for round := range rounds {
		for i := range c.choices {
			if round < len(parts[i]) && !k.piece("", k.chunk(i, fields(parts[i][round].text, "null")), parts[i][round].tokens) {
				return
			}
		}
	}
	for i, one := range c.choices {
		if !k.send("", k.chunk(i, fields("", `"`+one.finish+`"`))) {
			return
		}
	}
	k.end()
}
