package search

import (
	"bytes"
	"strings"
)

// watchers are words of programs that can see where in their text they stand.
var watchers = []string{"__LINE__", "__FILE__", "__TIME__", "__DATE__", "__COUNTER__", "toString", "__filename", ".stack", "runtime.Caller", "go:embed", "//go:", "// +build", "\\\n", "readFile", "os.Args", "argv", "StackTrace", "source_location", "#line", "R\"", `"""`, "</"}

// braceForm returns a program of a language with C's comments without them:
// runs of blanks become one, blank lines and indentation go. It is not sure of
// programs that watch their own text, of regular expressions and of nested
// templates.
func braceForm(language, code string) (form []byte, sure bool) {
	for _, w := range watchers {
		if strings.Contains(code, w) {
			return nil, false
		}
	}
	l := braceLexer{language: language, code: code, form: make([]byte, 0, len(code))}
	for l.at < len(code) {
		if !l.next() {
			return nil, false
		}
	}
	return bytes.TrimRight(l.form, " \n"), true
}

type braceLexer struct {
	language string
	code     string
	at       int
	form     []byte
}

// next reads a comment, a literal or a character.
func (l *braceLexer) next() bool {
	rest := l.code[l.at:]
	script := l.language == "javascript" || l.language == "typescript"
	switch c := rest[0]; {
	case strings.HasPrefix(rest, "//"):
		if end := strings.IndexByte(rest, '\n'); end >= 0 {
			l.at += end
		} else {
			l.at = len(l.code)
		}
		l.blank(' ')
	case strings.HasPrefix(rest, "/*"):
		end := strings.Index(rest[2:], "*/")
		if end < 0 {
			return false
		}
		if strings.Contains(rest[:end+2], "\n") {
			l.blank('\n')
		} else {
			l.blank(' ')
		}
		l.at += end + 4
	case c == '#' && l.lineStart():
		end := strings.IndexByte(rest, '\n') // a directive, kept as it is
		if end < 0 {
			end = len(rest)
		}
		if strings.ContainsAny(rest[:end], "/\"'") && !strings.HasPrefix(rest, "#include \"") {
			return false
		}
		l.copy(end)
	case c == '/' && script:
		return l.division(rest)
	case c == '"':
		return l.literal(rest, '"', false)
	case c == '`':
		return l.language != "c" && l.language != "cpp" && l.literal(rest, '`', true)
	case c == '\'':
		if n := len(l.form); l.language == "cpp" && n > 0 && isWord(l.form[n-1]) {
			return false // a digit separator, or the prefix of a character
		}
		return l.literal(rest, '\'', false)
	case c == ' ' || c == '\t':
		l.blank(' ')
		l.at++
	case c == '\n':
		l.blank('\n')
		l.at++
	default:
		l.copy(1)
	}
	return true
}

func (l *braceLexer) copy(n int) {
	l.form = append(l.form, l.code[l.at:l.at+n]...)
	l.at += n
}

// blank adds a blank or a line's end, unless one is there: a line's end takes the
// place of a blank.
func (l *braceLexer) blank(c byte) {
	n := len(l.form)
	switch {
	case n == 0 || l.form[n-1] == '\n':
	case l.form[n-1] == ' ':
		l.form[n-1] = min(c, ' ') // a line's end is the smaller one
	default:
		l.form = append(l.form, c)
	}
}

func (l *braceLexer) lineStart() bool { return len(l.form) == 0 || l.form[len(l.form)-1] == '\n' }

// division copies a slash that divides. One that may begin a regular expression,
// in which quotes and comments mean nothing, is not sure.
func (l *braceLexer) division(rest string) bool {
	before := strings.TrimRight(string(l.form[max(0, len(l.form)-8):]), " ")
	if before == "" || !isWord(before[len(before)-1]) && before[len(before)-1] != ')' && before[len(before)-1] != ']' {
		return false
	}
	line, _, _ := strings.Cut(rest[1:], "\n")
	if strings.ContainsAny(line, "/\"'`") {
		return false
	}
	l.copy(1)
	return true
}

// literal copies a string as it is.
func (l *braceLexer) literal(rest string, quote byte, lines bool) bool {
	escapes := quote != '`' || l.language != "go"
	for i := 1; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == quote:
			l.copy(i + 1)
			return true
		case c == '\n' && !lines:
			return false
		case c == '\\' && escapes:
			i++
		case c == '$' && quote == '`' && strings.HasPrefix(rest[i:], "${") && l.language != "go":
			end := strings.IndexAny(rest[i+2:], "}{`\"'\\/")
			if end < 0 || rest[i+2+end] != '}' {
				return false
			}
			i += end + 2
		}
	}
	return false
}
