package search

import (
	"regexp"
	"slices"
	"strings"
)

// Ways of taking the program from a model's reply, as the verify schema names them.
const (
	ExtractAuto       = "auto"        // the last fenced block that fits best, else the whole reply
	ExtractWhole      = "whole"       // the reply is the program
	ExtractAllBlocks  = "all_blocks"  // all fenced blocks in the language, one after the other
	ExtractPrefixBody = "prefix_body" // the reply continues the prefix
)

// Extraction says how the program is taken from a reply. The zero value is auto.
type Extraction struct {
	Mode       string   // one of the Extract constants; empty means auto
	Language   string   // of the schema; empty: that of the chosen block
	EntryPoint string   // function or class that the tests call; may be empty
	Names      []string // what the tests call, where the entry point is not stated
	Prefix     string   // put before the program; prefix_body: what the reply continues
	Suffix     string   // put after it
}

// Extract returns the program in reply and the language of the block it came
// from, empty where no block said one. It never fails: a reply without blocks is
// itself taken for the program.
func (e Extraction) Extract(reply string) (code, language string) {
	reply = strings.ReplaceAll(strings.TrimPrefix(reply, "\uFEFF"), "\r\n", "\n")
	switch e.Mode {
	case ExtractWhole:
		code = reply
	case ExtractAllBlocks:
		code, language = e.allBlocks(reply)
	case ExtractPrefixBody:
		return e.continuePrefix(reply), e.Language
	default:
		code, language = e.best(afterThinking(reply))
		if language == "" && e.Language == "python" || language == "python" {
			if e.Prefix == "" {
				code = dedented(code)
			}
			code = withoutPrompt(code)
		}
	}
	if e.Prefix != "" {
		code = strings.TrimRight(e.Prefix, "\n") + "\n" + code
	}
	if e.Suffix != "" {
		code = strings.TrimRight(code, "\n") + "\n" + e.Suffix
	}
	return code, language
}

// block is a fenced block of a reply.
type block struct {
	language string // canonical name; as written where it is not one of ours
	text     string
}

var fenceForm = regexp.MustCompile("^([ \t]*(?:>[ \t]?|[-*+][ \t]+|[0-9]+[.)][ \t]+)*)(`{3,}|~{3,})[ \t]*(.*)$")

// lateFenceForm matches a fence that begins behind the words that announce it.
var lateFenceForm = regexp.MustCompile("^()[^`]*[:.!] ?(`{3})([A-Za-z+0-9]+)[ \t]*$")

// maxFenceIndent is how much further than its opening one a closing fence may be
// indented, as in CommonMark. One that is further in stands in a docstring.
const maxFenceIndent = 3

var endTokenForm = regexp.MustCompile(`<\|[A-Za-z_]+\|>\s*$`)

// endToken is the token that some servers leave at the end of an answer.
func endToken(line string) string {
	if !strings.Contains(line, "<|") {
		return ""
	}
	return endTokenForm.FindString(line)
}

// blocks finds the fenced blocks. A fence is closed by one of its own kind that
// is at least as long, and says nothing; a reply that was cut off closes its
// last block. A fence that names a language inside an open block without text in
// between begins the block anew, as models stutter.
func blocks(reply string) []block {
	var out []block
	var open *fence
	for line := range strings.SplitSeq(reply, "\n") {
		var m []string
		if strings.Contains(line, "```") || strings.Contains(line, "~~~") {
			m = fenceForm.FindStringSubmatch(strings.TrimSuffix(line, endToken(line)))
		}
		if open == nil {
			if m == nil {
				m = lateFenceForm.FindStringSubmatch(line)
			}
			if m == nil || m[2][0] == '`' && strings.Contains(m[3], "`") {
				continue
			}
			open = &fence{mark: m[2], indent: m[1], language: languageOf(m[3])}
			continue
		}
		if m != nil && m[2][0] == open.mark[0] && len(m[2]) >= len(open.mark) && len(m[1]) <= len(open.indent)+maxFenceIndent {
			said := strings.TrimSpace(m[3])
			if said == "" || open.text && strings.Contains(said, " ") && languages[languageOf(said)] == "" {
				out = append(out, open.block())
				open = nil
				continue
			}
			if canonical(said) != "" && !open.text {
				open = &fence{mark: m[2], indent: m[1], language: languageOf(said)}
				continue
			}
		}
		open.lines = append(open.lines, line)
		open.text = open.text || strings.TrimSpace(line) != ""
	}
	if open != nil {
		out = append(out, open.block())
	}
	for i, b := range out { // a whole answer in Markdown has blocks of its own
		if b.language == "markdown" || b.language == "md" {
			if inner := blocks(b.text); len(inner) > 0 {
				out = slices.Replace(out, i, i+1, inner...)
				break
			}
		}
	}
	return out
}

