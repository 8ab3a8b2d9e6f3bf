package openai

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Usage is what a provider says a call took, in tokens.
type Usage struct {
	Prompt       int64 // cached tokens included
	CachedPrompt int64
	Completion   int64  // reasoning tokens included
	Details      Object // every member of the provider's object but the three counts
}

// ChatResponse is a whole reply to a chat request. Its object holds every
// member as the provider sent it.
type ChatResponse struct {
	Object
	Choices []Choice
	Usage   *Usage // nil when the provider sent none
}

// Choice is one choice of a whole reply.
type Choice struct {
	Object
	Message Object
}

// AppendText appends what the choice answers, whatever it is: text, a refusal,
// the arguments of a call. It is for counting.
func (c Choice) AppendText(dst []byte) []byte { return Delta{Delta: c.Message}.AppendText(dst) }

// Finish returns the finish_reason in OpenAI's words.
func (c Choice) Finish() string { return finish(c.Get("finish_reason")) }

// DecodeChatResponse reads a provider's reply, which shares body. A reply
// without a choice is an error: nobody could use it.
func DecodeChatResponse(body []byte) (*ChatResponse, error) {
	reply := new(ChatResponse)
	var err error
	if reply.Object, err = decodeChoices(tidy(body), "message", func(choice, message Object) {
		reply.Choices = append(reply.Choices, Choice{choice, message})
	}); err != nil {
		return nil, err
	}
	if len(reply.Choices) == 0 {
		return nil, errors.New("a reply without choices")
	}
	for i, c := range reply.Choices {
		if c.Message == nil {
			return nil, fmt.Errorf("choices[%d] has no message", i)
		}
	}
	reply.Usage = decodeUsage(reply.Get("usage"))
	return reply, nil
}

// decodeChoices reads a reply or a chunk in one pass: its object, and each of its
// choices with what is inside it, the message or the delta, nil where that is null or
// left out.
func decodeChoices(body []byte, inner string, take func(choice, inner Object)) (Object, error) {
	r := read(body, lenient)
	defer r.done()
	var part Object
	within := func(name string) (done bool, err error) {
		if name != inner || part != nil || r.dec.PeekKind() == 'n' {
			return false, nil
		}
		if part, err = r.object(make(Object, 0, 4), nil); err != nil {
			err = fmt.Errorf("%s: %w", inner, err)
		}
		return true, err
	}
	seen := false
	return r.object(make(Object, 0, 8), func(name string) (bool, error) {
		if name != "choices" || seen || r.dec.PeekKind() != '[' {
			return false, nil
		}
		seen = true
		err := r.objects(within, func(choice Object) {
			take(choice, part)
			part = nil
		})
		if err != nil {
			err = fmt.Errorf("choices: %w", err)
		}
		return true, err
	})
}

// AppendJSON appends the choice as OpenAI would send it: what Llama hosts leave
// out is there as null, and the finish reason is one of OpenAI's words.
func (c Choice) AppendJSON(dst []byte, index int) []byte {
	dst = append(dst, `{"index":`...)
	dst = strconv.AppendInt(dst, int64(index), 10)
	dst = append(dst, `,"message":{"role":"assistant","content":`...)
	dst = appendRaw(dst, c.Message.Get("content"))
	dst = append(dst, `,"refusal":`...)
	dst = appendRaw(dst, c.Message.Get("refusal"))
	dst = appendRest(dst, c.Message, "role", "content", "refusal")
	dst = append(dst, `},"logprobs":`...)
	dst = appendRaw(dst, c.Get("logprobs"))
	dst = append(dst, `,"finish_reason":`...)
	dst = AppendString(dst, c.Finish())
	dst = appendRest(dst, c.Object, "index", "message", "logprobs", "finish_reason")
	return append(dst, '}')
}

// appendRaw appends v, null for nil.
func appendRaw(dst []byte, v jsontext.Value) []byte {
	if v == nil {
		return append(dst, "null"...)
	}
	return append(dst, v...)
}

