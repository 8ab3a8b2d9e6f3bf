package search

import (
	"regexp"
	"slices"
	"strings"

	"github.com/drover-llm/drover/gateway/sandbox"
)

// PromptTests are tests that stood in a prompt. They are usually few, and the
// model sees them: a pass says less than one of tests that were handed over.
type PromptTests struct {
	Tests      []string
	Cases      []sandbox.Case
	Framework  string // empty where the sandbox tells by the looks
	Language   string // empty where nothing tells
	EntryPoint string // function that the tests call, where one could be told
}

const (
	maxPrompt   = 256 << 10 // bytes of a prompt that is searched
	maxHeadings = 200       // of sample inputs and outputs
	maxNames    = 64        // functions that tests call

	maxSourceText = 4 << 10 // bytes of an example's source
)

// FindTests looks for tests in a user's message: a fenced block marked verify or
// tests, the asserts behind "should pass these tests:", asserts at the beginning
// of a line, doctests in the docstring of the last function, pairs of sample
// input and output. The first kind that is there counts, if it fits what is asked
// for: tests that stand in a prompt may be of something else.
func FindTests(prompt string) (PromptTests, bool) {
	if len(prompt) > maxPrompt || strings.ContainsRune(prompt, 0) {
		return PromptTests{}, false
	}
	prompt = quotedChat.ReplaceAllString(strings.ReplaceAll(prompt, "\r\n", "\n"), "")
	lines := strings.Split(prompt, "\n")
	if found, ok := markedBlocks(lines); ok {
		return found, true
	}
	for _, find := range []func([]string) (PromptTests, bool){announcedAsserts, plainAsserts, docstringTests, samplePairs} {
		if found, ok := find(lines); ok && found.fits(prompt, lines) {
			return found, true
		}
	}
	return PromptTests{}, false
}

// quotedChat is how chat front ends such as Open WebUI quote a conversation that
// needs a title or tags: what it was tested by does not test those.
var quotedChat = regexp.MustCompile(`(?is)<chat_history>.*?(?:</chat_history>|$)`)

var markForm = regexp.MustCompile(`(?i)(?:^|[^a-z0-9])(?:verify|tests)(?:$|[^a-z0-9])`)

// markedBlocks are fenced blocks whose info string has the word verify or tests.
func markedBlocks(lines []string) (found PromptTests, ok bool) {
	var open *fence
	marked := false
	for _, line := range lines {
		m := fenceForm.FindStringSubmatch(line)
		switch {
		case open == nil && m != nil:
			open = &fence{mark: m[2], indent: m[1], language: canonical(languageOf(m[3]))}
			marked = markForm.MatchString(m[3])
		case open == nil:
		case m != nil && m[2][0] == open.mark[0] && len(m[2]) >= len(open.mark) && strings.TrimSpace(m[3]) == "":
			if text := open.block().text; marked && strings.TrimSpace(text) != "" {
				found.Tests = append(found.Tests, text)
				found.Language = first(found.Language, open.language)
			}
			open = nil
		default:
			open.lines = append(open.lines, line)
		}
	}
	if len(found.Tests) > 0 {
		found.EntryPoint = calledBy(strings.Join(found.Tests, "\n"))
	}
	return found, len(found.Tests) > 0
}

var announceForm = regexp.MustCompile(`(?i)\bpass(?:es)? (?:all )?(?:of )?(?:these|the following) tests?:?`)

// announcedAsserts are those that follow MBPP's "should pass these tests:".
func announcedAsserts(lines []string) (PromptTests, bool) {
	if !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, "assert") }) {
		return PromptTests{}, false // most prompts, and much cheaper to see
	}
	for i, line := range lines {
		at := announceForm.FindStringIndex(line)
		if at == nil {
			continue
		}
		var asserts []string
		if text := strings.TrimSpace(line[at[1]:]); strings.HasPrefix(text, "assert") {
			asserts = append(asserts, text)
		}
		for k := i + 1; k < len(lines); {
			text := strings.TrimSpace(lines[k])
			switch {
			case strings.HasPrefix(text, "assert"):
				var statement string
				statement, k = statementAt(lines, k)
				asserts = append(asserts, statement)
				continue
			case text == "", fenceForm.MatchString(lines[k]) && len(asserts) == 0:
			default:
				k = len(lines)
			}
			k++
		}
		if len(asserts) > 0 {
			return assertTests(asserts), true
		}
	}
	return PromptTests{}, false
}

var plainForm = regexp.MustCompile(`^assert (?:not )?[A-Za-z_][A-Za-z0-9_.]*\(`)

// plainAsserts are asserts of a call at the beginning of a line.
func plainAsserts(lines []string) (PromptTests, bool) {
	var asserts []string
	for i := 0; i < len(lines); {
		if !plainForm.MatchString(lines[i]) {
			i++
			continue
		}
		statement, next := statementAt(lines, i)
		asserts = append(asserts, statement)
		i = next
	}
	return assertTests(asserts), len(asserts) > 0
}

