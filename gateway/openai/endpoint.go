package openai

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Endpoint is one of OpenAI's endpoints that set a model to work: where it is,
// and how its requests, replies and chunks are read. Whatever the endpoint, a
// request is seen as a ChatRequest, a reply as a ChatResponse and an event as a
// Chunk, so that routing, prices and limits have one rule for all; the objects
// inside are as they came.
type Endpoint struct {
	Path   string // below a base URL
	Limit  string // member that bounds the output
	Framed bool   // the messages of a prompt are framed by tokens of their own

	Request func(body []byte) (*ChatRequest, error)  // every error is an *Error
	Reply   func(body []byte) (*ChatResponse, error) // of a provider
	Event   func(data []byte) (Chunk, error)         // of a provider; nil: it does not stream
}

// The endpoints.
var (
	Chat        = &Endpoint{Path: "/chat/completions", Limit: "max_completion_tokens", Framed: true}
	Completions = &Endpoint{Path: "/completions", Limit: "max_tokens"}
	Responses   = &Endpoint{Path: "/responses", Limit: "max_output_tokens", Framed: true}
	Embeddings  = &Endpoint{Path: "/embeddings"}
)

func init() { // the functions name their endpoint
	Chat.Request, Chat.Reply, Chat.Event = DecodeChatRequest, DecodeChatResponse, DecodeChunk
	Completions.Request, Completions.Reply, Completions.Event = decodeCompletionRequest, decodeCompletion, decodeCompletionChunk
	Responses.Request, Responses.Reply, Responses.Event = decodeResponsesRequest, decodeResponse, decodeResponseEvent
	Embeddings.Request, Embeddings.Reply = decodeEmbeddingRequest, decodeEmbeddings
}

// Endpoint is the one that the request came to: Chat unless it says otherwise.
func (q *ChatRequest) Endpoint() *Endpoint {
	if q.Via == nil {
		return Chat
	}
	return q.Via
}

// decodeRequest reads and checks a request of an endpoint other than chat. read
// takes what the prompt is out of it.
func (e *Endpoint) decodeRequest(body []byte, known map[string]field, prompt string, read func(*ChatRequest) error) (*ChatRequest, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, BadRequest("", "the request has no body; send a JSON object with model and %s", prompt)
	}
	o, err := DecodeStrict(body)
	if err != nil {
		return nil, err
	}
	q := &ChatRequest{Object: o, Via: e, N: 1}
	for _, m := range o {
		if err := q.take(known, m.Name, m.Value); err != nil {
			return nil, err
		}
	}
	if q.Model == "" {
		return nil, errNoModel()
	}
	if err := q.checkStreamOptions(); err != nil {
		return nil, err
	}
	return q, read(q)
}

func errNoModel() *Error {
	return BadRequest("", "you must provide a model parameter, for example \"model\": \"auto\"")
}

func missing(name, hint string) *Error {
	return invalid("missing_required_parameter", name, "missing required parameter: %s; %s", name, hint)
}

// completionFields are the members of a completion request that are checked here.
var completionFields = map[string]field{
	"model": {kinds: `"`}, "prompt": {kinds: `"[`, empty: true}, "stream": {kinds: `t`}, "stream_options": {kinds: `{`},
	"n": {kinds: `0`, integer: true, min: 1, max: 128}, "best_of": {kinds: `0`, integer: true, min: 1, max: 20},
	"max_tokens": {kinds: `0`, integer: true, min: 1, max: 1 << 31}, "temperature": {kinds: `0`, min: 0, max: 2}, "top_p": {kinds: `0`, min: 0, max: 1},
	"presence_penalty": {kinds: `0`, min: -2, max: 2}, "frequency_penalty": {kinds: `0`, min: -2, max: 2},
	"logprobs": {kinds: `0`, integer: true, min: 0, max: 20}, "echo": {kinds: `t`}, "seed": {kinds: `0`, integer: true}, "stop": {kinds: `"[`, empty: true},
	"suffix": {kinds: `"`, empty: true}, "logit_bias": {kinds: `{`}, "user": {kinds: `"`, empty: true}, "verify": {kinds: `"{[0t`, empty: true},
}

func decodeCompletionRequest(body []byte) (*ChatRequest, error) {
	return Completions.decodeRequest(body, completionFields, "prompt", func(q *ChatRequest) error {
		prompts, err := q.texts("prompt")
		if err != nil {
			return err
		}
		best := int64(1)
		if n := count(q.Get("best_of")); n > 0 {
			best = n
		}
		if best > 1 && best < int64(q.N) {
			return invalid("invalid_value", "best_of", "best_of must be at least n, which is %d, got %d", q.N, best)
		}
		if q.N = max(q.N, int(best)) * prompts; q.N > maxChoices {
			return invalid("invalid_value", "prompt", "prompt: %d choices in one request are too many; the most is %d", q.N, maxChoices)
		}
		return nil
	})
}

// maxChoices bounds the choices of one completion request.
const maxChoices = 2048

