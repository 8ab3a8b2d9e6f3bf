package search

import (
	"regexp"
	"strings"

	"github.com/drover-llm/drover/gateway/sandbox"
)

// What a prompt asks for, where it is not the program that tests in it are of.
var (
	asksTestsForm = regexp.MustCompile(`(?i)\b(?:write|add|create|generate|suggest|propose|give me)\s+(?:(?:me|us|some|more|an?|few|additional|further|the|good|new|other|extra|missing|unit|integration|regression|pytest|edge|case|edge-case|thorough|comprehensive|set|of|suite)\s+){0,5}(?:unit-?)?tests?\b`)
	asksWhyForm   = regexp.MustCompile(`(?i)^\s*(?:please |(?:can|could) you )?(?:why|what'?s?|how|explain|describe|review)\b`)
	asksCodeForm  = regexp.MustCompile(`(?i)\b(?:fix|write|(?:re)?implement|complete|rewrite|correct|refactor|solve|create)\b`)

	wantedForm     = regexp.MustCompile("(?i:function|class)s?\\s+(?:(?i:called|named)\\s+[`'\"*]*|`)([A-Za-z_][A-Za-z0-9_]*)")
	unnamed        = set("in", "as", "by", "below", "above", "like", "so", "the", "with", "that", "after", "exactly")
	setupForm      = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)[ \t]*(?::[^=]*)?=[^=]`)
	targetForm     = regexp.MustCompile(`\b(?:to|into)\s+` + otherLanguages)
	writtenForm    = regexp.MustCompile(`\b(?:[Ii]n|[Uu]sing)\s+` + otherLanguages + `|\b` + otherLanguages + `\s*(?:function|program|method|class|code|script)\b`)
	saysPythonForm = regexp.MustCompile(`(?i)\bpython`)

	// otherLanguages are not written in lower case where that is an English word.
	otherLanguages = `(?:(?i:javascript|typescript|java|golang|c\+\+|cpp|c#|rust|ruby|php|kotlin|scala|haskell)|JS|TS|Go|Swift)(?:$|[^A-Za-z0-9+#])`

	asksFunctionForm = regexp.MustCompile(`(?i)\b(?:functions?|methods?)\b|\bdef \w+\(|\bclass Solution\b`)
	asksProgramForm  = regexp.MustCompile(`(?i)\b(?:stdin|stdout|standard (?:in|out)put|reads?|prints?|programs?|scripts?|console|(?:first|each|next|single) line|input (?:consists|contains)|output (?:the|a))\b`)
	argumentForm     = regexp.MustCompile(`^\s*(?:\[[^\]]*,|["']|[A-Za-z_][A-Za-z0-9_]*\s*=\s)`)
)

// fits reports whether tests that nobody marked as such are of the program that
// the prompt asks for. It is not sure of much: tests that are missed cost a
// search, tests of something else fail every right answer.
func (p PromptTests) fits(prompt string, lines []string) bool {
	end := strings.TrimSpace(prompt)
	switch {
	case len(p.Cases) == 0 && (strings.HasSuffix(end, `"""`) || strings.HasSuffix(end, "'''")) && strings.Contains(end, "def "+p.EntryPoint):
		return true // a function's head alone, which is to be completed
	case asksTestsForm.MatchString(prompt), asksWhyForm.MatchString(prompt) && !asksCodeForm.MatchString(prompt):
		return false
	case len(p.Cases) > 0:
		return p.fitProgram(prompt)
	}
	if targetForm.MatchString(prompt) || writtenForm.MatchString(prompt) && !saysPythonForm.MatchString(prompt) {
		return false
	}
	text := strings.Join(p.Tests, "\n")
	called := set(calledNames(text)...)
	if p.Framework == sandbox.FrameworkDoctest {
		called[p.EntryPoint] = true
	}
	if len(called) == 0 {
		return false // of a variable that is not there
	}
	named, among := false, false
	for _, m := range wantedForm.FindAllStringSubmatch(prompt, -1) {
		if !unnamed[m[1]] {
			named, among = true, among || called[m[1]]
		}
	}
	if named && !among {
		return false
	}
	for _, line := range lines {
		if m := setupForm.FindStringSubmatch(line); m != nil && hasWord(text, m[1]) {
			return false // the line that makes it is no assert, and was left behind
		}
	}
	return true
}

// fitProgram reports whether the cases can be a program's standard input and
// output, and are not a function's argument and value.
func (p PromptTests) fitProgram(prompt string) bool {
	if asksFunctionForm.MatchString(prompt) && !asksProgramForm.MatchString(prompt) {
		return false
	}
	for _, c := range p.Cases {
		lines := strings.Split(strings.TrimSpace(c.Stdout), "\n")
		last := lines[len(lines)-1]
		if argumentForm.MatchString(c.Stdin) || len(lines) > 1 && strings.HasSuffix(last, ".") && strings.Contains(last, " ") {
			return false
		}
	}
	return true
}

// hasWord reports whether a name stands in a text, not as a part of another.
func hasWord(text, word string) bool {
	for {
		i := strings.Index(text, word)
		if i < 0 {
			return false
		}
		end := i + len(word)
		if (i == 0 || !isNameByte(text[i-1])) && (end == len(text) || !isNameByte(text[end])) {
			return true
		}
		text = text[end:]
	}
}

func isNameByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
