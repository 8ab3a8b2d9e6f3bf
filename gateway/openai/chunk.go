package openai

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Chunk is one chunk of a streamed reply. Its object holds every member as the
// provider sent it.
type Chunk struct {
	Object
	Choices []Delta
	Usage   *Usage // on the last chunk, when the provider sends it
}

// Delta is what a chunk adds to one choice.
type Delta struct {
	Object
	Index int
	Delta Object
	Ended bool // the chunk has the choice's finish_reason
}

// Finish returns the finish_reason in OpenAI's words; it means nothing before
// the choice has Ended.
func (d Delta) Finish() string { return finish(d.Get("finish_reason")) }

// DecodeChunk reads one chunk, which shares data. An error event of the
// provider's is returned as an *Error.
func DecodeChunk(data []byte) (Chunk, error) {
	var c Chunk
	o, err := decodeChoices(tidy(data), "delta", func(choice, delta Object) {
		c.Choices = append(c.Choices, Delta{Object: choice, Index: int(max(count(choice.Get("index")), 0)), Delta: delta, Ended: Text(choice.Get("finish_reason")) != ""})
	})
	if err != nil {
		return Chunk{}, err
	}
	if o.Get("error") != nil || string(o.Get("object")) == `"error"` { // the latter from older versions of vLLM
		if e := DecodeError(data); e != nil {
			return Chunk{}, e
		}
		return Chunk{}, &Error{Message: "the provider sent an error without a message", Type: "server_error"}
	}
	c.Object, c.Usage = o, decodeUsage(o.Get("usage"))
	if groq := o.Get("x_groq"); c.Usage == nil && groq != nil { // where Groq puts it unless it is asked for
		inner, _ := DecodeObject(groq)
		c.Usage = decodeUsage(inner.Get("usage"))
	}
	return c, nil
}

// AppendText appends what the delta adds to the answer, whatever it is: text, a
// refusal, the arguments of a call. It is for counting.
func (d Delta) AppendText(dst []byte) []byte {
	for _, m := range d.Delta {
		switch {
		case m.Name == "role", len(m.Value) == 2: // "" and [] and {} add nothing
		case m.Name == "tool_calls":
			calls, _ := decodeObjects(m.Value)
			for _, call := range calls {
				dst = appendFunction(dst, call.Get("function"))
			}
		case m.Name == "function_call":
			dst = appendFunction(dst, m.Value)
		case m.Value.Kind() == '"':
			dst = appendText(dst, m.Value)
		case m.Value.Kind() != 'n':
			dst = append(dst, m.Value...)
		}
	}
	return dst
}

// Empty reports whether the delta adds nothing to the choice, beside its end.
func (d Delta) Empty() bool {
	for _, m := range d.Object {
		switch m.Name {
		case "index", "delta", "finish_reason":
		default:
			if m.Value.Kind() != 'n' && !d.Ended { // an end takes these with it
				return false
			}
		}
	}
	for _, m := range d.Delta {
		if m.Name == "role" || m.Value.Kind() == 'n' || m.Name == "content" && len(m.Value) == 2 {
			continue
		}
		return false
	}
	return true
}

// AppendOpening appends the choice of a stream's first chunk.
func AppendOpening(dst []byte, index int) []byte {
	dst = append(dst, `{"index":`...)
	dst = strconv.AppendInt(dst, int64(index), 10)
	return append(dst, `,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}`...)
}

// AppendJSON appends what the delta adds, without its role and without its end.
func (d Delta) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"index":`...)
	dst = strconv.AppendInt(dst, int64(d.Index), 10)
	dst = append(dst, `,"delta":{`...)
	at := len(dst)
	dst = appendRest(dst, d.Delta, "role")
	if len(dst) > at {
		dst = append(dst[:at], dst[at+1:]...) // the first comma
	}
	dst = append(dst, `},"logprobs":`...)
	dst = appendRaw(dst, d.Get("logprobs"))
	dst = append(dst, `,"finish_reason":null`...)
	dst = appendRest(dst, d.Object, "index", "delta", "logprobs", "finish_reason")
	return append(dst, '}')
}

// AppendEnd appends the choice's last chunk. What the provider's has beside its
// delta goes along, unless it went with the delta.
func (d Delta) AppendEnd(dst []byte) []byte {
	dst = append(dst, `{"index":`...)
	dst = strconv.AppendInt(dst, int64(d.Index), 10)
	dst = append(dst, `,"delta":{},"logprobs":`...)
	if d.Empty() {
		dst = appendRaw(dst, d.Get("logprobs"))
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"finish_reason":`...)
	dst = AppendString(dst, d.Finish())
	if d.Empty() {
		dst = appendRest(dst, d.Object, "index", "delta", "logprobs", "finish_reason")
	}
	return append(dst, '}')
}

// appendFunction appends what a model writes of a call: its name and arguments.
func appendFunction(dst []byte, function jsontext.Value) []byte {
	o, _ := DecodeObject(function)
	return appendText(appendText(dst, o.Get("name")), o.Get("arguments"))
}
