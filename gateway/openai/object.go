package openai

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Member is one member of an Object.
type Member struct {
	Name  string
	Value jsontext.Value // raw: as it came, or as it was set
}

// Object is a JSON object that keeps its members raw and in their order. The
// zero value is the empty object. A copy shares the raw values; they are never
// written to.
type Object []Member

// Get returns the value of a member, nil when there is none or it is null:
// OpenAI's clients send null for whatever they leave out.
func (o Object) Get(name string) jsontext.Value {
	for i := range o {
		if o[i].Name == name && o[i].Value.Kind() != 'n' {
			return o[i].Value
		}
	}
	return nil
}

// Has reports whether there is such a member, null or not.
func (o Object) Has(name string) bool {
	for i := range o {
		if o[i].Name == name {
			return true
		}
	}
	return false
}

// Set replaces a member's value, or appends the member.
func (o *Object) Set(name string, value jsontext.Value) {
	for i := range *o {
		if (*o)[i].Name == name {
			(*o)[i].Value = value
			return
		}
	}
	*o = append(*o, Member{name, value})
}

// Delete removes a member and reports whether there was one.
func (o *Object) Delete(name string) bool {
	for i := range *o {
		if (*o)[i].Name == name {
			*o = append((*o)[:i:i], (*o)[i+1:]...)
			return true
		}
	}
	return false
}

// Without returns the object without a member.
func (o Object) Without(name string) Object {
	if !o.Has(name) {
		return o
	}
	rest := o.Clone()
	rest.Delete(name)
	return rest
}

// Clone returns an object whose members can be set without touching o.
func (o Object) Clone() Object { return append(Object(nil), o...) }

// AppendJSON appends the object as JSON.
func (o Object) AppendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	for i := range o {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendString(dst, o[i].Name)
		dst = append(dst, ':')
		dst = append(dst, o[i].Value...)
	}
	return append(dst, '}')
}

// MarshalJSON returns the object as JSON.
func (o Object) MarshalJSON() ([]byte, error) { return o.AppendJSON(make([]byte, 0, o.Size())), nil }

// Size is an upper bound of the object's length as JSON when no name needs an
// escape, as none of OpenAI's does.
func (o Object) Size() int {
	n := 2
	for i := range o {
		n += len(o[i].Name) + len(o[i].Value) + 4
	}
	return n
}

// AppendString appends s as a JSON string. Bytes that are not UTF-8 become
// U+FFFD.
func AppendString(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // fails only for invalid UTF-8, which it has replaced
	return dst
}

// String returns s as a raw JSON string.
func String(s string) jsontext.Value { return AppendString(nil, s) }

// Text returns the text of a raw JSON string, "" for any other value.
func Text(v jsontext.Value) string {
	if isPlain(v) {
		return string(v[1 : len(v)-1])
	}
	return string(appendText(nil, v))
}

// appendText appends the text of a raw JSON string, nothing for any other value.
func appendText(dst []byte, v jsontext.Value) []byte {
	if isPlain(v) {
		return append(dst, v[1:len(v)-1]...)
	}
	if v.Kind() == '"' {
		dst, _ = jsontext.AppendUnquote(dst, v)
	}
	return dst
}

// isPlain reports whether v is a string that says what it is without escapes.
func isPlain(v jsontext.Value) bool {
	return v.Kind() == '"' && len(v) >= 2 && bytes.IndexByte(v, '\\') < 0
}

// reader is a decoder over bytes in memory. Over a bytes.Buffer the decoder
// parses in place and leaves the bytes alone, so that the values which it
// returns share them and stay valid.
type reader struct {
	body []byte
	dec  jsontext.Decoder
	buf  bytes.Buffer
}

var readers = sync.Pool{New: func() any { return new(reader) }}

// strict refuses what JSON decoders disagree about: of two members of one name,
// a provider might take the one that Drover did not price.
var strict = []jsontext.Options{jsontext.AllowDuplicateNames(false)}

// lenient is for what providers send: they are not argued with.
var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

func read(body []byte, options []jsontext.Options) *reader {
	r := readers.Get().(*reader)
	r.body = body
	r.buf = *bytes.NewBuffer(body)
	r.dec.Reset(&r.buf, options...)
	return r
}

func (r *reader) done() {
	r.body, r.buf = nil, bytes.Buffer{}
	r.dec.Reset(&r.buf)
	readers.Put(r)
}

// end checks that nothing but white space follows the value.
func (r *reader) end() error {
	if _, err := r.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("text stands behind the end of the JSON value")
	}
	return nil
}

