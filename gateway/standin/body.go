package standin

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// body reads the fields of a request one by one, so that a fault names its
// field as OpenAI's errors do. Only the first fault is kept.
type body struct {
	fields map[string]jsontext.Value
	fault  *apiError
}

func parseBody(data []byte) *body {
	b := &body{}
	if len(bytes.TrimSpace(data)) == 0 {
		b.refuse("", "", "We could not parse the JSON body of your request: it is empty.")
		return b
	}
	if err := json.Unmarshal(data, &b.fields); err != nil {
		b.refuse("", "", "We could not parse the JSON body of your request: %v.", err)
	}
	return b
}

func (b *body) refuse(code, param, format string, args ...any) {
	if b.fault == nil {
		b.fault = invalid(code, param, format, args...)
	}
}

// has says that a field is there and not null.
func (b *body) has(name string) bool {
	raw, ok := b.fields[name]
	return ok && raw.Kind() != 'n'
}

// read decodes a field into v, leaves v alone where the field is missing or
// null, and refuses another type than want.
func (b *body) read(name, want string, v any) {
	if !b.has(name) {
		return
	}
	if err := json.Unmarshal(b.fields[name], v); err != nil {
		b.refuse("invalid_type", name, "Invalid type for '%s': expected %s.", name, want)
	}
}

func (b *body) integer(name string, least, most int) int {
	var v int
	b.read(name, "an integer", &v)
	if b.has(name) && (v < least || v > most) {
		b.refuse("invalid_value", name, "Invalid '%s': integer out of range. Expected a value from %d to %d, but got %d instead.", name, least, most, v)
	}
	return v
}

func (b *body) number(name string, least, most float64) float64 {
	var v float64
	b.read(name, "a decimal", &v)
	if b.has(name) && (v < least || v > most) {
		b.refuse("invalid_value", name, "Invalid '%s': decimal out of range. Expected a value from %g to %g, but got %g instead.", name, least, most, v)
	}
	return v
}

// texts reads a string or an array of strings.
func (b *body) texts(name string) []string {
	if b.has(name) && b.fields[name].Kind() == '"' {
		var one string
		b.read(name, "a string", &one)
		return []string{one}
	}
	var many []string
	b.read(name, "a string or an array of strings", &many)
	return many
}

// model reads the model's name, which every endpoint needs.
func (b *body) model() string {
	var name string
	b.read("model", "a string", &name)
	if name == "" {
		b.refuse("", "", "you must provide a model parameter")
	}
	return name
}

// contentText returns the text of a message's content: a string, an array of
// parts, or null. Parts without text count as nothing.
func (b *body) contentText(raw jsontext.Value, path string) string {
	switch raw.Kind() {
	case 0, 'n':
		return ""
	case '"':
		var text string
		if json.Unmarshal(raw, &text) == nil {
			return text
		}
	case '[':
		var parts []struct {
			Type string `json:"type"`
			Text string `json:"text"`
		}
		if json.Unmarshal(raw, &parts) == nil {
			var text bytes.Buffer
			for i, p := range parts {
				if p.Type == "" {
					b.refuse("missing_required_parameter", fmt.Sprintf("%s[%d].type", path, i), "Missing required parameter: '%s[%d].type'.", path, i)
				}
				text.WriteString(p.Text)
			}
			return text.String()
		}
	}
	b.refuse("invalid_type", path, "Invalid type for '%s': expected a string or an array of objects.", path)
	return ""
}

// unknownField returns the refusal that OpenAI gives to a field that is not in
// known, or nil.
func (b *body) unknownField(known []string) *apiError {
	names := make([]string, 0, len(b.fields))
	for name := range b.fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if !slices.Contains(known, name) {
			return invalid("", "", "Unrecognized request argument supplied: %s", name)
		}
	}
	return nil
}