// fence is a block that is being read.
type fence struct {
	mark, indent, language string
	lines                  []string
	text                   bool // a line is not blank
}

// block takes off what the fence was indented or quoted by: a list item's
// continuation lines carry it as blanks.
func (f *fence) block() block {
	width := len(strings.ReplaceAll(f.indent, "\t", "    "))
	quoted := strings.Contains(f.indent, ">")
	for i, line := range f.lines {
		if quoted {
			line = strings.TrimLeft(line, " ")
			if rest, ok := strings.CutPrefix(line, ">"); ok {
				line = strings.TrimPrefix(rest, " ")
			}
			f.lines[i] = line
			continue
		}
		for range width {
			if !strings.HasPrefix(line, " ") {
				break
			}
			line = line[1:]
		}
		f.lines[i] = line
	}
	text := strings.Join(f.lines, "\n")
	if text != "" {
		text += "\n"
	}
	return block{language: f.language, text: text}
}

// languages are the names that models write on fences.
var languages = map[string]string{
	"python": "python", "py": "python", "python3": "python", "python2": "python", "pycon": "python", "ipython": "python",
	"javascript": "javascript", "js": "javascript", "node": "javascript", "nodejs": "javascript", "jsx": "javascript", "mjs": "javascript",
	"typescript": "typescript", "ts": "typescript", "tsx": "typescript", "go": "go", "golang": "go", "java": "java", "c": "c",
	"cpp": "cpp", "c++": "cpp", "cxx": "cpp", "cc": "cpp", "rust": "rust", "rs": "rust", "bash": "bash", "sh": "bash", "shell": "bash", "zsh": "bash",
}

func canonical(name string) string { return languages[strings.ToLower(strings.TrimSpace(name))] }

// languageOf reads the words behind a fence: "python", "{.python}", "python
// title=x", "python:solution.py".
func languageOf(said string) string {
	said = strings.Trim(strings.TrimSpace(said), "{}. ")
	word := said
	if i := strings.IndexAny(said, " \t,:{="); i >= 0 {
		word = said[:i]
	}
	if known := canonical(strings.TrimPrefix(word, ".")); known != "" {
		return known
	}
	return strings.ToLower(word)
}

// best is the last block that defines the entry point, else the last in the
// right language, else the last, else the whole reply.
func (e Extraction) best(reply string) (string, string) {
	list := blocks(reply)
	if len(list) == 0 {
		if e.Language == "python" {
			reply = withoutProse(betweenMarks(reply))
		}
		return withoutTicks(reply), ""
	}
	if b := list[0]; len(list) == 1 && strings.TrimSpace(b.text) != "" {
		return b.text, canonical(b.language)
	}
	defines := e.definition()
	pick := func(fits func(b block) bool) *block {
		for i := len(list) - 1; i >= 0; i-- {
			if strings.TrimSpace(list[i].text) != "" && fits(list[i]) {
				return &list[i]
			}
		}
		return nil
	}
	right := func(b block) bool { return e.Language != "" && b.language == e.Language }
	if defines == nil {
		if b := e.mostDefined(list, right); b != nil {
			return b.text, canonical(b.language)
		}
	}
	for _, fits := range []func(b block) bool{
		func(b block) bool {
			return defines != nil && (right(b) || b.language == "" || e.Language == "") && defines.MatchString(b.text)
		},
		func(b block) bool { return defines != nil && defines.MatchString(b.text) },
		right,
		func(b block) bool { return e.Language == "" && canonical(b.language) != "" && b.language != "bash" },
		func(b block) bool { return true },
	} {
		if b := pick(fits); b != nil {
			return b.text, canonical(b.language)
		}
	}
	// Only empty blocks: what stands around them may still be the program.
	return withoutTicks(reply), ""
}

// mostDefined is the last of the blocks that define most of what the tests call:
// what follows a program is often an example of its use. nil where none does.
func (e Extraction) mostDefined(list []block, right func(block) bool) (best *block) {
	most := 0
	for i := range list {
		b := &list[i]
		if !right(*b) && b.language != "" && e.Language != "" {
			continue
		}
		n := 0
		for _, name := range e.Names {
			if defines := (Extraction{EntryPoint: name}).definition(); defines != nil && defines.MatchString(b.text) {
				n++
			}
		}
		if n > 0 && n >= most {
			best, most = b, n
		}
	}
	return best
}