// moduleForm matches what asserts use of Python's own modules.
var moduleForm = regexp.MustCompile(`\b(math|cmath|collections|datetime|decimal|fractions|itertools|re)\.[A-Za-z]`)

func assertTests(asserts []string) PromptTests {
	text := strings.Join(asserts, "\n") + "\n"
	for _, m := range moduleForm.FindAllStringSubmatch(text, -1) {
		if line := "import " + m[1] + "\n"; !strings.Contains(text, line) {
			text = line + text // the prompt may have left it to the answer
		}
	}
	return PromptTests{Tests: []string{text}, Framework: sandbox.FrameworkAssert, Language: "python", EntryPoint: calledBy(text)}
}

// maxStatement is how many lines one statement may have.
const maxStatement = 50

// statementAt returns the statement that begins on a line, with the lines that
// its open brackets go on to, and the line behind it.
func statementAt(lines []string, i int) (string, int) {
	depth := 0
	for next := i; next < len(lines) && next-i < maxStatement; next++ {
		if depth += openBrackets(lines[next]); depth <= 0 {
			return strings.TrimSpace(strings.Join(lines[i:next+1], "\n")), next + 1
		}
	}
	return strings.TrimSpace(lines[i]), i + 1 // never closed: the one line that there is
}

// openBrackets counts those that are not closed, outside of strings. Strings end
// with their line, so that the sum over lines is the count of a text.
func openBrackets(text string) int {
	depth, quote := 0, byte(0)
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0 && c == '\\':
			i++
		case quote != 0:
			if c == quote || c == '\n' {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '(' || c == '[' || c == '{':
			depth++
		case c == ')' || c == ']' || c == '}':
			depth--
		}
	}
	return depth
}

var (
	defForm = regexp.MustCompile(`^[ \t]*(?:async )?def ([A-Za-z_][A-Za-z0-9_]*)[ \t]*\(`)
	docForm = regexp.MustCompile(`[rR]?("""|''')`)
)

// docstringTests are the doctests of the last function.
func docstringTests(lines []string) (PromptTests, bool) {
	for i := len(lines) - 1; i >= 0; i-- {
		m := defForm.FindStringSubmatch(lines[i])
		if m == nil {
			continue
		}
		rest := strings.Join(lines[i:], "\n")
		at := docForm.FindStringSubmatchIndex(rest)
		if at == nil {
			return PromptTests{}, false
		}
		quotes := rest[at[2]:at[3]]
		doc, _, _ := strings.Cut(rest[at[3]:], quotes)
		return doctests(m[1], doc)
	}
	return PromptTests{}, false
}

// example is one example of a doctest.
type example struct{ source, want string }

var literalForm = regexp.MustCompile(`^(?:-?[0-9.]|["'\[({]|True\b|False\b|None\b)`)

// doctests turns examples into asserts where every expected value is a literal:
// prompts write "b" where Python prints 'b', and 1 where it prints 1.0, and a
// right answer must not fail for that.
func doctests(name, doc string) (PromptTests, bool) {
	examples := examplesOf(doc)
	if len(examples) == 0 {
		return PromptTests{}, false
	}
	found := PromptTests{Language: "python", EntryPoint: name, Framework: sandbox.FrameworkAssert}
	var asserts, raw strings.Builder
	compared := 0
	for _, e := range examples {
		if want := strings.TrimSpace(e.want); strings.Contains(want, "...") && !strings.HasPrefix(want, "Traceback") {
			continue // what is left out cannot be compared
		}
		raw.WriteString(">>> " + strings.ReplaceAll(e.source, "\n", "\n... ") + "\n" + e.want)
		want := strings.TrimSpace(e.want)
		switch {
		case want == "":
			asserts.WriteString(e.source + "\n")
			continue
		case strings.Contains(e.source, "\n"), strings.Contains(want, "\n") && !bracketed(want), strings.Contains(e.source, "print("),
			!literalForm.MatchString(want), openBrackets(want) != 0, openBrackets(e.source) != 0:
			found.Framework = sandbox.FrameworkDoctest
		}
		compared++
		asserts.WriteString("assert " + e.source + " == " + want + "\n")
	}
	if compared == 0 {
		return PromptTests{}, false
	}
	found.Tests = []string{asserts.String()}
	if found.Framework == sandbox.FrameworkDoctest {
		found.Tests = []string{raw.String()}
	}
	return found, true
}

// bracketed says whether a literal of several lines is one in brackets.
func bracketed(literal string) bool {
	lines := strings.Split(literal, "\n")
	depth := 0
	for _, line := range lines[:len(lines)-1] {
		if depth += openBrackets(line); depth <= 0 {
			return false
		}
	}
	return true
}

// withoutComment is a line of Python without the comment at its end.
func withoutComment(line string) string {
	quote := byte(0)
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0 && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '#':
			return strings.TrimSpace(line[:i])
		}
	}
	return line
}

