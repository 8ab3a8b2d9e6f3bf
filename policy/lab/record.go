package lab

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A record is a line of any problem set that ReadProblems knows.
type record struct {
	Problem `json:",inline"`
	mbpp    `json:",inline"`
	contest `json:",inline"`

	TaskID    taskID  `json:"task_id"`
	Canonical string  `json:"canonical_solution"`
	Test      string  `json:"test"`
	Assertion string  `json:"assertion"`
	Base      inputs  `json:"base_input"`
	Plus      inputs  `json:"plus_input"`
	Asserts   string  `json:"contract"`
	Atol      float64 `json:"atol"`
}

// inputs is a list of argument lists. MBPP+ writes an empty one as {}, too.
type inputs []jsontext.Value

func (in *inputs) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() != '{' {
		return json.UnmarshalDecode(d, (*[]jsontext.Value)(in))
	}
	*in = inputs{}
	return json.UnmarshalDecode(d, &struct{}{}, json.RejectUnknownMembers(true))
}

// entryPoint is what the verify extension takes for one, too.
var entryPoint = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]{0,127}$`)

func parseProblem(line []byte) (Problem, error) {
	var r record
	err := json.Unmarshal(line, &r)
	if err != nil && bytes.Contains(line, infinity) {
		r = record{}
		err = json.Unmarshal(writeInfinity(line), &r)
	}
	if err != nil {
		return Problem{}, err
	}
	p := r.Problem
	p.ID = string(r.TaskID)
	p.EntryPoint = strings.TrimSpace(p.EntryPoint) // MBPP has some with a blank at the end
	switch {
	case p.Cases != nil:
		p.Kind = KindStdio
	case r.Base != nil || r.Plus != nil:
		p.Kind = KindReference
		p.Tests = r.Test + r.Assertion
		p.Inputs, p.HiddenInputs = r.Base, r.Plus
		p.Contract, p.Tolerance = r.Asserts, r.Atol
	case p.Tests != "":
		p.Kind = KindAssert
	case len(r.List) > 0:
		p = r.mbpp.problem(p, r.Test)
	case r.contest.there():
		if p, err = r.contest.problem(p); err != nil {
			return Problem{}, err
		}
	case r.Test != "":
		p.Kind = KindCheck
		p.Tests = r.Test
	default:
		return Problem{}, errors.New("no tests: none of tests, test, test_list, base_input, cases, input_output and public_tests is there")
	}
	if p.Solution == "" {
		p.Solution = wholeProgram(p.Prompt, r.Canonical, p.EntryPoint)
	}
	if err := p.check(); err != nil {
		return Problem{}, err
	}
	return p, nil
}

// check reports the fields that p's kind needs and lacks, and what is wrong
// with those that it has.
func (p Problem) check() error {
	var missing []string
	need := func(name string, there bool) {
		if !there {
			missing = append(missing, name)
		}
	}
	need("task_id", p.ID != "")
	need("prompt", p.Prompt != "")
	switch p.Kind {
	case KindStdio:
		need("cases", len(p.Cases) > 0)
	case KindReference:
		need("entry_point", p.EntryPoint != "")
		need("canonical_solution", p.Solution != "")
		need("base_input or plus_input", len(p.Inputs)+len(p.HiddenInputs) > 0)
	case KindAssert, KindCheck:
		need("entry_point", p.EntryPoint != "")
	}
	if missing != nil {
		return fmt.Errorf("missing %s", strings.Join(missing, ", "))
	}
	if p.EntryPoint != "" && !entryPoint.MatchString(p.EntryPoint) {
		return fmt.Errorf("entry_point %.40q is no name", p.EntryPoint)
	}
	if p.Grade < 0 {
		return fmt.Errorf("grade %d is negative", p.Grade)
	}
	if p.Tolerance < 0 {
		return fmt.Errorf("atol %g is negative", p.Tolerance)
	}
	for _, inputs := range [][]jsontext.Value{p.Inputs, p.HiddenInputs} {
		for i, input := range inputs {
			if input.Kind() != '[' {
				return fmt.Errorf("input %d is no list of arguments: %.40s", i, input)
			}
		}
	}
	if p.Kind == KindCheck && !strings.Contains(p.Tests, "def check(") {
		return errors.New("test defines no check(candidate)")
	}
	return nil
}

// wholeProgram returns a set's reference as a complete program. MBPP+ has all of
// it; HumanEval and MBPP have the body that continues the prompt's signature. The
// docstring between the two is dropped: most of MBPP's bodies are not indented
// as it is. What stands before the docstring stays, an import in HumanEval/115.
func wholeProgram(prompt, canonical, entry string) string {
	definition := `(?m)^def ` + regexp.QuoteMeta(entry) + `\s*\(`
	if canonical == "" || regexp.MustCompile(definition).MatchString(canonical) {
		return canonical
	}
	signature := regexp.MustCompile(definition + `(?s:.*?)\).*:[ \t]*\n`).FindStringIndex(prompt)
	if signature == nil {
		return prompt + canonical
	}
	head, rest := prompt[:signature[1]], prompt[signature[1]:]
	if at := strings.IndexAny(rest, `"'`); at > 0 && strings.TrimSpace(rest[:at]) != "" {
		head += rest[:strings.LastIndexByte(rest[:at], '\n')+1]
	}
	return head + canonical
}

var (
	infinity  = []byte("Infinity")
	overflows = []byte("1e999")
)

// writeInfinity returns the line with the bare word Infinity, which Python's
// json module writes and no JSON decoder reads, as 1e999 outside of strings:
// that is a JSON number, and Python reads it as the same infinity.
func writeInfinity(line []byte) []byte {
	out := make([]byte, 0, len(line))
	quoted := false
	for i := 0; i < len(line); i++ {
		switch {
		case !quoted && bytes.HasPrefix(line[i:], infinity):
			out = append(out, overflows...)
			i += len(infinity) - 1
			continue
		case quoted && line[i] == '\\' && i+1 < len(line):
			out = append(out, line[i])
			i++
		case line[i] == '"':
			quoted = !quoted
		}
		out = append(out, line[i])
	}
	return out
}
