package sandbox

import (
	_ "embed"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

//go:embed c/judge.h
var cJudge string

// joinC is one C or C++ program of a solution and its tests. The tests' asserts,
// exits and comparisons are the judge's own, by names drawn for this program; the
// solution is a file of its own, whose macros end with it where they would change
// the language or the library under the tests.
func joinC(j Job, prefix string) (program, fault string) {
	tests := parseC(strings.Join(j.Tests, "\n"))
	var b strings.Builder
	idle := "1" // nothing but asserts could fail these tests
	if tests.has("return", "exit", "abort", "_Exit", "_exit", "quick_exit") {
		idle = "0"
	}
	b.WriteString(strings.NewReplacer("PREFIX_idle", idle, "PREFIX", prefix).Replace(cJudge))
	fmt.Fprintf(&b, "#include \"%s\"\n#undef main\n", j.Path)
	used := tests.names()
	for _, m := range macros(j.Code) {
		if !m.plain || used[m.name] && slices.Contains(cReserved, m.name) {
			fmt.Fprintf(&b, "#undef %s\n", m.name)
		} else if m.function && used[m.name] {
			tests.enclose(m.name)
			used[m.name] = false
		}
	}
	fmt.Fprintf(&b, "#define %s_assert(...) %s_check(!!(__VA_ARGS__), #__VA_ARGS__)\n", prefix, prefix)
	main, text := tests.rewrite(prefix, j)
	b.WriteString(text)
	arguments := "argc, argv"
	if main.bare {
		arguments = ""
	}
	call := fmt.Sprintf("%s_exit(%s_main(%s));", prefix, prefix, arguments)
	if main.void {
		call = fmt.Sprintf("%s_main(%s); %s_exit(0);", prefix, arguments, prefix)
	}
	fmt.Fprintf(&b, "\nint main(int argc, char **argv) { (void)argc; (void)argv; %s }\n", call)
	return b.String(), ""
}

// cReserved are names that tests may use and no solution should define anew.
var cReserved = strings.Fields(`alignas alignof auto bool break case catch char class const constexpr continue decltype default delete do
	double else enum explicit extern false float for friend goto if inline int long mutable namespace new noexcept not nullptr operator
	and or private protected public register return short signed sizeof static struct switch template this throw true try typedef
	typename union unsigned using virtual void volatile while xor
	NULL EOF NAN INFINITY INT_MAX INT_MIN LONG_MAX LONG_MIN UINT_MAX SIZE_MAX DBL_EPSILON EXIT_SUCCESS EXIT_FAILURE
	int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t size_t ptrdiff_t string vector std set map pair
	strcmp strncmp strcasecmp strcoll strlen strstr strchr strcpy strcat memcmp memcpy memset malloc calloc free printf fprintf puts sprintf
	snprintf putchar stdout stderr fabs fabsf fabsl abs labs llabs isnan isinf fmax fmin pow sqrt round floor ceil equal is_sorted
	is_permutation count find all_of any_of none_of sort begin end size empty at compare`)

// cMacro is a macro that a solution defines.
type cMacro struct {
	name     string
	function bool
	plain    bool // it stands for one expression, or a type, wherever it stands
}

var (
	macroForm   = regexp.MustCompile(`(?:#|%:|\?\?=)[ \t]*define[ \t]+([A-Za-z_]\w*)(\([^)\n]*\))?([^\n]*)`)
	commentForm = regexp.MustCompile(`(?s)/\*.*?\*/`)
	wordsForm   = regexp.MustCompile(`^[\w\s.*:<>"'+-]*$`)
)

// macros are the macros that a source defines.
func macros(code string) []cMacro {
	code = strings.NewReplacer("\\\r\n", "", "\\\n", "").Replace(code)
	var found []cMacro
	for _, m := range macroForm.FindAllStringSubmatch(commentForm.ReplaceAllString(code, " "), -1) {
		body, _, _ := strings.Cut(m[3], "//")
		whole, one := brackets(body)
		plain := whole && (m[2] != "" || wordsForm.MatchString(body) || one)
		found = append(found, cMacro{m[1], m[2] != "", plain})
	}
	return found
}

// cToken is a piece of C: a name, or anything else as it stands.
type cToken struct {
	text  string
	name  bool
	blank bool // white space or a comment
}

type cSource []cToken

var cTokenForm = regexp.MustCompile(`(?s)^(?:[ \t\r\n]+|//[^\n]*|(?:u8|u|U|L)?"(?:\\.|[^"\\\n])*"|(?:u8|u|U|L)?'(?:\\.|[^'\\\n])*'|\.?\d(?:[eEpP][+-]|'?[\w.])*|[A-Za-z_]\w*|.)`)

var (
	cRawString = regexp.MustCompile(`^(?:u8|u|U|L)?R"([^()\\\s]{0,16})\(`)
	cDirective = regexp.MustCompile(`^[ \t]*#[ \t]*(?:include|pragma|line|error|undef)\b[^\n]*`)
)

func parseC(text string) cSource {
	var out cSource
	for at := 0; at < len(text); {
		rest := text[at:]
		if at == 0 || text[at-1] == '\n' {
			if line := cDirective.FindString(rest); line != "" {
				out = append(out, cToken{text: line})
				at += len(line)
				continue
			}
		}
		piece := rest // a comment that does not end is all of it
		if !strings.HasPrefix(rest, "/*") {
			piece = cTokenForm.FindString(rest)
		} else if _, after, ends := strings.Cut(rest[2:], "*/"); ends {
			piece = rest[:len(rest)-len(after)]
		}
		if i := strings.LastIndexByte(piece, '\n'); i >= 0 && i < len(piece)-1 && strings.TrimSpace(piece) == "" {
			piece = piece[:i+1] // a directive may begin after it
		}
		if m := cRawString.FindStringSubmatch(rest); m != nil {
			if end := strings.Index(rest[len(m[0]):], ")"+m[1]+`"`); end >= 0 {
				piece = rest[:len(m[0])+end+len(m[1])+2]
			}
		}
		if piece == "" {
			piece = rest[:1]
		}
		first := piece[0]
		out = append(out, cToken{text: piece,
			name:  (first == '_' || first >= 'A' && first <= 'Z' || first >= 'a' && first <= 'z') && !strings.ContainsAny(piece, `"'`),
			blank: strings.TrimSpace(piece) == "" || strings.HasPrefix(piece, "//") || strings.HasPrefix(piece, "/*")})
		at += len(piece)
	}
	return out
}

func (s cSource) has(names ...string) bool {
	return slices.ContainsFunc(s, func(t cToken) bool { return t.name && slices.Contains(names, t.text) })
}

// names are those that occur.
func (s cSource) names() map[string]bool {
	names := map[string]bool{}
	for _, t := range s {
		if t.name {
			names[t.text] = true
		}
	}
	return names
}

// next is the index of the first piece from i on, step by step, that is not blank.
func (s cSource) next(i, step int) int {
	for i >= 0 && i < len(s) && s[i].blank {
		i += step
	}
	return i
}

func (s cSource) is(i int, text string) bool { return i >= 0 && i < len(s) && s[i].text == text }

// close is the index of the bracket that closes the one at i; len(s) without one.
func (s cSource) close(i int) int {
	opening, closing := s[i].text, map[string]string{"(": ")", "{": "}"}[s[i].text]
	depth := 0
	for ; i < len(s); i++ {
		switch s[i].text {
		case opening:
			depth++
		case closing:
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return i
}

// brackets says whether every bracket of a macro is closed by its own kind, and
// whether the first is closed by the last of its characters. It reads strangers'
// text, in one pass.
func brackets(body string) (whole, one bool) {
	body = strings.TrimSpace(body)
	var open []byte
	first := -1 // where the first bracket is closed
	for i := range len(body) {
		switch c := body[i]; c {
		case '(', '[', '{':
			open = append(open, c)
		case ')', ']', '}':
			if len(open) == 0 || open[len(open)-1] != map[byte]byte{')': '(', ']': '[', '}': '{'}[c] {
				return false, false
			}
			open = open[:len(open)-1]
			if len(open) == 0 && first < 0 {
				first = i
			}
		}
	}
	return len(open) == 0, strings.HasPrefix(body, "(") && first == len(body)-1
}

// enclose puts every use of a solution's macro into brackets, so that it cannot
// change what stands around it.
func (s cSource) enclose(name string) {
	for i := range s {
		if open := s.next(i+1, 1); s[i].name && s[i].text == name && s.is(open, "(") {
			if end := s.close(open); end < len(s) {
				s[i].text, s[end].text = "("+name, "))"
				s[i].name = false
			}
		}
	}
}

// doubt has an assert of C++ that compares with a literal also see that another
// literal is not equal: a class of the solution may say that everything is.
func (s cSource) doubt(open int, prefix string) {
	end := s.close(open)
	if end >= len(s) {
		return
	}
	depth, start := 0, open+1
	for i := open + 1; i < end; i++ {
		switch s[i].text {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			depth--
		}
		switch {
		case depth != 0:
		case s.is(i, "|") || s.is(i, "?") || s.is(i, ","):
			return
		case s.is(i, "&") && s.is(i+1, "&"):
			i++
			start = i + 1
		case s.is(i, "=") && s.is(i+1, "=") && i > start && !s.is(i-1, "=") && !s.is(i-1, "!"):
			literal := s.next(i+2, 1)
			sign := ""
			if s.is(literal, "-") {
				sign, literal = "-", s.next(literal+1, 1)
			}
			after := s.next(literal+1, 1)
			if literal >= end || after != end && !s.is(after, "&") || !cLiteral.MatchString(s[literal].text) {
				continue
			}
			other := sign + s[literal].text + " + 1"
			if strings.HasPrefix(s[literal].text, `"`) {
				other = s[literal].text + `"_"`
			}
			if s[start].name { // which may be one of the judge's own
				s[start-1].text += prefix + "_same("
			} else {
				s[start].text = prefix + "_same(" + s[start].text
			}
			s[i].text, s[i+1].text = ",", ""
			s[literal].text += ", " + other + ")"
		}
	}
}

var cLiteral = regexp.MustCompile(`^(?:"|\d|\.\d|')`)

// cMain says how the tests' main function is to be called.
type cMain struct {
	found, bare, void bool
}

// ownC are the names that stand for the judge's own functions in tests.
var ownC = []string{"assert", "exit", "_Exit", "_exit", "quick_exit", "abort", "strcmp", "strncmp", "memcmp", "strlen", "fabs", "fabsf", "abs"}

// rewrite gives the tests the judge's own functions, and their main another name.
// Tests without a main are statements, which get one.
func (s cSource) rewrite(prefix string, j Job) (cMain, string) {
	s = slices.Clone(s)
	var m cMain
	for i := range s {
		t := &s[i]
		switch {
		case strings.HasPrefix(strings.TrimSpace(t.text), "#") && ownInclude(t.text, j.Path):
			t.text = ""
		case !t.name:
		case t.text == "main" && !m.found && s.is(s.next(i+1, 1), "("):
			open := s.next(i+1, 1)
			end := s.close(open)
			brace := s.next(end+1, 1)
			for brace < len(s) && !s.is(brace, "{") && !s.is(brace, ";") {
				brace++ // the type after an arrow
			}
			if !s.is(brace, "{") {
				continue
			}
			inside := s.next(open+1, 1)
			m = cMain{found: true, bare: inside == end || s.is(inside, "void") && s.next(inside+1, 1) == end, void: s.is(s.next(i-1, -1), "void")}
			t.text = prefix + "_main"
			if last := s.close(brace); last < len(s) && !m.void {
				s[last].text = "return 0; }"
			}
		case slices.Contains(ownC, t.text):
			before := s.next(i-1, -1)
			if s.is(before, ".") || s.is(before, ">") && s.is(before-1, "-") {
				continue
			}
			if s.is(before, ":") && s.is(before-1, ":") {
				if space := s.next(before-2, -1); s.is(space, "std") {
					s[space].text = ""
				} else if space >= 0 && s[space].name {
					continue
				}
				s[before].text, s[before-1].text = "", ""
			}
			if open := s.next(i+1, 1); t.text == "assert" && j.Language == "cpp" && s.is(open, "(") {
				s.doubt(open, prefix)
			}
			name := t.text
			switch name {
			case "_Exit", "_exit", "quick_exit":
				name = "exit"
			case "fabsf":
				if j.Language == "cpp" {
					name = "fabs"
				}
			}
			t.text = prefix + "_" + name
		}
	}
	var b strings.Builder
	for _, t := range s {
		b.WriteString(t.text)
	}
	if m.found {
		return m, b.String()
	}
	var heads, body []string
	for line := range strings.Lines(b.String()) {
		if trimmed := strings.TrimSpace(line); strings.HasPrefix(trimmed, "#") || strings.HasPrefix(trimmed, "using ") {
			heads = append(heads, line)
			line = "\n"
		}
		body = append(body, line)
	}
	return cMain{bare: true}, strings.Join(heads, "") + "\nstatic int " + prefix + "_main(void) {\n" + strings.Join(body, "") + "\nreturn 0; }\n"
}

// ownInclude says whether a directive includes the solution, which is there already.
func ownInclude(line, solution string) bool {
	_, name, found := strings.Cut(line, `"`)
	name, _, closed := strings.Cut(name, `"`)
	stem := strings.TrimSuffix(path.Base(solution), path.Ext(solution))
	return found && closed && strings.Contains(line, "include") && strings.TrimSuffix(path.Base(name), path.Ext(name)) == stem
}
