package lab

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// taskID is the name of a problem, which some sets write as a number.
type taskID string

func (id *taskID) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() == '0' {
		var n int64
		if err := json.UnmarshalDecode(d, &n); err != nil {
			return err
		}
		*id = taskID(strconv.FormatInt(n, 10))
		return nil
	}
	return json.UnmarshalDecode(d, (*string)(id))
}

// mbpp is what MBPP's own files have, the full and the sanitized set, and MBPP+ as
// it is on Hugging Face, whose test holds the extended tests.
type mbpp struct {
	Text      string   `json:"text"`
	Code      string   `json:"code"`
	List      []string `json:"test_list"`
	Challenge []string `json:"challenge_test_list"`
	Setup     string   `json:"test_setup_code"`
	Imports   []string `json:"test_imports"`
}

// definition is a function at the top of a program, and called its name in a test.
var (
	definition = regexp.MustCompile(`(?m)^def[ \t]+([A-Za-z_]\w*)[ \t]*\(`)
	called     = regexp.MustCompile(`\b([A-Za-z_]\w*)[ \t]*\(`)
)

// entry is the function that the tests call: of those that the reference defines,
// or, where there is none, the only one that is called in all asserts.
func (m mbpp) entry() string {
	for _, name := range definition.FindAllStringSubmatch(m.Code, -1) {
		for _, call := range called.FindAllStringSubmatch(strings.Join(m.List, "\n"), -1) {
			if call[1] == name[1] {
				return name[1]
			}
		}
	}
	for _, call := range called.FindAllStringSubmatch(m.List[0], -1) {
		if name := call[1]; !strings.Contains(" assert not set sorted list tuple len round abs isclose ", " "+name+" ") {
			return name
		}
	}
	return ""
}

// problem puts it into our form. The prompt shows the tests as MBPP's authors did:
// without them nobody knows the function's name.
func (m mbpp) problem(p Problem, extended string) Problem {
	if p.Prompt == "" {
		p.Prompt = m.Text
	}
	head := strings.Join(append(m.Imports, m.Setup), "\n") + "\n"
	head = strings.TrimLeft(head, "\n")
	p.Kind, p.Solution = KindAssert, m.Code
	if p.EntryPoint == "" {
		p.EntryPoint = m.entry()
	}
	if p.Prompt != "" {
		p.Prompt = strings.TrimSpace(p.Prompt) + "\nYour code should pass these tests:\n\n" + strings.Join(m.List, "\n") + "\n"
	}
	p.Tests = head + strings.Join(m.List, "\n")
	switch {
	case extended != "":
		p.Hidden = extended
	case len(m.Challenge) > 0:
		p.Hidden = head + strings.Join(m.Challenge, "\n")
	}
	return p
}

// contest is what sets of contest problems have: APPS, whose input_output is JSON
// within a string, and CodeContests, whose tests are lists beside each other.
type contest struct {
	Number      jsontext.Value `json:"problem_id"` // APPS
	Name        string         `json:"name"`       // CodeContests
	Question    string         `json:"question"`
	Description string         `json:"description"`
	InputOutput jsontext.Value `json:"input_output"`
	Public      pairs          `json:"public_tests"`
	Private     pairs          `json:"private_tests"`
	Generated   pairs          `json:"generated_tests"`
}

// pairs are inputs and outputs by their places.
type pairs struct {
	Input   []string `json:"input"`
	Output  []string `json:"output"`
	Inputs  []string `json:"inputs"`
	Outputs []string `json:"outputs"`
}

func (p pairs) cases() ([]Case, error) {
	in, out := append(p.Input, p.Inputs...), append(p.Output, p.Outputs...)
	if len(in) != len(out) {
		return nil, fmt.Errorf("%d inputs for %d outputs", len(in), len(out))
	}
	var cases []Case
	for i := range in {
		cases = append(cases, Case{in[i], out[i]})
	}
	return cases, nil
}

// there reports whether a record is one of these.
func (c contest) there() bool {
	return c.InputOutput != nil && c.InputOutput.Kind() != 'n' || c.Public.Input != nil
}

// problem puts it into our form.
func (c contest) problem(p Problem) (Problem, error) {
	p.Kind = KindStdio
	if p.Prompt == "" {
		p.Prompt = c.Question + c.Description
	}
	if p.ID == "" {
		p.ID = c.Name
		if c.Number != nil {
			p.ID = strings.Trim(c.Number.String(), `"`)
		}
	}
	var err error
	if c.InputOutput == nil {
		if p.Cases, err = c.Public.cases(); err != nil {
			return p, fmt.Errorf("public_tests: %w", err)
		}
		for name, more := range map[string]pairs{"private_tests": c.Private, "generated_tests": c.Generated} {
			hidden, err := more.cases()
			if err != nil {
				return p, fmt.Errorf("%s: %w", name, err)
			}
			p.HiddenCases = append(p.HiddenCases, hidden...)
		}
		return p, nil
	}
	text := []byte(c.InputOutput)
	if c.InputOutput.Kind() == '"' {
		var inner string
		if err := json.Unmarshal(text, &inner); err != nil {
			return p, err
		}
		text = []byte(inner)
	}
	var io struct {
		pairs    `json:",inline"`
		Function string `json:"fn_name"`
	}
	if err := json.Unmarshal(text, &io); err != nil {
		return p, fmt.Errorf("input_output: %w", err)
	}
	if io.Function != "" {
		return p, errors.New("input_output calls a function (fn_name): only programs that read and print can be judged by it")
	}
	if p.Cases, err = io.cases(); err != nil {
		return p, fmt.Errorf("input_output: %w", err)
	}
	return p, nil
}
