package search

import (
	"regexp"
	"slices"
	"strings"
)

// probe is one call that all samples are observed at.
type probe struct {
	args   string // Python source of the arguments, without the parentheses
	expect string // Python source of what somebody claims it returns; empty for an input alone
	given  bool   // the claim is the prompt's own
}

const (
	maxProbes    = 24
	maxProbeText = 400 // bytes of one probe's source
	madeInputs   = 12  // inputs that are made of types and boundaries
)

var (
	stubForm    = regexp.MustCompile(`(?m)^[ \t]*(?:async )?def (\w+)\(`)
	namedForm   = regexp.MustCompile("(?i)\\bfunction (?:called |named )?[`'\"]?([A-Za-z_]\\w*)[`'\"]?\\(|`([A-Za-z_]\\w*)\\(|\\b(?:called|named) [`'\"]?([A-Za-z_]\\w*)")
	topDefForm  = regexp.MustCompile(`(?m)^(?:async )?def (\w+)\(`)
	returnsForm = regexp.MustCompile(`^\s*(?:==|=>|->|➞|→|# ?=>|returns?|should (?:return|be)|gives|evaluates to)\s*(.+)`)
)

// entryPoint is the function that a task without tests asks for: the one that is
// stated, that the prompt begins, that it names, or that most samples define.
func (t Task) entryPoint(prompt string, samples []Sample) string {
	if t.Spec.EntryPoint != "" {
		return t.Spec.EntryPoint
	}
	defined := map[string]int{}
	for _, s := range samples {
		seen := map[string]bool{}
		for _, m := range topDefForm.FindAllStringSubmatch(s.Candidate.Code, -1) {
			if !seen[m[1]] {
				seen[m[1]] = true
				defined[m[1]]++
			}
		}
	}
	for _, m := range namedForm.FindAllStringSubmatch(prompt, -1) {
		if name := first(m[1], m[2], m[3]); defined[name] > 0 {
			return name
		}
	}
	if stubs := stubForm.FindAllStringSubmatch(prompt, -1); len(stubs) > 0 {
		if name := stubs[len(stubs)-1][1]; defined[name] > 0 {
			return name
		}
	}
	best, most := "", 0
	for _, s := range samples {
		for _, m := range topDefForm.FindAllStringSubmatch(s.Candidate.Code, -1) {
			if defined[m[1]] >= most { // of several, the last one of a program: helpers come first
				best, most = m[1], defined[m[1]]
			}
		}
	}
	return best
}

// callsIn finds the calls of a function in a text, with what the text says that
// they return.
func callsIn(text, name string) (found []probe) {
	for at := 0; ; {
		i := strings.Index(text[at:], name+"(")
		if i < 0 || len(found) == maxProbes {
			return found
		}
		start := at + i + len(name) + 1
		whole := at+i == 0 || !isWord(text[at+i-1]) && text[at+i-1] != '.'
		at = start
		end := closing(text, start)
		if end < 0 || !whole || strings.HasSuffix(strings.TrimRight(text[:start-len(name)-1], " "), "def") {
			continue
		}
		p := probe{args: strings.TrimSpace(text[start:end])}
		rest := text[end+1:]
		line, below, _ := strings.Cut(rest, "\n")
		if m := returnsForm.FindStringSubmatch(line); m != nil {
			p.expect = tidyExpected(m[1])
		} else if before := text[:start]; strings.HasPrefix(strings.TrimSpace(before[strings.LastIndexByte(before, '\n')+1:]), ">>>") {
			p.expect, _, _ = strings.Cut(below, "\n")
			p.expect = tidyExpected(p.expect)
		}
		if len(p.args)+len(p.expect) <= maxProbeText {
			found = append(found, p)
		}
	}
}

// tidyExpected takes the end of a sentence off an expected value.
func tidyExpected(s string) string {
	if i := strings.Index(s, "  #"); i >= 0 {
		s = s[:i]
	}
	return strings.Trim(strings.TrimSpace(s), "`.;")
}

