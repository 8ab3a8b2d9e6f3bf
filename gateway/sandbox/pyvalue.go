package sandbox

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// errUndecided says that the oracle cannot know what Python would answer. The
// pair protocol, where Python itself judges, decides instead.
var errUndecided = errors.New("undecided")

// Python values as the oracle knows them: nil, bool, *big.Int, float64, string,
// pyBytes, *pySeq, *pyDict and pyOpaque.
type (
	pyBytes string

	// pySeq is a list, tuple, set or frozenset.
	pySeq struct {
		kind  byte // 'l', 't', 's' or 'z'
		items []any
	}

	pyDict struct{ keys, values []any }

	// pyOpaque is an object of the candidate's: equal to no plain value.
	pyOpaque struct{ name string }
)

const maxValueDepth = 450

// maxIntegerBits bounds what the gateway itself computes with: a division of two
// integers far beyond it takes minutes. Larger ones are left to Python, which is
// held to the job's own limits.
const maxIntegerBits = 1 << 20

// decodeValue reads the wire form that py/wire.py writes.
func decodeValue(data any, depth int) (any, error) {
	if depth > maxValueDepth {
		return nil, errors.New("value nests too deeply")
	}
	switch v := data.(type) {
	case nil, bool:
		return v, nil
	case string:
		if strings.ContainsRune(v, '\uFFFD') {
			return nil, errUndecided // a lone surrogate, perhaps
		}
		return v, nil
	case json.Number:
		return decodeNumber(string(v))
	case []any:
		return decodeSeq('l', v, depth)
	case map[string]any:
		return decodeTagged(v, depth)
	}
	return nil, fmt.Errorf("unexpected %T in a value", data)
}

func decodeNumber(s string) (any, error) {
	if strings.ContainsAny(s, ".eE") {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil, err
		}
		return f, nil
	}
	if len(s) > 32 {
		return nil, errors.New("unexpected number in a value")
	}
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		return nil, errors.New("unexpected number in a value")
	}
	return n, nil
}

func decodeSeq(kind byte, data any, depth int) (any, error) {
	list, ok := data.([]any)
	if !ok {
		return nil, errors.New("unexpected shape of a value")
	}
	seq := &pySeq{kind: kind, items: make([]any, len(list))}
	for i, item := range list {
		v, err := decodeValue(item, depth+1)
		if err != nil {
			return nil, err
		}
		seq.items[i] = v
	}
	if seq.isSet() && repeated(seq.items) {
		return nil, errRepeated
	}
	return seq, nil
}

// errRepeated is a forgery: no set or dict of Python's holds an item twice.
var errRepeated = errors.New("a set or dict of a value repeats an item")

// repeated says whether two of the items are equal. Those that only Python can
// compare are left to it.
func repeated(items []any) bool {
	seen := make(map[string]bool, len(items))
	for _, item := range items {
		key, err := hashKey(item)
		if err != nil {
			continue
		}
		if seen[key] {
			return true
		}
		seen[key] = true
	}
	return false
}

func decodeTagged(m map[string]any, depth int) (any, error) {
	if u, ok := m["u"]; ok {
		return decodeValue(u, depth+1)
	}
	if _, ok := m["h"]; ok {
		name, _ := m["class"].(string)
		return pyOpaque{name}, nil
	}
	for tag, kind := range map[string]byte{"t": 't', "s": 's', "z": 'z'} {
		if list, ok := m[tag]; ok {
			return decodeSeq(kind, list, depth)
		}
	}
	switch {
	case m["d"] != nil:
		if of, ok := m["of"]; ok && of != "defaultdict" {
			return nil, errUndecided
		}
		return decodeDict(m["d"], depth)
	case m["i"] != nil:
		s, _ := m["i"].(string)
		n, ok := new(big.Int).SetString(strings.Replace(s, "0x", "", 1), 16)
		if !ok {
			return nil, errors.New("unexpected integer in a value")
		}
		if n.BitLen() > maxIntegerBits {
			return nil, errUndecided
		}
		return n, nil
	case m["f"] != nil:
		switch m["f"] {
		case "nan":
			return math.NaN(), nil
		case "inf":
			return math.Inf(1), nil
		case "-inf":
			return math.Inf(-1), nil
		}
	case m["b"] != nil:
		s, _ := m["b"].(string)
		raw, err := hex.DecodeString(s)
		return pyBytes(raw), err
	}
	return nil, errUndecided
}

