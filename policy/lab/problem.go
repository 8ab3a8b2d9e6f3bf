package lab

import "github.com/go-json-experiment/json/jsontext"

// A Kind says how a Problem's tests judge an answer.
type Kind string

const (
	// KindAssert is judged by Tests and Hidden, Python statements that run
	// after the answer. It is the kind of the bundled set.
	KindAssert Kind = "assert"
	// KindCheck is judged by Tests, which define check(candidate), to be called
	// with the entry point (HumanEval, MBPP as prepared by CodeT).
	KindCheck Kind = "check"
	// KindReference is judged by equality with what Solution returns for Inputs
	// and HiddenInputs (HumanEval+, MBPP+). Tests, where the set has some, are
	// the base tests in one of the forms above.
	KindReference Kind = "reference"
	// KindStdio is judged by what a program prints for Cases and HiddenCases.
	KindStdio Kind = "stdio"
)

// A Problem is one task of a problem set. Tests and Cases may be shown to
// whoever searches for an answer; what is hidden only judges the result.
type Problem struct {
	ID         string `json:"task_id"`
	Grade      int    `json:"grade,omitzero"` // difficulty from 1, easy, up; 0 where the set has none
	EntryPoint string `json:"entry_point,omitzero"`
	Prompt     string `json:"prompt"`
	Kind       Kind   `json:"-"` // found from the fields that a record has

	Tests       string `json:"tests,omitzero"`
	Hidden      string `json:"hidden,omitzero"`
	Cases       []Case `json:"cases,omitempty"`
	HiddenCases []Case `json:"hidden_cases,omitempty"`

	// Complete programs as a model might write them, for stand-in models: Right
	// pass all tests, Wrong fail Tests, Tempting pass Tests but fail Hidden.
	// Published sets have none.
	Right    []string `json:"right,omitempty"`
	Wrong    []string `json:"wrong,omitempty"`
	Tempting []string `json:"tempting,omitempty"`

	// Solution is the set's reference, a complete program; "" where there is
	// none.
	Solution string `json:"-"`
	// Inputs and HiddenInputs each hold JSON arrays of arguments for the entry
	// point. JSON knows no tuples and no sets: where Contract, asserts on the
	// arguments, wants some, whoever runs Solution has to make them.
	Inputs       []jsontext.Value `json:"-"`
	HiddenInputs []jsontext.Value `json:"-"`
	Contract     string           `json:"-"`
	// Tolerance is the absolute difference that floats may have; 0 where
	// results must be equal.
	Tolerance float64 `json:"-"`
}

// A Case is one run of a program: what it reads and what it has to print.
type Case struct {
	Stdin  string `json:"stdin,omitzero"`
	Stdout string `json:"stdout"`
}
