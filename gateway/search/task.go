package search

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/sandbox"
)

// Where a task's tests come from, in the verify schema's words.
const (
	SourceField  = "field"  // the request's verify field
	SourceSuite  = "suite"  // a registered suite
	SourceHeader = "header" // X-Verify
	SourcePrompt = "prompt" // found in the last user message: weaker evidence
)

// Reasons why a request is, or is not, one for a search, in the verify schema's
// words.
const (
	ReasonTestsGiven     = "tests_given" // the one that lets a request be searched
	ReasonNoTests        = "no_tests"
	ReasonNotCoding      = "not_coding"
	ReasonSeveralChoices = "several_choices"
	ReasonToolsPresent   = "tools_present"
	ReasonMultimodal     = "multimodal"
	ReasonPinnedRoute    = "pinned_route"
)

// CodeSuiteNotFound is the code of the error about a suite that the resolver
// does not know. Its HTTP status is 404, unlike that of other faults.
const CodeSuiteNotFound = "suite_not_found"

// Task is what a request asks for: a program, and how it will be told whether
// the program is right.
type Task struct {
	Spec       Spec
	Source     string   // where the tests come from; empty when there are none
	Show       string   // ShowAll when models may see the tests, ShowNone when they stay hidden
	Language   string   // stated, or by the looks of tests and prompt; empty when nothing tells
	Coding     bool     // the request asks for code
	Searchable bool     // there are tests, and nothing speaks against several samples
	Reason     string   // why it is searchable, or why not
	Called     []string // what the tests call, where no entry point is stated
}

// Sources are the places beside the request's body where tests may come from.
// The zero value has none.
type Sources struct {
	Verify string                                         // header X-Verify
	Suite  string                                         // header X-Verify-Suite
	Suites func(id string) (spec jsontext.Value, ok bool) // suites that the caller may use
}

// ParseTask reads what a request asks for. The first source with tests counts:
// the verify field, a suite, the header X-Verify, the last user message; fields
// of an earlier source that has no tests go before those of the one that has.
// Every error is an *openai.Error.
func ParseTask(q *openai.ChatRequest, from Sources) (Task, error) {
	spec, source, err := from.spec(q)
	if err != nil {
		return Task{}, err
	}
	t := Task{Spec: spec, Source: source}
	prompt := lastUserText(q)
	tools := hasTools(q)
	if !t.Spec.HasTests() {
		t.Source = ""
		if found, ok := FindTests(prompt); ok && !tools {
			t.take(found)
		}
	}
	t.Show = t.Spec.Show
	if t.Show == "" {
		t.Show = ShowNone
		if t.Source == SourcePrompt {
			t.Show = ShowAll
		}
	}
	looks := look(prompt)
	t.Coding = looks.coding || t.Spec.HasTests()
	t.Language = first(t.Spec.Language, languageOfTests(t.Spec), looks.language)
	t.Called = t.Spec.called()
	t.judge(q, tools)
	return t, nil
}

// judge says whether the task can be searched, and the first reason against it.
func (t *Task) judge(q *openai.ChatRequest, tools bool) {
	switch {
	case tools:
		t.Reason = ReasonToolsPresent
	case multimodal(q):
		t.Reason = ReasonMultimodal
	case q.N > 1:
		t.Reason = ReasonSeveralChoices
	case t.Spec.Route == RouteDirect:
		t.Reason = ReasonPinnedRoute
	case !t.Coding:
		t.Reason = ReasonNotCoding
	case !t.Spec.HasTests():
		t.Reason = ReasonNoTests
	default:
		t.Searchable, t.Reason = true, ReasonTestsGiven
	}
}

// take uses tests that were found in the prompt; what the client has stated
// otherwise stays.
func (t *Task) take(found PromptTests) {
	s := t.Spec
	s.Tests, s.Cases = found.Tests, found.Cases
	s.Language = first(s.Language, found.Language)
	s.Framework = first(s.Framework, found.Framework)
	s.EntryPoint = first(s.EntryPoint, found.EntryPoint)
	r := &reader{}
	if s.check(r, "verify"); r.wrong != nil {
		return // tests that the sandbox would refuse are none
	}
	t.Spec, t.Source = s, SourcePrompt
}

// withoutTests is the task when its tests turned out to prove nothing.
func (t Task) withoutTests() Task {
	t.Spec.Tests, t.Spec.Cases, t.Spec.Command, t.Spec.Framework = nil, nil, nil, ""
	t.Source = ""
	if t.Searchable {
		t.Searchable, t.Reason = false, ReasonNoTests
	}
	return t
}

// Job is what the sandbox runs to judge a candidate.
func (t Task) Job(c Candidate) sandbox.Job {
	j := t.Spec.job(c.Code, c.Language)
	j.Language = first(j.Language, t.Language)
	return j
}