func examplesOf(doc string) []example {
	var examples []example
	inside := false   // behind an example's source
	var want []string // lines of the last example
	flush := func() {
		if len(want) > 0 {
			examples[len(examples)-1].want = strings.Join(want, "\n") + "\n"
			want = nil
		}
	}
	for line := range strings.SplitSeq(doc, "\n") {
		text := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(text, ">>> "):
			flush()
			examples = append(examples, example{source: strings.TrimSpace(text[4:])})
			inside = true
		case inside && len(want) == 0 && strings.HasPrefix(text, "... ") && len(examples[len(examples)-1].source) < maxSourceText:
			examples[len(examples)-1].source += "\n" + text[4:]
		case text == "":
			inside = false
		case inside:
			want = append(want, text)
		}
	}
	flush()
	for i, e := range examples {
		if strings.Contains(e.source, "\n") {
			continue
		}
		e.source = withoutComment(e.source)
		// Only what is printed has several lines, or brackets that are open: what
		// stands below another value is an explanation.
		line, _, several := strings.Cut(e.want, "\n")
		if line = withoutComment(line); literalForm.MatchString(line) && openBrackets(line) == 0 && !strings.Contains(e.source, "print(") {
			if several {
				line += "\n"
			}
			e.want = line
		}
		examples[i] = e
	}
	return slices.DeleteFunc(examples, func(e example) bool { return e.source == "" })
}

var sampleForm = regexp.MustCompile(`(?i)^[ \t#*_>-]*(?:sample|example) (input|output)[ \t]*(?:#?[ \t]*[0-9]+|\([0-9]+\))?[ \t]*[:*_#]*[ \t]*(.*)$`)

// samplePairs are sample inputs, each with the sample output behind it.
func samplePairs(lines []string) (PromptTests, bool) {
	var found PromptTests
	input, have, headings := "", false, 0
	for i := 0; i < len(lines) && headings < maxHeadings; i++ {
		m := sampleForm.FindStringSubmatch(lines[i])
		if m == nil {
			continue
		}
		headings++
		text := sampleText(m[2], lines[i+1:], strings.EqualFold(m[1], "input"))
		if strings.EqualFold(m[1], "input") {
			input, have = text, true
		} else if have && strings.TrimSpace(text) != "" {
			found.Cases = append(found.Cases, sandbox.Case{Stdin: input, Stdout: text})
			have = false
		}
	}
	found.Framework = sandbox.FrameworkStdio
	return found, len(found.Cases) > 0
}

var endForm = regexp.MustCompile(`(?i)^[ \t#*_>-]*(?:explanation|note|notes|constraints|hint|input|output|solve|write|your task)\b`)

// sampleText is what stands under a heading: a fenced block, or the lines up to
// a blank one. An input goes on behind it, to the heading of its output.
func sampleText(inline string, lines []string, input bool) string {
	if text := strings.Trim(inline, " \t`*"); text != "" {
		return text + "\n"
	}
	i := 0
	for i < len(lines) && strings.TrimSpace(lines[i]) == "" {
		i++
	}
	lines = lines[i:]
	if len(lines) == 0 {
		return ""
	}
	var text strings.Builder
	if m := fenceForm.FindStringSubmatch(lines[0]); m != nil {
		for _, line := range lines[1:] {
			if strings.Contains(line, m[2]) && fenceForm.MatchString(line) {
				return text.String()
			}
			text.WriteString(line + "\n")
		}
		return ""
	}
	for _, line := range lines {
		if strings.TrimSpace(line) == "" && !input || sampleForm.MatchString(line) || endForm.MatchString(line) {
			break
		}
		text.WriteString(line + "\n")
	}
	if text.Len() == 0 {
		return ""
	}
	return strings.TrimRight(text.String(), " \t\n") + "\n"
}

var (
	callForm    = regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_.]*)\(`)
	definedForm = regexp.MustCompile(`(?:def|class|function|func) ([A-Za-z_][A-Za-z0-9_]*)`)
)

// pythonNames are called in tests and are not what is tested.
var pythonNames = set("assert", "not", "and", "or", "in", "is", "if", "abs", "all", "any", "bool", "dict", "enumerate", "float", "frozenset", "int", "isinstance", "len",
	"list", "map", "max", "min", "print", "range", "repr", "reversed", "round", "set", "sorted", "str", "sum", "tuple", "type", "zip", "next", "iter", "filter", "Counter",
	"expect", "it", "test", "describe", "require", "console.log", "console.assert", "def", "class", "lambda", "super", "check", "candidate", "t.Errorf", "t.Fatalf")

// calledNames are the functions that tests call and do not define, in their order.
func calledNames(tests string) []string {
	known := map[string]bool{}
	for _, m := range definedForm.FindAllStringSubmatch(tests, -1) {
		known[m[1]] = true
	}
	var names []string
	for _, m := range callForm.FindAllStringSubmatch(tests, -1) {
		name := m[1]
		if known[name] || pythonNames[name] || strings.Contains(name, ".") || len(names) == maxNames {
			continue
		}
		known[name] = true
		names = append(names, name)
	}
	return names
}

// calledBy is the one function that the tests call; empty where they call several.
func calledBy(tests string) string {
	if names := calledNames(tests); len(names) == 1 {
		return names[0]
	}
	return ""
}
