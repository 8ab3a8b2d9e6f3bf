package search

import "strings"

// pythonWatchers are words of programs that can see their own text: in such a
// program comments, docstrings and lines are part of what it does.
var pythonWatchers = []string{"__doc__", "__file__", "__dict__", "__code__", "vars(", "inspect", "getsource", "getdoc", "linecache", "traceback", "lineno",
	"doctest", "help(", "co_", "import dis", "tokenize", "settrace", "_getframe", "open(", "read_text", "read_bytes"}

// Marks of the normal form. Tokens end with a zero byte, which no program has.
const (
	markToken  = 0
	markLine   = 1 // a logical line ended
	markIndent = 2
	markDedent = 3
)

// pythonForm returns the tokens of a Python program: no comments, no docstrings,
// blocks by their depth instead of their blanks. It is not sure of programs that
// Python would refuse for their layout, of those that watch their own text, and
// of the corners of nested f-strings.
func pythonForm(code string) (form []byte, sure bool) {
	for _, w := range pythonWatchers {
		if strings.Contains(code, w) {
			return nil, false
		}
	}
	if strings.Contains(firstLines(code), "coding") {
		return nil, false // a comment there may name the encoding
	}
	l := pythonLexer{code: code, indents: []int{0}, form: make([]byte, 0, len(code)), suite: true}
	for l.at < len(l.code) {
		if !l.line() {
			return nil, false
		}
	}
	for range l.indents[1:] {
		l.form = append(l.form, markDedent)
	}
	return l.form, true
}

func firstLines(code string) string {
	first, rest, _ := strings.Cut(code, "\n")
	second, _, _ := strings.Cut(rest, "\n")
	return first + "\n" + second
}

type pythonLexer struct {
	code    string
	at      int
	indents []int
	tabs    bool // a line is indented by tabs
	blanks  bool // a line is indented by spaces
	form    []byte
	suite   bool // the next logical line is the first of a module, class or function
}

// line reads one logical line, and reports whether it is sure of it.
func (l *pythonLexer) line() bool {
	from := l.at
	for l.at < len(l.code) && (l.code[l.at] == ' ' || l.code[l.at] == '\t') {
		l.at++
	}
	if l.at == len(l.code) || l.code[l.at] == '\n' || l.code[l.at] == '#' {
		l.skipComment()
		l.at++ // the line's end
		return true
	}
	column := l.at - from
	l.blanks = l.blanks || strings.Contains(l.code[from:l.at], " ")
	l.tabs = l.tabs || strings.Contains(l.code[from:l.at], "\t")
	if l.tabs && l.blanks {
		return false // their widths are Python's to tell
	}
	if l.code[l.at] == '\\' || !l.indent(column) {
		return false
	}
	return l.tokens()
}

func (l *pythonLexer) skipComment() {
	for l.at < len(l.code) && l.code[l.at] != '\n' {
		l.at++
	}
}

// indent compares the line's column with those of the open blocks.
func (l *pythonLexer) indent(column int) bool {
	top := l.indents[len(l.indents)-1]
	if column > top {
		l.indents = append(l.indents, column)
		l.form = append(l.form, markIndent)
		return true
	}
	for column < top {
		l.indents = l.indents[:len(l.indents)-1]
		l.form = append(l.form, markDedent)
		top = l.indents[len(l.indents)-1]
	}
	return column == top
}

// tokens reads up to the end of the logical line.
func (l *pythonLexer) tokens() bool {
	start, depth := len(l.form), 0
	doc := true // so far the line is strings that do nothing
	word := ""  // the line's first, behind async
	last := byte(0)
	count := 0
	for l.at < len(l.code) {
		c := l.code[l.at]
		from := l.at
		switch {
		case c == ' ' || c == '\t':
			l.at++
			continue
		case c == '#':
			l.skipComment()
			continue
		case c == '\n':
			l.at++
			if depth > 0 {
				continue
			}
			l.endLine(start, doc && l.suite, (word == "def" || word == "class") && last == ':')
			return true
		case c == '\\':
			if !strings.HasPrefix(l.code[l.at:], "\\\n") || l.at+2 >= len(l.code) {
				return false
			}
			l.at += 2
			continue
		case c == '"' || c == '\'':
			if !l.text("") {
				return false
			}
			doc = doc && !strings.Contains(l.code[from:l.at], "\\")
		case isWord(c):
			l.word()
			run := l.code[from:l.at]
			if l.at < len(l.code) && (l.code[l.at] == '"' || l.code[l.at] == '\'') && isPrefix(run) {
				if !l.text(strings.ToLower(run)) {
					return false
				}
				doc = doc && (run == "r" || run == "R" || (run == "u" || run == "U") && !strings.Contains(l.code[from:l.at], "\\"))
				break
			}
			doc = false
			if count == 0 || word == "async" {
				word = run
			}
		case c < ' ' || c == 0x7f || c == '$' || c == '?' || c == '`':
			return false
		default:
			doc = false
			switch c {
			case '(', '[', '{':
				depth++
			case ')', ']', '}':
				if depth--; depth < 0 {
					return false
				}
			}
			l.operator()
		}
		count++
		last = l.code[l.at-1]
		l.form = append(append(l.form, l.code[from:l.at]...), markToken)
	}
	if depth > 0 {
		return false
	}
	l.endLine(start, doc && l.suite, (word == "def" || word == "class") && last == ':')
	return true
}

