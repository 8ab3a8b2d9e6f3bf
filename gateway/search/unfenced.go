package search

import (
	"regexp"
	"strings"
)

// afterThinking drops what a model wrote for itself before its answer.
func afterThinking(reply string) string {
	if i := strings.LastIndex(reply, "</think>"); i >= 0 {
		if answer := reply[i+len("</think>"):]; strings.TrimSpace(answer) != "" {
			return answer
		}
	}
	return reply
}

var (
	topCodeForm      = regexp.MustCompile(`(?m)^(?:(?:async )?def |class )\w`)
	indentedCodeForm = regexp.MustCompile(`(?m)^(?:    |\t)(?:@|(?:async )?def \w|class \w|import \w|from \w)`)
	proseForm        = regexp.MustCompile(`^(?:[-*] |\d+[.)] |\*\*|#{1,6} \w.*[:.]$|([A-Za-z][A-Za-z'’-]*)(?:[,!.:]* +([A-Za-z'’]+)|[!.:]+$))`)
)

// notProse are words that begin a line of Python, or follow its first name.
var notProse = set("def", "class", "import", "from", "return", "if", "elif", "else", "for", "while", "try", "except", "finally", "with", "assert", "raise",
	"async", "await", "pass", "global", "nonlocal", "del", "yield", "lambda", "not", "match", "case", "type", "print", "in", "is", "and", "or", "as")

// isProse reports whether a line that is not indented can be no Python: two
// words that no operator joins, the points of a list, a heading.
func isProse(line string) bool {
	m := proseForm.FindStringSubmatch(line)
	if m == nil {
		return false
	}
	if m[1] == "" {
		return true
	}
	if notProse[m[1]] || notProse[m[2]] {
		return false
	}
	joined := line[len(m[1]):]
	return joined[0] == ' ' || !strings.Contains(line, "=") // "a, b = 1, 2" has a comma too
}

// withoutProse takes a Python program out of a reply that has no fences: of
// sentences around it, or of Markdown's indented blocks. What it is not sure of
// stays.
func withoutProse(reply string) string {
	if !topCodeForm.MatchString(reply) {
		return indentedBlock(reply)
	}
	if code, dropped := dropProse(reply); dropped {
		return strings.Trim(code, "\n") + "\n"
	}
	return reply
}

// dropProse takes the lines out that can be no Python, outside of triple quotes.
func dropProse(reply string) (code string, dropped bool) {
	var kept []string
	quoted := ""
	for line := range strings.SplitSeq(reply, "\n") {
		if quoted == "" && isProse(line) {
			dropped = true
			continue
		}
		quoted = openQuote(line, quoted)
		kept = append(kept, line)
	}
	return strings.Join(kept, "\n"), dropped
}

// openQuote follows triple quotes over a line.
func openQuote(line, open string) string {
	for len(line) > 0 {
		if open != "" {
			i := strings.Index(line, open)
			if i < 0 {
				return open
			}
			line, open = line[i+3:], ""
			continue
		}
		i, j := strings.Index(line, `"""`), strings.Index(line, "'''")
		switch {
		case i < 0 && j < 0:
			return ""
		case j < 0 || i >= 0 && i < j:
			line, open = line[i+3:], `"""`
		default:
			line, open = line[j+3:], "'''"
		}
	}
	return open
}

// indentedBlock is the program of a reply that sets it off by indentation alone.
func indentedBlock(reply string) string {
	at := indentedCodeForm.FindStringIndex(reply)
	if at == nil || !isProse(strings.SplitN(strings.TrimSpace(reply), "\n", 2)[0]) {
		return reply
	}
	var kept []string
	for line := range strings.SplitSeq(reply[at[0]:], "\n") {
		rest, ok := strings.CutPrefix(line, "    ")
		if !ok {
			rest, ok = strings.CutPrefix(line, "\t")
		}
		if !ok && strings.TrimSpace(line) != "" {
			break
		}
		kept = append(kept, rest)
	}
	return strings.TrimRight(strings.Join(kept, "\n"), "\n") + "\n"
}

// withoutPrompt takes the program out of a session of Python's prompt.
func withoutPrompt(code string) string {
	if !strings.HasPrefix(strings.TrimLeft(code, "\n"), ">>> ") {
		return code
	}
	var kept []string
	for line := range strings.SplitSeq(code, "\n") {
		for _, prompt := range []string{">>> ", "... ", ">>>", "..."} {
			if rest, ok := strings.CutPrefix(line, prompt); ok {
				kept = append(kept, rest)
				break
			}
		}
	}
	return strings.Join(kept, "\n") + "\n"
}

var (
	beginMarkForm = regexp.MustCompile(`^[ \t]*\[(?:PYTHON|BEGIN)\][ \t]*$`)
	endMarkForm   = regexp.MustCompile(`^[ \t]*\[(?:/PYTHON|/BEGIN|DONE)\][ \t]*$`)
)

// betweenMarks is what stands between the marks that Llama's own prompts have
// around a program, or before the second of them, else the reply.
func betweenMarks(reply string) string {
	lines := strings.Split(reply, "\n")
	begin, end := 0, len(lines)
	for i, line := range lines {
		if begin == 0 && beginMarkForm.MatchString(line) {
			begin = i + 1
		} else if endMarkForm.MatchString(line) {
			end = i
			break
		}
	}
	if begin == 0 && end == len(lines) {
		return reply
	}
	return strings.TrimRight(strings.Join(lines[begin:end], "\n"), "\n") + "\n"
}

var indentedTopForm = regexp.MustCompile(`^\n*([ \t]+)(?:@|>>> |(?:async )?def \w|class \w|import \w|from \w)`)

// dedented takes the indentation off that all lines of a whole program have.
func dedented(code string) string {
	m := indentedTopForm.FindStringSubmatch(code)
	if m == nil {
		return code
	}
	lines := strings.Split(code, "\n")
	for i, line := range lines {
		rest, ok := strings.CutPrefix(line, m[1])
		if !ok && strings.TrimSpace(line) != "" {
			return code
		}
		lines[i] = rest
	}
	return strings.Join(lines, "\n")
}