func decodeDict(data any, depth int) (any, error) {
	pairs, ok := data.([]any)
	if !ok {
		return nil, errors.New("unexpected shape of a dict")
	}
	d := &pyDict{}
	for _, p := range pairs {
		pair, ok := p.([]any)
		if !ok || len(pair) != 2 {
			return nil, errors.New("unexpected shape of a dict")
		}
		k, err := decodeValue(pair[0], depth+1)
		if err != nil {
			return nil, err
		}
		v, err := decodeValue(pair[1], depth+1)
		if err != nil {
			return nil, err
		}
		d.keys, d.values = append(d.keys, k), append(d.values, v)
	}
	if repeated(d.keys) {
		return nil, errRepeated
	}
	return d, nil
}

// encodeValue gives the wire form of a literal.
func encodeValue(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, string:
		return v, nil
	case *big.Int:
		if v.BitLen() < 62 {
			return json.Number(v.String()), nil
		}
		sign := ""
		if v.Sign() < 0 {
			sign = "-"
		}
		return map[string]any{"i": sign + "0x" + new(big.Int).Abs(v).Text(16)}, nil
	case float64:
		switch {
		case math.IsNaN(v):
			return map[string]any{"f": "nan"}, nil
		case math.IsInf(v, 1):
			return map[string]any{"f": "inf"}, nil
		case math.IsInf(v, -1):
			return map[string]any{"f": "-inf"}, nil
		}
		return json.Number(pyFloat(v)), nil
	case pyBytes:
		return map[string]any{"b": hex.EncodeToString([]byte(v))}, nil
	case *pySeq:
		items, err := encodeAll(v.items)
		if err != nil {
			return nil, err
		}
		if v.kind == 'l' {
			return items, nil
		}
		return map[string]any{string(v.kind): items}, nil
	case *pyDict:
		pairs := make([]any, len(v.keys))
		for i := range v.keys {
			pair, err := encodeAll([]any{v.keys[i], v.values[i]})
			if err != nil {
				return nil, err
			}
			pairs[i] = pair
		}
		return map[string]any{"d": pairs}, nil
	}
	return nil, errUndecided
}

func encodeAll(values []any) ([]any, error) {
	out := make([]any, len(values))
	for i, v := range values {
		e, err := encodeValue(v)
		if err != nil {
			return nil, err
		}
		out[i] = e
	}
	return out, nil
}

// pyFloat writes a float as Python does: the shortest digits, always with a
// point or an exponent.
func pyFloat(f float64) string {
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		format = 'e'
	}
	s := strconv.FormatFloat(f, format, -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// pyEqual is ==.
func pyEqual(a, b any) (bool, error) {
	if _, ok := b.(pyOpaque); ok {
		return false, errUndecided // an object may know what it is equal to
	}
	if a, ok := numeric(a); ok {
		b, ok := numeric(b)
		return ok && compareNumbers(a, b) == 0, nil
	}
	switch a := a.(type) {
	case nil:
		return b == nil, nil
	case string:
		b, ok := b.(string)
		return ok && a == b, nil
	case pyBytes:
		b, ok := b.(pyBytes)
		return ok && a == b, nil
	case *pySeq:
		b, ok := b.(*pySeq)
		if !ok || a.isSet() != b.isSet() {
			return false, nil
		}
		if a.isSet() {
			return equalSets(a.items, b.items)
		}
		if len(a.items) != len(b.items) || a.kind != b.kind {
			return false, nil
		}
		for i := range a.items {
			if eq, err := pyEqual(a.items[i], b.items[i]); err != nil || !eq {
				return false, err
			}
		}
		return true, nil
	case *pyDict:
		b, ok := b.(*pyDict)
		if !ok || len(a.keys) != len(b.keys) {
			return false, nil
		}
		return equalDicts(a, b)
	}
	return false, errUndecided
}

func (s *pySeq) isSet() bool { return s.kind == 's' || s.kind == 'z' }

func equalSets(a, b []any) (bool, error) {
	keys, err := keysOf(a)
	if err != nil {
		return false, err
	}
	others, err := keysOf(b)
	if err != nil {
		return false, err
	}
	slices.Sort(keys)
	slices.Sort(others)
	return slices.Equal(slices.Compact(keys), slices.Compact(others)), nil
}

func equalDicts(a, b *pyDict) (bool, error) {
	values := make(map[string]any, len(b.keys))
	for i, k := range b.keys {
		key, err := hashKey(k)
		if err != nil {
			return false, err
		}
		values[key] = b.values[i]
	}
	for i, k := range a.keys {
		key, err := hashKey(k)
		if err != nil {
			return false, err
		}
		other, ok := values[key]
		if !ok {
			return false, nil
		}
		if eq, err := pyEqual(a.values[i], other); err != nil || !eq {
			return false, err
		}
	}
	return len(values) == len(b.keys), nil
}

func keysOf(items []any) ([]string, error) {
	keys := make([]string, len(items))
	for i, item := range items {
		key, err := hashKey(item)
		if err != nil {
			return nil, err
		}
		keys[i] = key
	}
	return keys, nil
}

// hashKey is equal for equal values, and different for different ones.
func hashKey(v any) (string, error) {
	if n, ok := numeric(v); ok {
		if n.float == nil {
			return "n" + n.whole.Text(16), nil // linear in its length, unlike decimal digits
		}
		f := *n.float
		if math.IsNaN(f) {
			return "", errUndecided
		}
		if math.IsInf(f, 0) || f != math.Trunc(f) {
			return "f" + strconv.FormatFloat(f, 'g', -1, 64), nil
		}
		whole, _ := big.NewFloat(f).Int(nil)
		return "n" + whole.Text(16), nil
	}
	switch v := v.(type) {
	case nil:
		return "0", nil
	case string:
		return "s" + strconv.Quote(v), nil
	case pyBytes:
		return "b" + strconv.Quote(string(v)), nil
	case *pySeq:
		if v.kind == 'l' || v.kind == 's' {
			return "", errUndecided
		}
		keys, err := keysOf(v.items)
		if err != nil {
			return "", err
		}
		if v.kind == 'z' {
			slices.Sort(keys)
			keys = slices.Compact(keys)
		}
		return string(v.kind) + "(" + strings.Join(keys, ",") + ")", nil
	}
	return "", errUndecided
}

// number is an integer or a float; Python compares the two exactly.
type number struct {
	whole *big.Int
	float *float64
}

func numeric(v any) (number, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return number{whole: big.NewInt(1)}, true
		}
		return number{whole: new(big.Int)}, true
	case *big.Int:
		return number{whole: v}, true
	case float64:
		return number{float: &v}, true
	}
	return number{}, false
}

