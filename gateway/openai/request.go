package openai

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// ChatRequest is the body of POST /v1/chat/completions, and a request to another
// endpoint seen as one. Its object holds every member as the client sent it; the
// fields beside it are what Drover itself reads, decoded in the same pass.
type ChatRequest struct {
	Object

	Model        string
	Messages     []Message
	Stream       bool
	IncludeUsage bool  // stream_options.include_usage
	N            int   // choices asked for; 0 for embeddings, which have none
	MaxTokens    int64 // output limit of one choice in tokens, 0 for none

	Via    *Endpoint // nil: Chat
	Tokens int64     // of the prompt that were given as numbers, beside the messages
	Beyond bool      // a part of the prompt is kept at the provider, where nobody here can count it
}

// Message is one message of a request.
type Message struct {
	Role    string
	Content jsontext.Value // a string, an array of parts, or nil
	Name    string
	Calls   jsontext.Value // tool_calls of an assistant's message, nil for none
	Media   bool           // some part is no text: an image, audio or a file
}

// HasMedia reports whether the prompt has a part that is no text, so that its
// bytes do not bound its tokens.
func (q *ChatRequest) HasMedia() bool {
	if q.Beyond {
		return true
	}
	for _, m := range q.Messages {
		if m.Media {
			return true
		}
	}
	return false
}

// Text returns the message's text; of parts, those of type text joined.
func (m Message) Text() string {
	if m.Content.Kind() != '[' {
		return Text(m.Content)
	}
	parts, err := decodeObjects(m.Content)
	if err != nil {
		return ""
	}
	var text strings.Builder
	for _, p := range parts {
		if Text(p.Get("type")) == "text" {
			text.WriteString(Text(p.Get("text")))
		}
	}
	return text.String()
}

// DecodeChatRequest reads and checks a request. Every error is an *Error that
// says what is wrong, where, and what would be right. The request shares body.
func DecodeChatRequest(body []byte) (*ChatRequest, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, BadRequest("", "the request has no body; send a JSON object with model and messages")
	}
	r := read(body, strict)
	defer r.done()
	q := &ChatRequest{Object: make(Object, 0, 12), N: 1}
	if k := r.dec.PeekKind(); k != '{' && k != 0 {
		return nil, BadRequest("", "the request body must be a JSON object, got %s", KindName(k))
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return nil, syntaxError(body, err)
	}
	var wrong error // first fault of a field; the syntax is read to its end all the same
	for r.dec.PeekKind() != '}' {
		name, err := r.name()
		if err != nil {
			return nil, syntaxError(body, err)
		}
		var value jsontext.Value
		if name == "messages" && r.dec.PeekKind() == '[' {
			start := r.dec.InputOffset()
			if err := q.decodeMessages(r, &wrong); err != nil {
				return nil, syntaxError(body, err)
			}
			value = r.since(start)
		} else if value, err = r.dec.ReadValue(); err != nil {
			return nil, syntaxError(body, err)
		}
		q.Object = append(q.Object, Member{name, value})
		if wrong == nil {
			wrong = q.take(chatFields, name, value)
		}
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return nil, syntaxError(body, err)
	}
	if err := r.end(); err != nil {
		return nil, syntaxError(body, err)
	}
	if wrong != nil {
		return nil, wrong
	}
	return q, q.complete()
}

// complete checks what only the whole request can tell.
func (q *ChatRequest) complete() error {
	if q.Model == "" {
		return errNoModel()
	}
	if !q.Object.Has("messages") {
		return missing("messages", "send an array with at least one message")
	}
	if len(q.Messages) == 0 {
		return invalid("invalid_type", "messages", "messages must be an array with at least one message")
	}
	return q.checkStreamOptions()
}

func (q *ChatRequest) checkStreamOptions() error {
	if q.Get("stream_options") != nil && !q.Stream {
		return invalid("invalid_value", "stream_options", "stream_options is only allowed when stream is true; leave it out or set stream")
	}
	return nil
}

// take checks one member, of those that are known, and keeps what Drover reads
// of it.
func (q *ChatRequest) take(fields map[string]field, name string, value jsontext.Value) error {
	f, known := fields[name]
	if !known {
		return checkSpelling(fields, name)
	}
	if value.Kind() == 'n' {
		return nil
	}
	number, err := f.check(name, value)
	if err != nil {
		return err
	}
	switch name {
	case "model":
		q.Model = Text(value)
	case "stream":
		q.Stream = value.Kind() == 't'
	case "n":
		q.N = int(number)
	case "max_tokens", "max_completion_tokens", "max_output_tokens":
		if limit := int64(number); q.MaxTokens == 0 || limit < q.MaxTokens {
			q.MaxTokens = limit
		}
	case "stream_options":
		options, err := DecodeObject(value)
		if err != nil {
			return invalid("invalid_type", name, "stream_options must be an object")
		}
		if v := options.Get("include_usage"); v != nil && v.Kind() != 't' && v.Kind() != 'f' {
			return invalid("invalid_type", "stream_options.include_usage", "stream_options.include_usage must be a boolean, got %s", KindName(v.Kind()))
		}
		q.IncludeUsage = options.Get("include_usage").Kind() == 't'
	}
	return nil
}