// withoutTicks takes a program out of a single pair of backticks.
func withoutTicks(reply string) string {
	trimmed := strings.TrimSpace(reply)
	if len(trimmed) > 2 && trimmed[0] == '`' && trimmed[len(trimmed)-1] == '`' && strings.Count(trimmed, "`") == 2 {
		return trimmed[1:len(trimmed)-1] + "\n"
	}
	return reply
}

var nameForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// definition matches a block that defines the entry point, in any of the languages.
func (e Extraction) definition() *regexp.Regexp {
	name, _, _ := strings.Cut(e.EntryPoint, ".")
	if !nameForm.MatchString(name) {
		return nil
	}
	return regexp.MustCompile(`(?m)^[ \t]*(?:export[ \t]+)?(?:default[ \t]+)?(?:async[ \t]+)?(?:def|class|func|function\*?|fn|struct|type|interface)[ \t]+` + name + `\b` +
		`|^[ \t]*(?:export[ \t]+)?(?:const|let|var)[ \t]+` + name + `\b` +
		`|^` + name + `[ \t]*(?::[^=\n]*)?=[^=]` +
		`|^func[ \t]*\([^)\n]*\)[ \t]*` + name + `\b` +
		`|^[A-Za-z_][A-Za-z0-9_:<>,*& \t]*[ \t*&]` + name + `[ \t]*\([^;\n]*\)[ \t]*(?:const)?[ \t]*\{?[ \t]*$` +
		`|^(?:function[ \t]+)?` + name + `[ \t]*\(\)`)
}

// allBlocks joins the blocks in the right language, or all where none is.
func (e Extraction) allBlocks(reply string) (string, string) {
	list := blocks(reply)
	if len(list) == 0 {
		return withoutTicks(reply), ""
	}
	language := e.Language
	if language == "" {
		for _, b := range list {
			if language = canonical(b.language); language != "" && language != "bash" {
				break
			}
		}
	}
	join := func(fits func(b block) bool) string {
		var parts []string
		for _, b := range list {
			if fits(b) && strings.TrimSpace(b.text) != "" {
				parts = append(parts, b.text)
			}
		}
		return strings.Join(parts, "\n")
	}
	code := join(func(b block) bool { return b.language == language || b.language == "" })
	if code == "" {
		code = join(func(block) bool { return true })
	}
	return code, language
}

// continuePrefix puts a completion behind the prefix. Models asked to continue
// often write the function anew, in a block or not; then that is the program,
// behind the imports that the prefix begins with.
func (e Extraction) continuePrefix(reply string) string {
	body := reply
	if list := blocks(reply); len(list) > 0 {
		body, _ = e.best(reply)
	} else if bodyIndent(e.Prefix) != "" {
		body, _ = dropProse(reply)
	}
	if defines := e.definition(); defines != nil && defines.MatchString(body) {
		return strings.TrimRight(e.head(), "\n") + "\n" + body + e.Suffix
	}
	prefix := e.Prefix
	if indent := bodyIndent(prefix); indent != "" {
		// A completion starts behind the prefix's last line: a first line that lost
		// its indentation, or a body that lost all of it, gets it back.
		first, rest, _ := strings.Cut(body, "\n")
		if strings.HasSuffix(prefix, "\n") && strings.TrimSpace(first) != "" && first[0] != ' ' && first[0] != '\t' {
			if indented(rest) {
				body = indent + body
			} else {
				body = indentAll(body, indent)
			}
		}
	}
	return prefix + body + e.Suffix
}

// head is what of the prefix stands above the entry point.
func (e Extraction) head() string {
	defines := e.definition()
	if defines == nil {
		return e.Prefix
	}
	at := defines.FindAllStringIndex(e.Prefix, -1)
	if len(at) == 0 {
		return e.Prefix
	}
	return e.Prefix[:at[len(at)-1][0]]
}

// bodyIndent is the indentation of a Python function's body that the prefix opens.
func bodyIndent(prefix string) string {
	lines := strings.Split(strings.TrimRight(prefix, " \t\n"), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		line := lines[i]
		trimmed := strings.TrimLeft(line, " \t")
		if strings.HasPrefix(trimmed, "def ") || strings.HasPrefix(trimmed, "class ") || strings.HasPrefix(trimmed, "async def ") {
			return line[:len(line)-len(trimmed)] + "    "
		}
	}
	return ""
}

// indented says whether the first line with text begins with a blank.
func indented(text string) bool {
	for line := range strings.SplitSeq(text, "\n") {
		if strings.TrimSpace(line) != "" {
			return line[0] == ' ' || line[0] == '\t'
		}
	}
	return false
}

func indentAll(text, indent string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.TrimSpace(line) != "" {
			lines[i] = indent + line
		}
	}
	return strings.Join(lines, "\n")
}