// closing is where the parenthesis that was opened before start is closed; -1
// when it is not within a probe's length.
func closing(text string, start int) int {
	depth, quote := 1, byte(0)
	for i := start; i < len(text) && i < start+maxProbeText; i++ {
		c := text[i]
		switch {
		case quote != 0:
			switch c {
			case '\\':
				i++
			case quote, '\n':
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '(' || c == '[' || c == '{':
			depth++
		case c == ')' || c == ']' || c == '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// parameter is one of a function's, with its annotation if it has one.
type parameter struct{ name, kind string }

// parameters reads the signature of a function from a program or a stub.
func parameters(code, name string) (list []parameter, ok bool) {
	i := strings.Index(code, "def "+name+"(")
	if i < 0 {
		return nil, false
	}
	start := i + len("def ") + len(name) + 1
	end := closing(code, start)
	if end < 0 {
		return nil, false
	}
	for _, part := range splitTop(code[start:end]) {
		part = strings.TrimSpace(part)
		if part == "/" || part == "" {
			continue
		}
		if strings.HasPrefix(part, "*") {
			break // what follows has a name or a default
		}
		name, kind, _ := strings.Cut(part, ":")
		name, _, optional := strings.Cut(name, "=")
		kind, _, defaulted := strings.Cut(kind, "=")
		if optional || defaulted {
			continue
		}
		list = append(list, parameter{strings.TrimSpace(name), strings.TrimSpace(kind)})
	}
	return list, true
}

// splitTop splits at the commas outside of brackets.
func splitTop(s string) (parts []string) {
	depth, from := 0, 0
	for i := range len(s) {
		switch s[i] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case ',':
			if depth == 0 {
				parts = append(parts, s[from:i])
				from = i + 1
			}
		}
	}
	return append(parts, s[from:])
}

// Values at the boundaries of types, as Python source.
var (
	integers = []string{"0", "1", "-1", "2", "7", "10", "13", "100", "-12", "12345"}
	floats   = []string{"0.0", "1.0", "-1.5", "2.75", "3.14159", "100.0", "-0.25", "1e-3"}
	texts    = []string{`""`, `"a"`, `"abc"`, `"Hello World"`, `"aabbcc"`, `"racecar"`, `"123"`, `"a b  c"`, `"Zz-Yy_0!"`, `"([]{})"`}
	booleans = []string{"True", "False"}
	unknown  = []string{"0", "5", `"abc"`, "[1, 2, 3]", "[]", "-3", `"Hello World"`, `["a", "bb", "a"]`, "[3, 1, 2, 2]", "12"}
)

// maxNesting is how deep types are followed: values of deeper ones would grow
// without bound.
const maxNesting = 3

// valuesOf are values of a Python annotation, or of what a name usually stands
// for.
func valuesOf(p parameter) []string { return valuesAt(p, maxNesting) }

// valuesAt follows a type so many levels deep.
func valuesAt(p parameter, deep int) []string {
	if deep == 0 {
		return unknown
	}
	kind := strings.ToLower(strings.ReplaceAll(p.kind, " ", ""))
	kind = strings.NewReplacer("typing.", "", "'", "", `"`, "").Replace(kind)
	if inner, ok := inside(kind, "optional"); ok {
		return append(slices.Clone(valuesAt(parameter{kind: inner}, deep-1)), "None")
	}
	for _, list := range []string{"list", "sequence", "iterable", "collection"} {
		if inner, ok := inside(kind, list); ok || kind == list {
			return listsOf(first(inner, "int"), "[", "]", deep-1)
		}
	}
	if inner, ok := inside(kind, "set"); ok || kind == "set" {
		return listsOf(first(inner, "int"), "set([", "])", deep-1)
	}
	if inner, ok := inside(kind, "tuple"); ok || kind == "tuple" {
		return tuplesOf(first(inner, "int,..."), deep-1)
	}
	if strings.HasPrefix(kind, "dict") || strings.HasPrefix(kind, "mapping") {
		return []string{"{}", `{"a": 1}`, `{"a": 1, "b": 2}`, `{"x": 0, "y": -1, "z": 5}`, `{"b": 2, "a": 1, "c": 2}`}
	}
	switch kind {
	case "int":
		return integers
	case "float", "complex":
		return floats
	case "str":
		return texts
	case "bool":
		return booleans
	case "":
		return valuesOfName(strings.ToLower(p.name))
	}
	return unknown
}

func inside(kind, name string) (inner string, ok bool) {
	inner, ok = strings.CutPrefix(kind, name+"[")
	if !ok || !strings.HasSuffix(inner, "]") {
		return "", false
	}
	return strings.TrimSuffix(inner, "]"), true
}

func listsOf(inner, open, end string, deep int) []string {
	v := valuesAt(parameter{kind: inner}, deep)
	at := func(i int) string { return v[i%len(v)] }
	lists := []string{open + end}
	for _, shape := range [][]int{{1}, {1, 3}, {3, 1, 2}, {1, 1, 4}, {0, 1, 2, 3, 4}, {4, 3, 2, 1}, {2, 5, 2, 6, 5}, {6, 0, 3, 7, 1, 8}} {
		parts := make([]string, len(shape))
		for i, k := range shape {
			parts[i] = at(k)
		}
		lists = append(lists, open+strings.Join(parts, ", ")+end)
	}
	return lists
}

// maxTuple bounds the members of a tuple that are made.
const maxTuple = 8

func tuplesOf(inner string, deep int) []string {
	kinds := splitTop(inner)
	kinds = kinds[:min(len(kinds), maxTuple)]
	if len(kinds) == 2 && kinds[1] == "..." {
		kinds = []string{kinds[0], kinds[0], kinds[0]}
	}
	var tuples []string
	for row := range 6 {
		parts := make([]string, len(kinds))
		for i, k := range kinds {
			v := valuesAt(parameter{kind: k}, deep)
			parts[i] = v[(row+2*i)%len(v)]
		}
		tuples = append(tuples, "("+strings.Join(parts, ", ")+",)")
	}
	return tuples
}

// valuesOfName guesses from a parameter's name where it has no annotation.
func valuesOfName(name string) []string {
	switch {
	case len(name) == 1 && strings.Contains("nkmxyabcdijpqrt", name), strings.HasPrefix(name, "num") && name != "nums" && !strings.HasPrefix(name, "numbers"), name == "count", name == "size", name == "limit", name == "target", name == "year", name == "value":
		return integers
	case strings.HasPrefix(name, "s") && len(name) <= 2, strings.Contains(name, "str"), strings.Contains(name, "text"), strings.Contains(name, "word") && name != "words", name == "sentence", name == "char", name == "line", name == "message":
		return texts
	case name == "words", name == "strings", name == "names":
		return listsOf("str", "[", "]", 1)
	case strings.Contains(name, "list"), strings.Contains(name, "lst"), strings.Contains(name, "arr"), strings.HasPrefix(name, "nums"), strings.HasPrefix(name, "numbers"), name == "values", name == "items", name == "l", name == "xs", name == "data":
		return listsOf("int", "[", "]", 1)
	case strings.Contains(name, "matrix"), strings.Contains(name, "grid"):
		return []string{"[]", "[[1]]", "[[1, 2], [3, 4]]", "[[1, 2, 3], [4, 5, 6]]", "[[0, 1], [1, 0], [1, 1]]"}
	case strings.Contains(name, "dict"), strings.Contains(name, "map"):
		return valuesOf(parameter{kind: "dict"})
	}
	return unknown
}

// inputs are calls of the function made of its types and their boundaries.
func inputs(params []parameter) []probe {
	if len(params) == 0 {
		return []probe{{}}
	}
	params = params[:min(len(params), maxTuple)]
	values := make([][]string, len(params))
	for i, p := range params {
		values[i] = valuesOf(p)
	}
	var made []probe
	for row := range madeInputs {
		parts := make([]string, len(params))
		for i, v := range values {
			parts[i] = v[(row*(i+1)+i+row/len(v))%len(v)] // each parameter goes through its values at its own pace
		}
		made = append(made, probe{args: strings.Join(parts, ", ")})
	}
	return made
}