var embeddingFields = map[string]field{
	"model": {kinds: `"`}, "input": {kinds: `"[`}, "encoding_format": {kinds: `"`}, "dimensions": {kinds: `0`, integer: true, min: 1, max: 1 << 20},
	"user": {kinds: `"`, empty: true}, "verify": {kinds: `"{[0t`, empty: true},
}

func decodeEmbeddingRequest(body []byte) (*ChatRequest, error) {
	return Embeddings.decodeRequest(body, embeddingFields, "input", func(q *ChatRequest) error {
		q.N = 0
		switch format := Text(q.Get("encoding_format")); format {
		case "", "float", "base64":
		default:
			return invalid("invalid_value", "encoding_format", "encoding_format must be float or base64, got %.40q", format)
		}
		_, err := q.texts("input")
		return err
	})
}

// texts reads what is a text, several texts, an array of tokens, or several of
// these, and returns how many there are.
func (q *ChatRequest) texts(name string) (int, error) {
	v := q.Get(name)
	if v == nil {
		return 0, missing(name, "send a string, an array of strings, or an array of tokens")
	}
	if v.Kind() == '"' {
		q.Messages = []Message{{Content: v}}
		return 1, nil
	}
	var list []jsontext.Value
	if err := eachValue(v, func(item jsontext.Value) error { list = append(list, item); return nil }); err != nil || len(list) == 0 {
		return 0, invalid("invalid_value", name, "%s must not be an empty array", name)
	}
	if list[0].Kind() == '0' { // one prompt, in tokens
		return 1, q.tokens(name, v)
	}
	for i, item := range list {
		at := fmt.Sprintf("%s[%d]", name, i)
		switch item.Kind() {
		case '"':
			q.Messages = append(q.Messages, Message{Content: item})
		case '[':
			if err := q.tokens(at, item); err != nil {
				return 0, err
			}
		default:
			return 0, invalid("invalid_type", at, "%s must be a string or an array of tokens, got %s", at, KindName(item.Kind()))
		}
	}
	return len(list), nil
}

// tokens takes in an array of token numbers.
func (q *ChatRequest) tokens(at string, v jsontext.Value) error {
	before := q.Tokens
	err := eachValue(v, func(item jsontext.Value) error {
		if item.Kind() != '0' || count(item) < 0 {
			return invalid("invalid_type", at, "%s must be an array of token numbers, got %s in it", at, KindName(item.Kind()))
		}
		q.Tokens++
		return nil
	})
	if err == nil && q.Tokens == before {
		return invalid("invalid_value", at, "%s must not be an empty array", at)
	}
	return err
}

// eachValue reads the elements of an array.
func eachValue(v jsontext.Value, take func(jsontext.Value) error) error {
	r := read(v, lenient)
	defer r.done()
	if err := r.open('['); err != nil {
		return err
	}
	for r.dec.PeekKind() != ']' {
		item, err := r.dec.ReadValue()
		if err != nil {
			return err
		}
		if err := take(item); err != nil {
			return err
		}
	}
	return nil
}

// decodeCompletion reads a provider's reply to a completion request.
func decodeCompletion(body []byte) (*ChatResponse, error) {
	o, choices, err := decodeList(body, "choices")
	if err != nil {
		return nil, err
	}
	reply := &ChatResponse{Object: o, Usage: decodeUsage(o.Get("usage"))}
	for _, c := range choices {
		reply.Choices = append(reply.Choices, Choice{c, textOf(c)})
	}
	return reply, nil
}

// textOf is the choice of a completion as the message of a chat.
func textOf(choice Object) Object { return Object{{"content", choice.Get("text")}} }

func decodeCompletionChunk(data []byte) (Chunk, error) {
	c, err := DecodeChunk(data)
	for i := range c.Choices {
		if text := c.Choices[i].Get("text"); text != nil {
			c.Choices[i].Delta = textOf(c.Choices[i].Object)
		}
	}
	return c, err
}

// decodeEmbeddings reads a provider's reply to an embedding request.
func decodeEmbeddings(body []byte) (*ChatResponse, error) {
	o, _, err := decodeList(body, "data")
	if err != nil {
		return nil, err
	}
	reply := &ChatResponse{Object: o}
	if usage, err := DecodeObject(o.Get("usage")); err == nil {
		if tokens := count(usage.Get("prompt_tokens")); tokens > 0 {
			reply.Usage = &Usage{Prompt: tokens}
		}
	}
	return reply, nil
}

// decodeList reads an object that is nothing without this list.
func decodeList(body []byte, name string) (Object, []Object, error) {
	o, err := DecodeObject(tidy(body))
	if err != nil {
		return nil, nil, err
	}
	list, err := decodeObjects(o.Get(name))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(list) == 0 {
		return nil, nil, errors.New("a reply without " + name)
	}
	return o, list, nil
}

// joined is a raw JSON string of texts, one a line.
func joined(texts []string) jsontext.Value { return String(strings.Join(texts, "\n")) }
