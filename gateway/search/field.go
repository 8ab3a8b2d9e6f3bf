package search

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/pricing"
)

// reader reads a verify object strictly. It keeps the first fault, with the path
// of the field it was found in; what is read after a fault is not used.
type reader struct{ wrong *openai.Error }

func (r *reader) fault(path, format string, args ...any) {
	if r.wrong == nil {
		r.wrong = invalid(path, format, args...)
	}
}

// invalid is the error of a field whose value cannot be used.
func invalid(path, format string, args ...any) *openai.Error {
	subject := path
	if path == "" {
		subject = "the body"
	}
	e := openai.BadRequest(path, "%s %s", subject, fmt.Sprintf(format, args...))
	e.Code = "invalid_value"
	return e
}

// join appends a field to a path, which is empty for a body that is the object.
func join(root, name string) string {
	if root == "" {
		return name
	}
	return root + "." + name
}

// fields are the members that an object may have, each with what takes it in.
type fields map[string]func(path string, v jsontext.Value)

// object reads the members of v. A name that is not known is a fault: a mistyped
// limit must not be a limit that is not there. A null is what was left out.
func (r *reader) object(path string, v jsontext.Value, known fields) {
	if v.Kind() != '{' {
		r.fault(path, "must be an object, got %s", kindOf(v))
		return
	}
	o, err := openai.DecodeObject(v)
	if err != nil {
		r.fault(path, "is not valid JSON: %v", err)
		return
	}
	r.members(path, o, known)
}

func (r *reader) members(path string, o openai.Object, known fields) {
	for _, m := range o {
		take, ok := known[m.Name]
		switch {
		case !ok:
			r.fault(join(path, clip(m.Name)), "is not known; the fields are %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		case m.Value.Kind() != 'n':
			take(join(path, m.Name), m.Value)
		}
	}
}

func (r *reader) text(path string, v jsontext.Value, atLeast, atMost int) string {
	if v.Kind() != '"' {
		r.fault(path, "must be a string, got %s", kindOf(v))
		return ""
	}
	s := openai.Text(v)
	switch {
	case len(s) < atLeast:
		r.fault(path, "must not be empty")
	case len(s) > atMost:
		r.fault(path, "must be at most %d bytes, got %d", atMost, len(s))
	}
	return s
}

func (r *reader) word(path string, v jsontext.Value, allowed ...string) string {
	if v.Kind() != '"' || !slices.Contains(allowed, openai.Text(v)) {
		r.fault(path, "must be one of %s, got %s", strings.Join(allowed, ", "), clip(string(v)))
		return ""
	}
	return openai.Text(v)
}

func (r *reader) list(path string, v jsontext.Value, atLeast, atMost int) []jsontext.Value {
	var list []jsontext.Value
	if v.Kind() != '[' || json.Unmarshal(v, &list) != nil {
		r.fault(path, "must be an array, got %s", kindOf(v))
		return nil
	}
	if len(list) < atLeast || len(list) > atMost {
		r.fault(path, "must have %d to %d items, got %d", atLeast, atMost, len(list))
		return nil
	}
	return list
}

// texts reads an array of strings.
func (r *reader) texts(path string, v jsontext.Value, atLeast, atMost, shortest int) []string {
	list := r.list(path, v, atLeast, atMost)
	out := make([]string, len(list))
	for i, item := range list {
		out[i] = r.text(fmt.Sprintf("%s[%d]", path, i), item, shortest, maxSource)
	}
	return out
}

func (r *reader) integer(path string, v jsontext.Value, atLeast, atMost int64) int64 {
	x := r.float(path, v)
	if x != float64(int64(x)) || int64(x) < atLeast || int64(x) > atMost {
		r.fault(path, "must be a whole number from %d to %d, got %s", atLeast, atMost, clip(string(v)))
		return 0
	}
	return int64(x)
}

// positive reads a number above 0.
func (r *reader) positive(path string, v jsontext.Value, atMost float64) float64 {
	x := r.float(path, v)
	if !(x > 0 && x <= atMost) {
		r.fault(path, "must be above 0 and at most %g, got %s", atMost, clip(string(v)))
		return 0
	}
	return x
}

func (r *reader) float(path string, v jsontext.Value) float64 {
	if v.Kind() != '0' {
		r.fault(path, "must be a number, got %s", kindOf(v))
		return 0
	}
	x, err := strconv.ParseFloat(string(v), 64)
	if err != nil {
		r.fault(path, "is out of range: %s", clip(string(v)))
	}
	return x
}

const maxDollars = 1e9

// dollars reads an amount exactly, whatever its notation, and drops what is less
// than a billionth: a limit must not grow by rounding.
func (r *reader) dollars(path string, v jsontext.Value) pricing.USD {
	x := r.float(path, v)
	exact := new(big.Rat)
	if x < 1/float64(pricing.Dollar) || x > maxDollars || len(v) > 64 {
		r.fault(path, "must be an amount in dollars above 0, such as 0.05, got %s", clip(string(v)))
		return 0
	}
	if _, ok := exact.SetString(string(v)); !ok { // not reached: a JSON number in range
		r.fault(path, "must be a number")
		return 0
	}
	exact.Mul(exact, new(big.Rat).SetInt64(int64(pricing.Dollar)))
	return pricing.USD(new(big.Int).Quo(exact.Num(), exact.Denom()).Int64())
}

// clip shortens what a client sent for an error message.
func clip(s string) string {
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return strings.ToValidUTF8(s, "")
}

func kindOf(v jsontext.Value) string { return openai.KindName(v.Kind()) }
