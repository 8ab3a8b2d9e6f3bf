package lab

import (
	_ "embed"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/drover-llm/drover/gateway/sandbox"
)

//go:embed reference.py
var referenceHarness string

// A Suite is one of the two sets of tests that judge an answer to a problem.
type Suite string

const (
	// Base are the tests that may be shown: Tests, Cases and Inputs.
	Base Suite = "base"
	// Plus are the hidden ones: Hidden, HiddenCases and HiddenInputs. An answer
	// passes it when it passes both suites.
	Plus Suite = "plus"
)

// Times that one run of a suite may take, of the processor. Three seconds is the
// limit of HumanEval's own harness; extended suites are some eighty times as large
// and run the reference, too.
const (
	BaseTime = 3 * time.Second
	PlusTime = 15 * time.Second
)

// Has says whether p has tests in the suite.
func (p Problem) Has(s Suite) bool {
	if s == Plus {
		return p.Hidden != "" || len(p.HiddenCases)+len(p.HiddenInputs) > 0
	}
	return p.Tests != "" || len(p.Cases)+len(p.Inputs) > 0
}

// Job is what the sandbox runs to judge code by a suite that p has.
//
// Where a set says what is right by a reference, the tests hold the reference, and
// what it returns is found in the sandbox, apart from the candidate.
func (p Problem) Job(code string, s Suite) sandbox.Job {
	tests, cases, inputs := p.Tests, p.Cases, p.Inputs
	job := sandbox.Job{Language: "python", EntryPoint: p.EntryPoint, Code: code, Limits: sandbox.Limits{CPU: BaseTime}}
	if s == Plus {
		tests, cases, inputs = p.Hidden, p.HiddenCases, p.HiddenInputs
		job.Limits.CPU = PlusTime
	}
	switch p.Kind {
	case KindStdio:
		job.EntryPoint, job.Framework = "", sandbox.FrameworkStdio
		for _, c := range cases {
			job.Cases = append(job.Cases, sandbox.Case{Stdin: c.Stdin, Stdout: c.Stdout})
		}
		return job
	case KindReference:
		if len(inputs) > 0 {
			job.Tests = p.byReference(inputs)
			job.Framework = sandbox.FrameworkAssert
			return job
		}
	}
	job.Tests = []string{tests}
	return job
}

// maxInputs bounds the inputs of one test file, in bytes: files have a limit, too.
const maxInputs = 400 << 10

// byReference makes tests of a set's reference.
func (p Problem) byReference(inputs []jsontext.Value) []string {
	var tests []string
	var lines strings.Builder // a Python list, by the line: long lines are slow to read for the sandbox
	flush := func() {
		if lines.Len() == 0 {
			return
		}
		asserts := p.Tests
		if strings.Contains(asserts, "def check(") {
			asserts = ""
		}
		var b strings.Builder
		for _, v := range []struct{ name, text string }{
			{"source", p.Solution}, {"entry", p.EntryPoint}, {"contract", p.Contract}, {"asserts", asserts},
		} {
			fmt.Fprintf(&b, "_%s = %s\n", v.name, pythonText(v.text))
		}
		fmt.Fprintf(&b, "_tolerance = %g\n_inputs = [\n%s]\n", p.Tolerance, lines.String())
		tests = append(tests, b.String()+referenceHarness)
		lines.Reset()
	}
	for _, in := range inputs {
		compact := in.Clone()
		_ = compact.Compact() // it was decoded before
		line := pythonText(string(compact))
		if lines.Len() > 0 && lines.Len()+len(line) > maxInputs {
			flush()
		}
		lines.WriteString(line + ",\n")
	}
	flush()
	return tests
}

// pythonText is s as a Python literal: JSON's, whose escapes mean the same there
// but for pairs of surrogates, which are not written.
func pythonText(s string) string {
	quoted, err := json.Marshal(strings.ToValidUTF8(s, "\uFFFD"))
	if err != nil {
		return `""` // not reached: valid text marshals
	}
	return string(quoted)
}

// Ask is what a chat model is asked for a problem, as published evaluations put
// it: a set that gives a signature or a docstring wants it completed, all other
// prompts speak for themselves.
func (p Problem) Ask() string {
	switch p.Kind {
	case KindCheck, KindReference:
		return "Write a self-contained Python program that solves this problem, and answer with it in one Markdown code block:\n```python\n" +
			strings.TrimSpace(p.Prompt) + "\n```\n"
	case KindStdio:
		return strings.TrimSpace(p.Prompt) + "\n\nAnswer with one Python program that reads standard input and prints to standard output.\n"
	}
	return p.Prompt
}