// Checks is about how many checks the tests make, for telling weak tests from
// strong ones before any has run.
func (t Task) Checks() int {
	n := len(t.Spec.Cases)
	for _, text := range t.Spec.Tests {
		n += strings.Count(text, "assert") + strings.Count(text, ">>> ") + strings.Count(text, "pytest.raises")
	}
	if n == 0 && t.Spec.HasTests() {
		n = 1
	}
	return n
}

// spec gathers the verify object from the sources other than the prompt.
func (from Sources) spec(q *openai.ChatRequest) (Spec, string, error) {
	var o openai.Object
	source, root := SourceField, "verify"
	if v := q.Get("verify"); v != nil {
		field, err := specObject(root, v)
		if err == nil {
			err = checkAnyOf(root, field)
		}
		if err != nil {
			return Spec{}, "", err
		}
		o = field
	}
	tested := hasTests(o)
	named := "" // where the suite is named, when that is outside the field
	if id, where := from.suite(q); id != nil && !tested && o.Get("suite") == nil {
		o = o.Clone()
		o.Set("suite", id)
		named = where
	}
	if !tested && o.Get("suite") == nil && from.Verify != "" {
		header, err := headerObject(from.Verify)
		if err == nil {
			err = checkAnyOf("x-verify", header)
		}
		if err == nil {
			_, err = decodeSpec("x-verify", header)
		}
		if err != nil {
			return Spec{}, "", err
		}
		o = overlay(header, o)
		source, root, tested = SourceHeader, "x-verify", hasTests(header)
	}
	if id := o.Get("suite"); id != nil {
		suite, err := from.resolve(root, cmp.Or(named, join(root, "suite")), id)
		if err != nil {
			return Spec{}, "", err
		}
		o = overlay(suite, o)
		if !tested {
			source = SourceSuite
		}
	}
	s, err := decodeSpec(root, o)
	return s, source, err
}

// suite is the id of a suite that is named outside the verify field, and where.
func (from Sources) suite(q *openai.ChatRequest) (id jsontext.Value, where string) {
	if from.Suite != "" {
		return openai.String(from.Suite), "x-verify-suite"
	}
	if metadata := q.Get("metadata"); metadata.Kind() == '{' {
		if o, err := openai.DecodeObject(metadata); err == nil && o.Get("verify_suite") != nil {
			return o.Get("verify_suite"), "metadata.verify_suite"
		}
	}
	if _, id := CutSuite(q.Model); id != "" {
		return openai.String(id), "model"
	}
	return nil, ""
}

// CutSuite splits a model name such as auto@suite_abc. suite is empty when the
// name has none.
func CutSuite(model string) (name, suite string) {
	name, suite, ok := strings.Cut(model, "@")
	if !ok || !strings.HasPrefix(suite, "suite_") {
		return model, ""
	}
	return name, suite
}

// resolve returns the object of a suite, which is named at this place.
func (from Sources) resolve(root, named string, v jsontext.Value) (openai.Object, error) {
	r := &reader{}
	id := r.suite(named, v)
	if r.wrong != nil {
		return nil, r.wrong
	}
	if from.Suites != nil {
		if raw, ok := from.Suites(id); ok {
			o, err := specObject(root, raw)
			if err != nil {
				return nil, fmt.Errorf("suite %s: %w", id, err)
			}
			return o, nil
		}
	}
	e := openai.BadRequest(named, "there is no suite %s; POST /v1/verify/suites registers one", id)
	e.Code = CodeSuiteNotFound
	return nil, e
}

// testMembers are those that say what is run.
var testMembers = []string{"tests", "cases", "command"}

func hasTests(o openai.Object) bool {
	for _, name := range testMembers {
		if o.Get(name) != nil {
			return true
		}
	}
	return false
}

// overlay puts one verify object over another. Whole fields are replaced; tests
// of one kind replace those of every kind, along with their framework.
func overlay(base, over openai.Object) openai.Object {
	o := base.Clone()
	if hasTests(over) {
		for _, name := range append([]string{"framework"}, testMembers...) {
			o.Delete(name)
		}
	}
	for _, m := range over {
		if m.Value.Kind() != 'n' {
			o.Set(m.Name, m.Value)
		}
	}
	return o
}

func hasTools(q *openai.ChatRequest) bool {
	for _, name := range []string{"tools", "functions"} {
		if v := q.Get(name); v != nil && string(v) != "[]" {
			return true
		}
	}
	return false
}

func multimodal(q *openai.ChatRequest) bool {
	for _, m := range q.Messages {
		if m.Media {
			return true
		}
	}
	return q.Get("audio") != nil || strings.Contains(string(q.Get("modalities")), `"audio"`)
}

func lastUserText(q *openai.ChatRequest) string {
	for i := len(q.Messages) - 1; i >= 0; i-- {
		if q.Messages[i].Role == "user" {
			return q.Messages[i].Text()
		}
	}
	return ""
}

func first(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}