// appendRest appends ,"name":value for every member that is neither null nor
// named.
func appendRest(dst []byte, o Object, but ...string) []byte {
next:
	for i := range o {
		if o[i].Value.Kind() == 'n' {
			continue
		}
		for _, name := range but {
			if o[i].Name == name {
				continue next
			}
		}
		dst = append(dst, ',')
		dst = AppendString(dst, o[i].Name)
		dst = append(dst, ':')
		dst = append(dst, o[i].Value...)
	}
	return dst
}

// AppendRest appends ,"name":value for every member of a reply or chunk that
// Drover passes on as it came: those of OpenAI's that it does not write itself,
// and all that it does not know. (verify is Drover's own, also of a Drover behind
// this one.) A service_tier outside OpenAI's words is left
// out, since typed clients refuse it.
func AppendRest(dst []byte, o Object) []byte {
	if !tiers[Text(o.Get("service_tier"))] {
		return appendRest(dst, o, "id", "object", "created", "model", "choices", "usage", "error", "verify", "service_tier")
	}
	return appendRest(dst, o, "id", "object", "created", "model", "choices", "usage", "error", "verify")
}

var tiers = map[string]bool{"auto": true, "default": true, "flex": true, "scale": true, "priority": true}

// finish turns a provider's finish reason into one of OpenAI's words. Hosts of
// Llama say eos for stop, for example; whatever is not known ended somehow, so
// it is a stop.
func finish(v jsontext.Value) string {
	switch reason := Text(v); reason {
	case "stop", "length", "tool_calls", "content_filter", "function_call":
		return reason
	case "max_tokens", "model_length":
		return "length"
	default:
		return "stop"
	}
}

// decodeUsage reads a usage object; nil when there is none, or when its counts
// are no counts of tokens, all zeros among them: that is as good as none.
func decodeUsage(v jsontext.Value) *Usage {
	if v.Kind() != '{' {
		return nil
	}
	o, err := DecodeObject(v)
	if err != nil {
		return nil
	}
	u := &Usage{Prompt: count(o.Get("prompt_tokens")), Completion: count(o.Get("completion_tokens"))}
	if u.Prompt < 0 || u.Completion < 0 || u.Prompt+u.Completion == 0 {
		return nil
	}
	if details := o.Get("prompt_tokens_details"); details.Kind() == '{' {
		if d, err := DecodeObject(details); err == nil {
			u.CachedPrompt = min(max(count(d.Get("cached_tokens")), 0), u.Prompt)
		}
	}
	for _, m := range o {
		switch m.Name {
		case "prompt_tokens", "completion_tokens", "total_tokens":
		default:
			if m.Value.Kind() != 'n' {
				u.Details = append(u.Details, m)
			}
		}
	}
	return u
}

// maxTokens is more than any model reads or writes in one call.
const maxTokens = 1 << 27

// count reads a number of tokens, -1 for what is none.
func count(v jsontext.Value) int64 {
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		f, err := strconv.ParseFloat(string(v), 64) // 12.0, as some hosts say
		if err != nil || f != float64(int64(f)) {
			return -1
		}
		n = int64(f)
	}
	if n < 0 || n > maxTokens {
		return -1
	}
	return n
}

// AppendJSON appends the usage as OpenAI would send it, with the cost of the
// whole request in dollars, which is a JSON number or null.
func (u Usage) AppendJSON(dst []byte, cost string) []byte {
	dst = append(dst, `{"prompt_tokens":`...)
	dst = strconv.AppendInt(dst, u.Prompt, 10)
	dst = append(dst, `,"completion_tokens":`...)
	dst = strconv.AppendInt(dst, u.Completion, 10)
	dst = append(dst, `,"total_tokens":`...)
	dst = strconv.AppendInt(dst, u.Prompt+u.Completion, 10)
	dst = appendRest(dst, u.Details, "cost")
	dst = append(dst, `,"cost":`...)
	dst = append(dst, cost...)
	return append(dst, '}')
}

// AsChunk returns the reply as the one chunk of a stream.
func (r *ChatResponse) AsChunk() Chunk {
	c := Chunk{Object: r.Object, Usage: r.Usage}
	for i, choice := range r.Choices {
		c.Choices = append(c.Choices, Delta{Object: choice.Object.Without("message"), Index: i, Delta: choice.Message, Ended: true})
	}
	return c
}
