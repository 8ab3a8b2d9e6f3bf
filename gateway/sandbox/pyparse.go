package sandbox

import (
	"errors"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The oracle reads the plain kind of test itself: assert statements over calls
// with literal arguments, alone or in the body of check(candidate). Whatever
// else it meets, it leaves to the pair protocol; so this is a reader of a small
// part of Python, and says errUndecided about the rest.

// expr is a parsed expression.
type expr struct {
	op    string // const, name, list, tuple, set, dict, call, unary, binary, compare, and, or
	value any    // const
	name  string // name, operator; of a call: the dotted function
	args  []*expr
	keys  []string // of a call: names of the last arguments
	ops   []string // of a comparison
}

// plannedCheck is one assert statement.
type plannedCheck struct {
	name string
	test *expr
}

// testPlan is what a test source asks for.
type testPlan struct {
	checks []plannedCheck
	calls  map[string]bool // functions that the candidate must answer for
	used   map[string]bool // names that are taken for Python's own
}

var errNotPlain = errors.New("not a plain test")

// planTests reads the sources; entry is what "candidate" stands for.
func planTests(sources []string, entry string) (*testPlan, error) {
	plan := &testPlan{calls: map[string]bool{}, used: map[string]bool{}}
	for _, source := range sources {
		if err := plan.read(source, entry); err != nil {
			return nil, err
		}
	}
	if len(plan.checks) == 0 {
		return nil, errNotPlain
	}
	return plan, nil
}

// read takes one file line by logical line.
func (p *testPlan) read(source, entry string) error {
	lines, err := logicalLines(source)
	if err != nil {
		return err
	}
	parameter, inCheck, called := "", false, false
	body := -1
	for _, l := range lines {
		if l.indent == 0 {
			inCheck = false
		}
		if l.indent > 0 && !inCheck {
			return errNotPlain
		}
		if inCheck && l.indent > 0 {
			if body < 0 {
				body = l.indent
			}
			if l.indent != body {
				return errNotPlain
			}
		}
		word, rest := splitWord(l.text)
		switch {
		case word == "def" && l.indent == 0:
			name, after := splitWord(rest)
			after = strings.TrimSpace(after)
			if name != "check" || parameter != "" || !strings.HasPrefix(after, "(") || !strings.HasSuffix(after, "):") || entry == "" {
				return errNotPlain
			}
			parameter = strings.TrimSpace(after[1 : len(after)-2])
			if !isIdentifier(parameter) {
				return errNotPlain
			}
			inCheck, body = true, -1
		case word == "assert":
			scope := ""
			if inCheck {
				scope = parameter
			}
			if err := p.assert(l, rest, scope, entry); err != nil {
				return err
			}
		case word == "pass" && rest == "", word == "print" && rest == "":
		case word == "import" && (rest == "math" || rest == "copy" || rest == "random" || rest == "string"):
		case word == "METADATA" && strings.HasPrefix(strings.TrimSpace(rest), "="):
		case l.text == "check("+entry+")" && parameter != "" && !called && l.indent == 0:
			called = true
		default:
			return errNotPlain
		}
	}
	return nil
}

func (p *testPlan) assert(l logicalLine, text, parameter, entry string) error {
	ps := &parser{in: text, plan: p, parameter: parameter, entry: entry}
	if err := ps.next(); err != nil {
		return err
	}
	test, err := ps.test()
	if err != nil {
		return err
	}
	if ps.tok == "," { // the message is not evaluated: an expression in it cannot matter
		if err := ps.next(); err != nil {
			return err
		}
		if _, err := ps.test(); err != nil {
			return err
		}
	}
	if ps.kind != tokenEnd {
		return errNotPlain
	}
	if test.op == "const" {
		if test.value == true {
			return nil // "assert True" checks nothing
		}
		return errNotPlain
	}
	name := "line " + strconv.Itoa(l.number) + ": " + shorten(strings.Join(strings.Fields(text), " "), 120)
	p.checks = append(p.checks, plannedCheck{name: name, test: test})
	return nil
}

// logicalLine is a statement with its continuation lines.
type logicalLine struct {
	number int // 1 for the first line
	indent int
	text   string
}

// logicalLines joins lines inside brackets and strings, and drops comments.
func logicalLines(source string) ([]logicalLine, error) {
	var out []logicalLine
	var b strings.Builder
	number, start, depth := 1, 1, 0
	flush := func() {
		text := b.String()
		b.Reset()
		trimmed := strings.TrimLeft(text, " \t")
		indent := len(text) - len(trimmed)
		trimmed = strings.TrimRight(trimmed, " \t\r")
		if trimmed != "" {
			out = append(out, logicalLine{start, indent, trimmed})
		}
		start = number
	}
	for i := 0; i < len(source); {
		switch c := source[i]; { //nolint:staticcheck // the other cases are ranges
		case c == '\n':
			number++
			if depth == 0 {
				flush()
			} else {
				b.WriteByte(' ')
			}
			i++
		case c == '#':
			for i < len(source) && source[i] != '\n' {
				i++
			}
		case c == '\\' || c == ';' || c == '\f':
			return nil, errNotPlain
		case c == '"' || c == '\'':
			end, err := stringEnd(source, i, strings.HasSuffix(strings.ToLower(b.String()), "r"))
			if err != nil {
				return nil, err
			}
			b.WriteString(source[i:end])
			number += strings.Count(source[i:end], "\n")
			i = end
		default:
			switch c {
			case '(', '[', '{':
				depth++
			case ')', ']', '}':
				depth--
			}
			if depth < 0 {
				return nil, errNotPlain
			}
			b.WriteByte(c)
			i++
		}
	}
	if depth != 0 {
		return nil, errNotPlain
	}
	flush()
	return out, nil
}

// stringEnd finds the end of the string literal whose quote is at i.
func stringEnd(s string, i int, _ bool) (int, error) {
	quote := s[i : i+1]
	if strings.HasPrefix(s[i:], strings.Repeat(quote, 3)) {
		quote = strings.Repeat(quote, 3)
	}
	for j := i + len(quote); j < len(s); j++ {
		switch {
		case s[j] == '\\':
			j++
		case strings.HasPrefix(s[j:], quote):
			return j + len(quote), nil
		case s[j] == '\n' && len(quote) == 1:
			return 0, errNotPlain
		}
	}
	return 0, errNotPlain
}

func splitWord(s string) (word, rest string) {
	end := strings.IndexFunc(s, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if end < 0 {
		return s, ""
	}
	return s[:end], strings.TrimSpace(s[end:])
}

func isIdentifier(s string) bool {
	word, rest := splitWord(s)
	return word != "" && rest == "" && !unicode.IsDigit(rune(s[0])) && !keywords[s] && isASCII(s)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

var keywords = map[string]bool{
	"and": true, "or": true, "not": true, "in": true, "is": true, "if": true, "else": true, "for": true, "lambda": true,
	"await": true, "async": true, "yield": true, "from": true, "None": true, "True": true, "False": true, "import": true,
	"def": true, "class": true, "return": true, "while": true, "with": true, "as": true, "try": true, "except": true,
	"assert": true, "del": true, "global": true, "nonlocal": true, "pass": true, "break": true, "continue": true, "raise": true, "finally": true,
}

type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenName
	tokenNumber
	tokenString
	tokenOperator
)

// parser is a recursive descent over one expression.
type parser struct {
	in        string
	pos       int
	kind      tokenKind
	tok       string
	value     any
	depth     int
	plan      *testPlan
	parameter string // of check: stands for the entry point
	entry     string
}

var operators = []string{"**", "//", "==", "!=", "<=", ">=", "(", ")", "[", "]", "{", "}", ",", ":", ".", "=", "<", ">", "+", "-", "*", "/", "%", "~"}

func (p *parser) next() error {
	for p.pos < len(p.in) && (p.in[p.pos] == ' ' || p.in[p.pos] == '\t' || p.in[p.pos] == '\r') {
		p.pos++
	}
	if p.pos >= len(p.in) {
		p.kind, p.tok = tokenEnd, ""
		return nil
	}
	c := p.in[p.pos]
	switch {
	case c == '"' || c == '\'':
		return p.stringToken("")
	case c >= '0' && c <= '9' || c == '.' && p.pos+1 < len(p.in) && p.in[p.pos+1] >= '0' && p.in[p.pos+1] <= '9':
		return p.numberToken()
	case c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		end := p.pos
		for end < len(p.in) && (p.in[end] == '_' || p.in[end] >= '0' && p.in[end] <= '9' || p.in[end]|0x20 >= 'a' && p.in[end]|0x20 <= 'z') {
			end++
		}
		word := p.in[p.pos:end]
		if end < len(p.in) && p.in[end] >= utf8.RuneSelf {
			return errNotPlain
		}
		if end < len(p.in) && (p.in[end] == '"' || p.in[end] == '\'') {
			p.pos = end
			return p.stringToken(strings.ToLower(word))
		}
		p.pos = end
		p.kind, p.tok = tokenName, word
		return nil
	}
	for _, op := range operators {
		if strings.HasPrefix(p.in[p.pos:], op) {
			p.pos += len(op)
			p.kind, p.tok = tokenOperator, op
			return nil
		}
	}
	return errNotPlain
}

func (p *parser) numberToken() error {
	end := p.pos
	for end < len(p.in) {
		c := p.in[end]
		exponent := (c == '+' || c == '-') && (p.in[end-1]|0x20) == 'e' && !strings.HasPrefix(strings.ToLower(p.in[p.pos:]), "0x")
		if c != '_' && c != '.' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && (!exponent || end == p.pos) {
			break
		}
		end++
	}
	text := p.in[p.pos:end]
	p.pos = end
	p.kind, p.tok = tokenNumber, text
	lower := strings.ToLower(text)
	if strings.HasPrefix(lower, "0x") || strings.HasPrefix(lower, "0o") || strings.HasPrefix(lower, "0b") || !strings.ContainsAny(lower, ".ej") {
		n, ok := new(big.Int).SetString(lower, 0)
		if !ok || len(text) > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9' {
			return errNotPlain
		}
		p.value = n
		return nil
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(lower, "_", ""), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || strings.ContainsAny(lower, "jxpin") {
		return errNotPlain
	}
	p.value = f
	return nil
}

func (p *parser) stringToken(prefix string) error {
	raw, isBytes := strings.Contains(prefix, "r"), strings.Contains(prefix, "b")
	if strings.Trim(prefix, "rbu") != "" || len(prefix) > 2 {
		return errNotPlain
	}
	end, err := stringEnd(p.in, p.pos, raw)
	if err != nil {
		return err
	}
	text := p.in[p.pos:end]
	quote := 1
	if len(text) >= 6 && strings.HasPrefix(text, strings.Repeat(text[:1], 3)) {
		quote = 3
	}
	text = text[quote : len(text)-quote]
	p.pos = end
	if !utf8.ValidString(text) || strings.ContainsAny(text, "\r\uFFFD") {
		return errNotPlain
	}
	if !raw {
		if text, err = unescape(text, isBytes); err != nil {
			return err
		}
	}
	p.kind, p.tok = tokenString, "string"
	if isBytes {
		p.value = pyBytes(text)
	} else {
		p.value = text
	}
	return nil
}

var simpleEscapes = map[byte]string{'\n': "", '\\': "\\", '\'': "'", '"': "\"", 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v"}

func unescape(s string, isBytes bool) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			if isBytes && s[i] >= utf8.RuneSelf {
				return "", errNotPlain
			}
			b.WriteByte(s[i])
			continue
		}
		if i++; i >= len(s) {
			return "", errNotPlain
		}
		digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[i]]
		switch {
		case digits > 0 && (s[i] == 'x' || !isBytes):
			if i+digits >= len(s) {
				return "", errNotPlain
			}
			n, err := strconv.ParseUint(s[i+1:i+1+digits], 16, 32)
			if err != nil || n > unicode.MaxRune || n >= 0xd800 && n < 0xe000 || n == 0xfffd {
				return "", errNotPlain
			}
			if isBytes {
				b.WriteByte(byte(n))
			} else {
				b.WriteRune(rune(n))
			}
			i += digits
		case s[i] >= '0' && s[i] <= '7':
			n, j := 0, i
			for j < len(s) && j < i+3 && s[j] >= '0' && s[j] <= '7' {
				n = n*8 + int(s[j]-'0')
				j++
			}
			if isBytes {
				if n > 255 {
					return "", errNotPlain
				}
				b.WriteByte(byte(n))
			} else {
				b.WriteRune(rune(n))
			}
			i = j - 1
		case s[i] == 'N' || s[i] == 'u' || s[i] == 'U':
			return "", errNotPlain
		default:
			text, ok := simpleEscapes[s[i]]
			if !ok {
				text = s[i-1 : i+1] // Python keeps an unknown escape as it is
			}
			b.WriteString(text)
		}
	}
	return b.String(), nil
}