// endLine closes a logical line, and takes a docstring out again.
func (l *pythonLexer) endLine(start int, docstring, opens bool) {
	l.suite = opens
	if docstring {
		l.form = l.form[:start]
		return
	}
	l.form = append(l.form, markLine)
}

// isWord takes dots for parts of words, so that 1.5 and a.b are one token: one
// that is too long never makes two programs equal.
func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c >= 0x80
}

// word reads a name or a number, with the sign of its exponent.
func (l *pythonLexer) word() {
	from := l.at
	for l.at < len(l.code) {
		c := l.code[l.at]
		if isWord(c) {
			l.at++
			continue
		}
		run := l.code[from:l.at]
		number := run[0] >= '0' && run[0] <= '9' || run[0] == '.'
		if (c == '+' || c == '-') && number && strings.HasSuffix(strings.ToLower(run), "e") && !strings.HasPrefix(strings.ToLower(run), "0x") {
			l.at++
			continue
		}
		return
	}
}

var pythonOperators = []string{"**=", "//=", ">>=", "<<=", "**", "//", ">>", "<<", "!=", "==", "<=", ">=", "<>", "->", ":=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "@="}

// operator reads the longest operator, as Python does.
func (l *pythonLexer) operator() {
	if l.at+1 == len(l.code) || !strings.Contains("=*/<>", l.code[l.at+1:l.at+2]) {
		l.at++
		return
	}
	for _, op := range pythonOperators {
		if strings.HasPrefix(l.code[l.at:], op) {
			l.at += len(op)
			return
		}
	}
	l.at++
}

func isPrefix(run string) bool {
	switch strings.ToLower(run) {
	case "r", "u", "b", "f", "t", "br", "rb", "fr", "rf", "tr", "rt":
		return true
	}
	return false
}

// text reads a string literal. It is not sure of one that does not end, and of an
// f-string whose fields hold more than plain strings.
func (l *pythonLexer) text(prefix string) bool {
	quote := l.code[l.at : l.at+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(l.code[l.at:], triple) {
		quote = triple
	}
	fields := strings.ContainsAny(prefix, "ft")
	depth := 0 // of open fields
	for l.at += len(quote); l.at < len(l.code); {
		c := l.code[l.at]
		switch {
		case strings.HasPrefix(l.code[l.at:], quote):
			l.at += len(quote)
			return depth == 0
		case c == '\n' && len(quote) == 1:
			return false
		case c == '\\':
			if depth > 0 || l.at+1 == len(l.code) {
				return false
			}
			if fields && strings.HasPrefix(l.code[l.at:], "\\N{") {
				return false
			}
			l.at += 2
			continue
		case !fields:
		case c == '{' && depth == 0 && strings.HasPrefix(l.code[l.at:], "{{"), c == '}' && depth == 0 && strings.HasPrefix(l.code[l.at:], "}}"):
			l.at += 2
			continue
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth < 0 {
				return false
			}
		case depth > 0 && (c == '"' || c == '\''):
			end := strings.IndexAny(l.code[l.at+1:], "{}\\\n\"'")
			if end < 0 || l.code[l.at+1+end] != c || strings.HasPrefix(l.code[l.at+1+end:], quote) {
				return false
			}
			l.at += end + 2
			continue
		case depth > 0 && (c == '#' || c == '\n'):
			return false
		}
		l.at++
	}
	return false
}