// compareNumbers returns -1, 0 or 1, and 2 where one is not a number.
func compareNumbers(a, b number) int {
	switch {
	case a.float == nil && b.float == nil:
		return a.whole.Cmp(b.whole)
	case a.float != nil && b.float != nil:
		x, y := *a.float, *b.float
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		case x == y:
			return 0
		}
		return 2
	case a.float != nil:
		if c := compareNumbers(b, a); c != 2 {
			return -c
		}
		return 2
	}
	f := *b.float
	switch {
	case math.IsNaN(f):
		return 2
	case math.IsInf(f, 1):
		return -1
	case math.IsInf(f, -1):
		return 1
	}
	return new(big.Float).SetInt(a.whole).Cmp(big.NewFloat(f))
}

// pyRepr shows a value much as Python would, shortened.
func pyRepr(v any) string {
	var b bytes.Buffer
	writeRepr(&b, v)
	return shorten(b.String(), 300)
}

func writeRepr(b *bytes.Buffer, v any) {
	if b.Len() > 400 {
		return
	}
	list := func(open string, items []any, end string) {
		b.WriteString(open)
		for i, item := range items {
			if i > 0 {
				b.WriteString(", ")
			}
			writeRepr(b, item)
		}
		b.WriteString(end)
	}
	switch v := v.(type) {
	case nil:
		b.WriteString("None")
	case bool:
		b.WriteString(map[bool]string{true: "True", false: "False"}[v])
	case *big.Int:
		if v.BitLen() > 2000 {
			b.WriteString("<a large integer>")
			return
		}
		b.WriteString(v.String())
	case float64:
		switch {
		case math.IsNaN(v):
			b.WriteString("nan")
		case math.IsInf(v, 0):
			b.WriteString(strings.ToLower(strings.TrimPrefix(strconv.FormatFloat(v, 'g', -1, 64), "+")))
		default:
			b.WriteString(pyFloat(v))
		}
	case string:
		b.WriteString("'" + strings.ReplaceAll(strings.Trim(strconv.Quote(shorten(v, 400)), `"`), `\"`, `"`) + "'")
	case pyBytes:
		b.WriteString("b" + strconv.Quote(shorten(string(v), 400)))
	case *pySeq:
		switch {
		case v.kind == 'l':
			list("[", v.items, "]")
		case v.kind == 't' && len(v.items) == 1:
			list("(", v.items, ",)")
		case v.kind == 't':
			list("(", v.items, ")")
		case len(v.items) == 0:
			b.WriteString("set()")
		default:
			list("{", v.items, "}")
		}
	case *pyDict:
		b.WriteString("{")
		for i := range v.keys {
			if i > 0 {
				b.WriteString(", ")
			}
			writeRepr(b, v.keys[i])
			b.WriteString(": ")
			writeRepr(b, v.values[i])
		}
		b.WriteString("}")
	case pyOpaque:
		b.WriteString("<an object>")
	}
}
