package sandbox

import (
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// evaluator answers an expression as Python would, asking the candidate for
// calls. Where it cannot be sure, it says errUndecided.
type evaluator struct {
	call func(function string, args []any, keys []string) (any, error)

	// The two sides of the last comparison, for the message of a check that fails.
	left, right any
	compared    bool
}

func (e *evaluator) eval(x *expr) (any, error) {
	switch x.op {
	case "const":
		return x.value, nil
	case "list", "tuple", "set":
		items, err := e.all(x.args)
		if err != nil {
			return nil, err
		}
		kind := x.op[0]
		if kind == 's' {
			items, err = unique(items)
		}
		return &pySeq{kind: kind, items: items}, err
	case "dict":
		items, err := e.all(x.args)
		if err != nil {
			return nil, err
		}
		return makeDict(items)
	case "call":
		args, err := e.all(x.args)
		if err != nil {
			return nil, err
		}
		return e.call(x.name, args, x.keys)
	case "builtin":
		args, err := e.all(x.args)
		if err != nil {
			return nil, err
		}
		return pyFunctions[x.name](args, x.keys)
	case "and", "or":
		left, err := e.eval(x.args[0])
		if err != nil {
			return nil, err
		}
		truth, err := pyTruth(left)
		if err != nil || truth == (x.op == "or") {
			return left, err
		}
		return e.eval(x.args[1])
	case "unary":
		return e.unary(x)
	case "binary":
		args, err := e.all(x.args)
		if err != nil {
			return nil, err
		}
		return arithmetic(x.name, args[0], args[1])
	case "compare":
		return e.compare(x)
	}
	return nil, errUndecided
}

func (e *evaluator) all(list []*expr) ([]any, error) {
	out := make([]any, len(list))
	for i, x := range list {
		v, err := e.eval(x)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

// makeDict keeps the first place and the last value of a repeated key.
func makeDict(items []any) (any, error) {
	d := &pyDict{}
	at := map[string]int{}
	for i := 0; i+1 < len(items); i += 2 {
		key, err := hashKey(items[i])
		if err != nil {
			return nil, err
		}
		if j, ok := at[key]; ok {
			d.values[j] = items[i+1]
			continue
		}
		at[key] = len(d.keys)
		d.keys, d.values = append(d.keys, items[i]), append(d.values, items[i+1])
	}
	return d, nil
}

func (e *evaluator) unary(x *expr) (any, error) {
	v, err := e.eval(x.args[0])
	if err != nil {
		return nil, err
	}
	if x.name == "not" {
		truth, err := pyTruth(v)
		return !truth, err
	}
	n, ok := numeric(v)
	if !ok {
		return nil, errUndecided
	}
	switch {
	case n.float != nil && x.name == "-":
		return -*n.float, nil
	case n.float != nil:
		return *n.float, nil
	case x.name == "-":
		return new(big.Int).Neg(n.whole), nil
	}
	return n.whole, nil
}

// pyTruth is bool(v).
func pyTruth(v any) (bool, error) {
	if n, ok := numeric(v); ok {
		if n.float != nil {
			return *n.float != 0, nil
		}
		return n.whole.Sign() != 0, nil
	}
	switch v := v.(type) {
	case nil:
		return false, nil
	case string:
		return v != "", nil
	case pyBytes:
		return v != "", nil
	case *pySeq:
		return len(v.items) > 0, nil
	case *pyDict:
		return len(v.keys) > 0, nil
	}
	return false, errUndecided
}

func (e *evaluator) compare(x *expr) (any, error) {
	left, err := e.eval(x.args[0])
	if err != nil {
		return nil, err
	}
	for i, op := range x.ops {
		right, err := e.eval(x.args[i+1])
		if err != nil {
			return nil, err
		}
		e.left, e.right, e.compared = left, right, true
		holds, err := compareValues(op, left, right)
		if err != nil || !holds {
			return false, err
		}
		left = right
	}
	return true, nil
}

func compareValues(op string, a, b any) (bool, error) {
	switch op {
	case "==":
		return pyEqual(a, b)
	case "!=":
		eq, err := pyEqual(a, b)
		return !eq, err
	case "is", "is not":
		same, err := pyIs(a, b)
		return same == (op == "is"), err
	case "in", "not in":
		in, err := pyContains(b, a)
		return in == (op == "in"), err
	}
	c, err := pyOrder(a, b)
	if err != nil || c == 2 {
		return false, err
	}
	switch op {
	case "<":
		return c < 0, nil
	case "<=":
		return c <= 0, nil
	case ">":
		return c > 0, nil
	}
	return c >= 0, nil
}

// pyIs knows identity of the three singletons only.
func pyIs(a, b any) (bool, error) {
	_, boolA := a.(bool)
	_, boolB := b.(bool)
	if a == nil || b == nil || boolA || boolB {
		return (a == nil || boolA) && (b == nil || boolB) && a == b, nil
	}
	return false, errUndecided
}

func pyContains(container, item any) (bool, error) {
	items := []any(nil)
	switch c := container.(type) {
	case string:
		s, ok := item.(string)
		if !ok {
			return false, errUndecided
		}
		return strings.Contains(c, s), nil
	case *pySeq:
		items = c.items
	case *pyDict:
		items = c.keys
	default:
		return false, errUndecided
	}
	for _, candidate := range items {
		if eq, err := pyEqual(candidate, item); err != nil || eq {
			return eq, err
		}
	}
	return false, nil
}

// pyOrder compares numbers, strings, lists and tuples; 2 means unordered.
func pyOrder(a, b any) (int, error) {
	if x, ok := numeric(a); ok {
		if y, ok := numeric(b); ok {
			return compareNumbers(x, y), nil
		}
		return 0, errUndecided
	}
	switch a := a.(type) {
	case string:
		if b, ok := b.(string); ok {
			return strings.Compare(a, b), nil // UTF-8 sorts as code points do
		}
	case *pySeq:
		b, ok := b.(*pySeq)
		if !ok || a.kind != b.kind || a.isSet() {
			return 0, errUndecided
		}
		for i := range min(len(a.items), len(b.items)) {
			eq, err := pyEqual(a.items[i], b.items[i])
			if err != nil {
				return 0, err
			}
			if !eq {
				return pyOrder(a.items[i], b.items[i])
			}
		}
		return len(a.items) - len(b.items), nil
	}
	return 0, errUndecided
}

const maxPowerBits = 1 << 16

func arithmetic(op string, a, b any) (any, error) {
	x, okX := numeric(a)
	y, okY := numeric(b)
	if !okX || !okY {
		return concatenate(op, a, b)
	}
	if x.float == nil && y.float == nil {
		return wholeArithmetic(op, x.whole, y.whole)
	}
	f, err := x.asFloat()
	if err != nil {
		return nil, err
	}
	g, err := y.asFloat()
	if err != nil {
		return nil, err
	}
	switch op {
	case "+":
		return f + g, nil
	case "-":
		return f - g, nil
	case "*":
		return f * g, nil
	case "/":
		if g != 0 {
			return f / g, nil
		}
	}
	return nil, errUndecided
}

func (n number) asFloat() (float64, error) {
	if n.float != nil {
		return *n.float, nil
	}
	f, _ := new(big.Float).SetInt(n.whole).Float64()
	if math.IsInf(f, 0) {
		return 0, errUndecided
	}
	return f, nil
}

func wholeArithmetic(op string, x, y *big.Int) (any, error) {
	z := new(big.Int)
	switch op {
	case "+":
		return z.Add(x, y), nil
	case "-":
		return z.Sub(x, y), nil
	case "*":
		if x.BitLen()+y.BitLen() < maxPowerBits {
			return z.Mul(x, y), nil
		}
	case "/":
		if y.Sign() != 0 {
			f, _ := new(big.Rat).SetFrac(x, y).Float64()
			if !math.IsInf(f, 0) {
				return f, nil
			}
		}
	case "//", "%":
		if y.Sign() == 0 {
			return nil, errUndecided
		}
		quotient, remainder := z.QuoRem(x, y, new(big.Int))
		if remainder.Sign() != 0 && remainder.Sign() != y.Sign() { // Python rounds down, Go towards zero
			quotient.Sub(quotient, big.NewInt(1))
			remainder.Add(remainder, y)
		}
		if op == "%" {
			return remainder, nil
		}
		return quotient, nil
	case "**":
		if y.Sign() >= 0 && y.IsInt64() && y.Int64() < maxPowerBits && int64(x.BitLen())*y.Int64() < maxPowerBits {
			return z.Exp(x, y, nil), nil
		}
	}
	return nil, errUndecided
}

// concatenate is + and * of strings, lists and tuples.
func concatenate(op string, a, b any) (any, error) {
	if op == "*" {
		n, ok := b.(*big.Int)
		if !ok {
			if n, ok = a.(*big.Int); !ok {
				return nil, errUndecided
			}
			a = b
		}
		times := int64(0)
		if n.Sign() > 0 {
			if !n.IsInt64() || n.Int64() > 1<<20 {
				return nil, errUndecided
			}
			times = n.Int64()
		}
		switch v := a.(type) {
		case string:
			if times*int64(len(v)) < maxSource {
				return strings.Repeat(v, int(times)), nil
			}
		case *pySeq:
			if !v.isSet() && times*int64(len(v.items)) < maxSource {
				return &pySeq{v.kind, slices.Repeat(v.items, int(times))}, nil
			}
		}
		return nil, errUndecided
	}
	if op == "+" {
		switch x := a.(type) {
		case string:
			if y, ok := b.(string); ok {
				return x + y, nil
			}
		case *pySeq:
			if y, ok := b.(*pySeq); ok && x.kind == y.kind && !x.isSet() {
				return &pySeq{x.kind, slices.Concat(x.items, y.items)}, nil
			}
		}
	}
	return nil, errUndecided
}

// pyFunctions are what tests use of Python itself around a call. A candidate
// that defines one of these names sends its tests to the pair protocol.
var pyFunctions map[string]func(args []any, keys []string) (any, error)

func init() { // the functions refer to each other through values, which an initialiser may not
	pyFunctions = map[string]func(args []any, keys []string) (any, error){
		"abs": one(pyAbs), "math.fabs": one(pyAbs), "len": one(pyLen), "bool": one(func(v any) (any, error) { return pyTruth(v) }),
		"set": one(collect('s')), "frozenset": one(collect('z')), "list": one(collect('l')), "tuple": one(collect('t')),
		"sorted": one(pySorted), "round": pyRound, "math.isclose": pyIsClose,
	}
}

// pyBuiltins are Python's other functions and types: a test that calls one does
// not mean the solution, unless it is the entry point.
var pyBuiltins = func() map[string]bool {
	names := map[string]bool{}
	for name := range strings.FieldsSeq(`aiter all anext any ascii bin breakpoint bytearray bytes callable chr classmethod compile complex
		delattr dict dir divmod enumerate eval exec filter float format getattr globals hasattr hash help hex id input int isinstance
		issubclass iter locals map max memoryview min next object oct open ord pow print property range repr reversed setattr slice
		staticmethod str sum super type vars zip`) {
		names[name] = true
	}
	return names
}()

func one(f func(any) (any, error)) func([]any, []string) (any, error) {
	return func(args []any, keys []string) (any, error) {
		if len(args) != 1 || len(keys) > 0 {
			return nil, errUndecided
		}
		return f(args[0])
	}
}

func pyAbs(v any) (any, error) {
	n, ok := numeric(v)
	switch {
	case !ok:
		return nil, errUndecided
	case n.float != nil:
		return math.Abs(*n.float), nil
	}
	return new(big.Int).Abs(n.whole), nil
}

func pyLen(v any) (any, error) {
	n := 0
	switch v := v.(type) {
	case string:
		n = utf8.RuneCountInString(v)
	case pyBytes:
		n = len(v)
	case *pySeq:
		if v.isSet() {
			keys, err := keysOf(v.items)
			if err != nil {
				return nil, err
			}
			slices.Sort(keys)
			n = len(slices.Compact(keys))
			break
		}
		n = len(v.items)
	case *pyDict:
		n = len(v.keys)
	default:
		return nil, errUndecided
	}
	return big.NewInt(int64(n)), nil
}

func collect(kind byte) func(any) (any, error) {
	return func(v any) (any, error) {
		items, err := iterate(v)
		if err != nil {
			return nil, err
		}
		if kind == 's' || kind == 'z' {
			items, err = unique(items)
		} else if s, ok := v.(*pySeq); ok && s.isSet() {
			return nil, errUndecided // in Python's own order
		}
		return &pySeq{kind: kind, items: items}, err
	}
}

// unique keeps the first of equal items, as a set does.
func unique(items []any) ([]any, error) {
	keys, err := keysOf(items)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var out []any
	for i, item := range items {
		if !seen[keys[i]] {
			seen[keys[i]] = true
			out = append(out, item)
		}
	}
	return out, nil
}

// iterate lists what a loop over v would see; the order of a set is Python's own.
func iterate(v any) ([]any, error) {
	switch v := v.(type) {
	case string:
		var out []any
		for _, r := range v {
			out = append(out, string(r))
		}
		return out, nil
	case *pySeq:
		return v.items, nil
	case *pyDict:
		return v.keys, nil
	}
	return nil, errUndecided
}

func pySorted(v any) (any, error) {
	items, err := iterate(v)
	if err != nil {
		return nil, err
	}
	out := slices.Clone(items)
	var trouble error
	slices.SortStableFunc(out, func(a, b any) int {
		c, err := pyOrder(a, b)
		if err != nil || c == 2 {
			trouble = errUndecided
			return 0
		}
		return c
	})
	return &pySeq{kind: 'l', items: out}, trouble
}

// pyRound is round(x, n) of a float: correctly rounded decimal digits, halves to even.
func pyRound(args []any, keys []string) (any, error) {
	if len(args) != 2 || len(keys) > 0 {
		return nil, errUndecided
	}
	f, ok := args[0].(float64)
	digits, whole := args[1].(*big.Int)
	if !ok || !whole || math.IsNaN(f) || math.IsInf(f, 0) || digits.Sign() < 0 || digits.Cmp(big.NewInt(20)) > 0 {
		return nil, errUndecided
	}
	return strconv.ParseFloat(strconv.FormatFloat(f, 'f', int(digits.Int64()), 64), 64)
}

func pyIsClose(args []any, keys []string) (any, error) {
	relative, absolute := 1e-9, 0.0
	plain := len(args) - len(keys)
	if plain != 2 {
		return nil, errUndecided
	}
	values := make([]float64, len(args))
	for i, a := range args {
		n, ok := numeric(a)
		if !ok {
			return nil, errUndecided
		}
		f, err := n.asFloat()
		if err != nil {
			return nil, err
		}
		values[i] = f
	}
	for i, key := range keys {
		switch key {
		case "rel_tol":
			relative = values[plain+i]
		case "abs_tol":
			absolute = values[plain+i]
		default:
			return nil, errUndecided
		}
	}
	a, b := values[0], values[1]
	switch {
	case relative < 0 || absolute < 0:
		return nil, errUndecided
	case a == b:
		return true, nil
	case math.IsInf(a, 0) || math.IsInf(b, 0):
		return false, nil
	}
	difference := math.Abs(b - a)
	return difference <= math.Abs(relative*b) || difference <= math.Abs(relative*a) || difference <= absolute, nil
}