// roles are those that OpenAI documents.
var roles = map[string]bool{"developer": true, "system": true, "user": true, "assistant": true, "tool": true, "function": true}

// decodeMessages reads the array of messages that comes next. It returns an
// error of syntax only; the first fault of a message goes to wrong.
func (q *ChatRequest) decodeMessages(r *reader, wrong *error) error {
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	i := 0
	fault := func(code, part, format string, args ...any) {
		if *wrong == nil {
			at := fmt.Sprintf("messages[%d]%s", i, part)
			*wrong = invalid(code, at, "%s "+format, append([]any{at}, args...)...)
		}
	}
	q.Messages = make([]Message, 0, 8)
	for ; ; i++ {
		switch k := r.dec.PeekKind(); k {
		case ']':
			_, err := r.dec.ReadToken()
			return err
		case '{':
			m, err := r.message(fault)
			if err != nil {
				return err
			}
			q.Messages = append(q.Messages, m)
		default:
			if _, err := r.dec.ReadValue(); err != nil {
				return err
			}
			fault("invalid_type", "", "must be an object with role and content, got %s", KindName(k))
		}
	}
}

// message reads the message object that comes next. fault takes what is wrong with a
// part of it, such as .role, in words that follow the part's name.
func (r *reader) message(fault func(code, part, format string, args ...any)) (Message, error) {
	var m Message
	if _, err := r.dec.ReadToken(); err != nil {
		return m, err
	}
	calls := false
	for r.dec.PeekKind() != '}' {
		name, err := r.name()
		if err != nil {
			return m, err
		}
		if name == "content" && r.dec.PeekKind() == '[' {
			start := r.dec.InputOffset()
			if m.Media, err = r.parts(fault); err != nil {
				return m, err
			}
			m.Content = r.since(start)
			continue
		}
		v, err := r.dec.ReadValue()
		if err != nil {
			return m, err
		}
		switch {
		case name == "role" && v.Kind() == '"':
			m.Role = Text(v)
		case name == "role":
			fault("invalid_type", ".role", "must be a string, got %s", KindName(v.Kind()))
		case name == "content" && v.Kind() == '"':
			m.Content = v
		case name == "content" && v.Kind() != 'n':
			fault("invalid_type", ".content", "must be a string or an array of parts, got %s", KindName(v.Kind()))
		case name == "name":
			m.Name = Text(v)
		case name == "tool_calls" || name == "function_call" || name == "refusal" || name == "audio":
			if v.Kind() != 'n' {
				calls, m.Calls = true, v
			}
		}
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return m, err
	}
	switch {
	case m.Role == "":
		fault("missing_required_parameter", ".role", "is missing; it must be one of developer, system, user, assistant, tool")
	case !roles[m.Role]:
		fault("invalid_value", ".role", "must be one of developer, system, user, assistant, tool, got %.40q", m.Role)
	case m.Content == nil && m.Role != "assistant" && m.Role != "function":
		fault("invalid_type", ".content", "must be a string or an array of parts, got none")
	case m.Content == nil && m.Role == "assistant" && !calls:
		fault("invalid_type", ".content", "may only be left out of an assistant message that has tool_calls")
	}
	return m, nil
}

// parts reads the array of content parts that comes next and reports whether
// any of them is no text.
func (r *reader) parts(fault func(code, part, format string, args ...any)) (media bool, err error) {
	if _, err := r.dec.ReadToken(); err != nil {
		return false, err
	}
	for i := 0; r.dec.PeekKind() != ']'; i++ {
		if k := r.dec.PeekKind(); k != '{' && k != 0 {
			fault("invalid_type", fmt.Sprintf(".content[%d]", i), "must be an object with a type, got %s", KindName(k))
			if _, err := r.dec.ReadValue(); err != nil {
				return media, err
			}
			continue
		}
		part, err := r.object(nil, nil)
		if err != nil {
			return media, err
		}
		switch kind := part.Get("type"); {
		case kind.Kind() != '"':
			fault("missing_required_parameter", fmt.Sprintf(".content[%d].type", i), "is missing; it must be a string such as \"text\"")
		case Text(kind) != "text" && Text(kind) != "refusal":
			media = true
		}
	}
	_, err = r.dec.ReadToken()
	return media, err
}

// RenameRole returns the array of messages with one role in place of another.
func RenameRole(messages jsontext.Value, from, to string) jsontext.Value {
	return eachMessage(messages, func(m *Object) {
		if Text(m.Get("role")) == from {
			m.Set("role", String(to))
		}
	})
}

// WithoutNames returns the array of messages without their names. A tool's name
// stays: it is an old form of its id.
func WithoutNames(messages jsontext.Value) jsontext.Value {
	return eachMessage(messages, func(m *Object) {
		if role := Text(m.Get("role")); role != "function" && role != "tool" {
			m.Delete("name")
		}
	})
}

// eachMessage returns the array of messages, each of them changed.
func eachMessage(messages jsontext.Value, change func(*Object)) jsontext.Value {
	list, err := decodeObjects(messages)
	if err != nil {
		return messages
	}
	changed := jsontext.Value{'['}
	for i, m := range list {
		if i > 0 {
			changed = append(changed, ',')
		}
		change(&m)
		changed = m.AppendJSON(changed)
	}
	return append(changed, ']')
}