// tidy returns what a provider sent without a byte order mark and as UTF-8:
// clients refuse what is not.
func tidy(b []byte) []byte {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(b) {
		b = bytes.ToValidUTF8(b, []byte("\uFFFD"))
	}
	if bytes.IndexByte(b, '\n') >= 0 || bytes.IndexByte(b, '\r') >= 0 { // an event's data may stand on several lines; ours stands on one
		compact := jsontext.Value(bytes.Clone(b))
		if compact.Compact(lenient...) == nil {
			return compact
		}
	}
	return b
}

// DecodeObject reads a JSON object from a provider: duplicate names are let
// pass, the first one counts, and so is text behind it. The object shares b.
func DecodeObject(b []byte) (Object, error) {
	r := read(b, lenient)
	defer r.done()
	return r.object(make(Object, 0, 8), nil)
}

// DecodeStrict reads a JSON object from a client. Every error is an *Error.
func DecodeStrict(body []byte) (Object, error) {
	r := read(body, strict)
	defer r.done()
	if k := r.dec.PeekKind(); k != '{' && k != 0 {
		return nil, BadRequest("", "the request body must be a JSON object, got %s", KindName(k))
	}
	o, err := r.object(make(Object, 0, 4), nil)
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return nil, syntaxError(body, err)
	}
	return o, nil
}

// object appends the members of the object that comes next. inside, unless it is
// nil, may read the value of a member itself, and says whether it did: what is
// needed in parts need not be read twice.
func (r *reader) object(o Object, inside func(name string) (bool, error)) (Object, error) {
	if err := r.open('{'); err != nil {
		return nil, err
	}
	for r.dec.PeekKind() != '}' {
		name, err := r.name()
		if err != nil {
			return nil, err
		}
		start, done := r.dec.InputOffset(), false
		if inside != nil {
			if done, err = inside(name); err != nil {
				return nil, err
			}
		}
		var v jsontext.Value
		if done {
			v = r.since(start)
		} else if v, err = r.dec.ReadValue(); err != nil {
			return nil, err
		}
		o = append(o, Member{name, v})
	}
	_, err := r.dec.ReadToken()
	return o, err
}

// since returns the value that was read from this offset on.
func (r *reader) since(start int64) jsontext.Value {
	return bytes.TrimLeft(r.body[start:r.dec.InputOffset()], ": \t\r\n")
}

// Objects reads an array of objects, nil for anything else.
func Objects(v jsontext.Value) []Object {
	list, err := decodeObjects(v)
	if err != nil {
		return nil
	}
	return list
}

// decodeObjects reads an array of objects.
func decodeObjects(b []byte) ([]Object, error) {
	r := read(b, lenient)
	defer r.done()
	list := make([]Object, 0, 1)
	if err := r.objects(nil, func(o Object) { list = append(list, o) }); err != nil {
		return nil, err
	}
	return list, r.end()
}

// objects reads the array of objects that comes next; inside is as for object.
func (r *reader) objects(inside func(name string) (bool, error), take func(Object)) error {
	if err := r.open('['); err != nil {
		return err
	}
	for r.dec.PeekKind() == '{' {
		o, err := r.object(make(Object, 0, 6), inside)
		if err != nil {
			return err
		}
		take(o)
	}
	return r.open(']')
}

// open reads the delimiter of this kind.
func (r *reader) open(kind jsontext.Kind) error {
	if got := r.dec.PeekKind(); got != kind && got != 0 { // 0: a syntax error, which ReadToken reports
		return fmt.Errorf("expected %s, got %s", KindName(kind), KindName(got))
	}
	_, err := r.dec.ReadToken()
	return err
}

// name reads a member's name. A decoder gives a name as a value too.
func (r *reader) name() (string, error) {
	raw, err := r.dec.ReadValue()
	if err != nil {
		return "", err
	}
	if known, ok := names[string(raw)]; ok {
		return known, nil
	}
	return Text(raw), nil
}

// names spares an allocation for each of the names that nearly every request or
// chunk has, by their raw form.
var names = func() map[string]string {
	m := map[string]string{}
	for _, name := range []string{
		"id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier", "obfuscation",
		"index", "delta", "message", "logprobs", "finish_reason", "role", "content", "refusal", "tool_calls", "annotations",
		"prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "completion_tokens_details", "cached_tokens",
		"audio_tokens", "reasoning_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens",
		"messages", "stream", "stream_options", "include_usage", "temperature", "max_tokens", "max_completion_tokens", "top_p", "n", "stop", "seed", "type", "text", "verify",
	} {
		m[string(String(name))] = name
	}
	return m
}()

// KindName says what kind of value it is in words: an object, a number, null.
func KindName(kind jsontext.Kind) string {
	switch kind {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	case ']':
		return "the end of the array"
	case '}':
		return "the end of the object"
	}
	return "nothing"
}
