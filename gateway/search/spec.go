package search

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/pricing"
)

// Spec is a verify object: the tests, and what the client wants done with them.
// Zero fields were left out and take the schema's defaults.
type Spec struct {
	Tests      []string // test files, run in order
	Cases      []sandbox.Case
	Suite      string // id of the suite that the tests come from
	Language   string
	Framework  string
	EntryPoint string
	Answer     Answer
	Files      map[string][]byte
	Command    []string
	Show       string // none or all
	Limits     sandbox.Limits
	Budget     Budget
	Pass       float64 // share of tests that is a pass; 0 means all
	OnFail     string  // escalate (the default), best or error
	Route      string  // auto (the default), search or direct
}

// Answer says how the program is taken from a reply.
type Answer struct {
	Extract string // one of the Extract constants
	Path    string // file that it is written to
	Prefix  string
	Suffix  string
}

// Budget is what the client allows for one request. Zero fields set no limit.
type Budget struct {
	MaxSamples int
	MaxCost    pricing.USD
	Deadline   time.Duration // from the request's arrival
}

// Words of a Spec.
const (
	ShowNone = "none"
	ShowAll  = "all"

	OnFailEscalate = "escalate"
	OnFailBest     = "best"
	OnFailError    = "error"

	RouteAuto   = "auto"
	RouteSearch = "search"
	RouteDirect = "direct"
)

const (
	maxSource = 1 << 20 // bytes of one test file
	maxFiles  = 256
	maxAffix  = 256 << 10
)

var (
	suiteForm = regexp.MustCompile(`^suite_[A-Za-z0-9_-]{1,64}$`)

	languageWords  = []string{"python", "javascript", "typescript", "go", "java", "c", "cpp", "rust", "bash"}
	frameworkWords = []string{sandbox.FrameworkAssert, sandbox.FrameworkPytest, sandbox.FrameworkUnittest,
		sandbox.FrameworkDoctest, sandbox.FrameworkStdio, sandbox.FrameworkCommand}
)

// HasTests reports whether there is something to run.
func (s Spec) HasTests() bool { return len(s.Tests) > 0 || len(s.Cases) > 0 || len(s.Command) > 0 }

// called is what the tests call, where no entry point is stated: the blocks of a
// reply that define it are the program.
func (s Spec) called() []string {
	text := strings.Join(s.Tests, "\n")
	if s.EntryPoint != "" || len(text) > maxPrompt {
		return nil
	}
	names := calledNames(text)
	return names[:min(len(names), maxCalled)]
}

// maxCalled bounds the names that blocks are searched for.
const maxCalled = 8

// ParseSpec reads a verify object, or the string that is short for one, as
// POST /v1/verify/suites and POST /v1/verify take it: it must have tests, cases
// or a command of its own. Every error is an *openai.Error about a field under
// root, such as verify.cases[2].match; an empty root stands for the body itself.
func ParseSpec(root string, v jsontext.Value) (Spec, error) {
	o, err := specObject(root, v)
	if err != nil {
		return Spec{}, err
	}
	if o.Get("suite") != nil {
		return Spec{}, invalid(join(root, "suite"), "must be left out: a suite has tests of its own")
	}
	s, err := decodeSpec(root, o)
	if err == nil && !s.HasTests() {
		err = invalid(join(root, "tests"), "must be given, or cases, or a command")
	}
	return s, err
}

// specObject returns v as an object; a bare string is short for its tests.
func specObject(root string, v jsontext.Value) (openai.Object, error) {
	switch v.Kind() {
	case '"':
		if len(v) == 2 {
			return nil, invalid(root, "must not be empty: it stands for the tests")
		}
		return openai.Object{{Name: "tests", Value: v}}, nil
	case '{':
		o, err := openai.DecodeObject(v)
		if err != nil {
			return nil, invalid(root, "is not valid JSON: %v", err)
		}
		return o, nil
	}
	return nil, invalid(root, "must be a string with tests or an object, got %s", kindOf(v))
}

// headerObject reads X-Verify: the object as base64url, with or without padding.
func headerObject(header string) (openai.Object, error) {
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(header, "="))
	if err != nil {
		return nil, invalid("x-verify", "must be a JSON object in base64url")
	}
	return specObject("x-verify", text)
}

// decodeSpec reads the members of a verify object and checks them together.
func decodeSpec(root string, o openai.Object) (Spec, error) {
	var s Spec
	r := &reader{}
	r.members(root, o, s.fields(r))
	if r.wrong == nil {
		s.check(r, root)
	}
	if r.wrong != nil {
		return Spec{}, r.wrong
	}
	return s, nil
}

func (s *Spec) fields(r *reader) fields {
	return fields{
		"tests":       func(p string, v jsontext.Value) { s.Tests = r.tests(p, v) },
		"cases":       func(p string, v jsontext.Value) { s.Cases = r.cases(p, v) },
		"suite":       func(p string, v jsontext.Value) { s.Suite = r.suite(p, v) },
		"language":    func(p string, v jsontext.Value) { s.Language = r.word(p, v, languageWords...) },
		"framework":   func(p string, v jsontext.Value) { s.Framework = r.word(p, v, frameworkWords...) },
		"entry_point": func(p string, v jsontext.Value) { s.EntryPoint = r.text(p, v, 1, 128) },
		"answer":      func(p string, v jsontext.Value) { s.Answer = r.answer(p, v) },
		"files":       func(p string, v jsontext.Value) { s.Files = r.files(p, v) },
		"command":     func(p string, v jsontext.Value) { s.Command = r.texts(p, v, 1, 64, 0) },
		"show":        func(p string, v jsontext.Value) { s.Show = r.word(p, v, ShowNone, ShowAll) },
		"limits":      func(p string, v jsontext.Value) { s.Limits = r.limits(p, v) },
		"budget":      func(p string, v jsontext.Value) { s.Budget = r.budget(p, v) },
		"pass":        func(p string, v jsontext.Value) { s.Pass = r.positive(p, v, 1) },
		"on_fail":     func(p string, v jsontext.Value) { s.OnFail = r.word(p, v, OnFailEscalate, OnFailBest, OnFailError) },
		"route":       func(p string, v jsontext.Value) { s.Route = r.word(p, v, RouteAuto, RouteSearch, RouteDirect) },
	}
}

// check finds what single fields cannot tell: paths, frameworks without their
// tests. The sandbox says what it would refuse, so that no search is paid for
// whose candidates cannot be run.
func (s *Spec) check(r *reader, root string) {
	s.job("", "").Validate(func(path, format string, args ...any) {
		if s.HasTests() || path != "tests" {
			r.fault(join(root, path), format, args...)
		}
	})
	asks := s.Framework != "" && s.Framework != sandbox.FrameworkStdio && s.Framework != sandbox.FrameworkCommand
	if asks && s.HasTests() && len(s.Tests) == 0 {
		r.fault(join(root, "framework"), "must be left out, stdio or command: %s needs tests", s.Framework)
	}
}

// job is what the sandbox gets to run for a program.
func (s Spec) job(code, language string) sandbox.Job {
	if s.Language != "" {
		language = s.Language
	}
	return sandbox.Job{
		Language: language, Framework: s.Framework, EntryPoint: s.EntryPoint, Code: code, Path: s.Answer.Path,
		Tests: s.Tests, Cases: s.Cases, Files: s.Files, Command: s.Command, Limits: s.Limits, Pass: s.Pass,
	}
}

func (r *reader) tests(path string, v jsontext.Value) []string {
	if v.Kind() == '"' {
		return []string{r.text(path, v, 1, maxSource)}
	}
	if v.Kind() != '[' {
		r.fault(path, "must be a string or an array of strings, got %s", kindOf(v))
		return nil
	}
	return r.texts(path, v, 1, 256, 1)
}

func (r *reader) suite(path string, v jsontext.Value) string {
	id := r.text(path, v, 1, 128)
	if !suiteForm.MatchString(id) {
		r.fault(path, "must be the id of a suite, such as suite_abc, got %s", clip(string(v)))
	}
	return id
}

func (r *reader) cases(path string, v jsontext.Value) []sandbox.Case {
	list := r.list(path, v, 1, 1000)
	cases := make([]sandbox.Case, len(list))
	for i, item := range list {
		c, at, expects := &cases[i], fmt.Sprintf("%s[%d]", path, i), false
		r.object(at, item, fields{
			"stdin":  func(p string, v jsontext.Value) { c.Stdin = r.text(p, v, 0, maxSource) },
			"args":   func(p string, v jsontext.Value) { c.Args = r.texts(p, v, 0, 64, 0) },
			"stdout": func(p string, v jsontext.Value) { c.Stdout, expects = r.text(p, v, 0, maxSource), true },
			"match":  func(p string, v jsontext.Value) { c.Match = r.word(p, v, "exact", "trimmed", "tokens", "float") },
		})
		if !expects {
			r.fault(at+".stdout", "must be given: it is what the program has to print")
		}
	}
	return cases
}

func (r *reader) answer(path string, v jsontext.Value) (a Answer) {
	r.object(path, v, fields{
		"extract": func(p string, v jsontext.Value) {
			a.Extract = r.word(p, v, ExtractAuto, ExtractWhole, ExtractAllBlocks, ExtractPrefixBody)
		},
		"path":   func(p string, v jsontext.Value) { a.Path = r.text(p, v, 1, 255) },
		"prefix": func(p string, v jsontext.Value) { a.Prefix = r.text(p, v, 0, maxAffix) },
		"suffix": func(p string, v jsontext.Value) { a.Suffix = r.text(p, v, 0, maxAffix) },
	})
	return a
}

func (r *reader) files(path string, v jsontext.Value) map[string][]byte {
	if v.Kind() != '{' {
		r.fault(path, "must be an object of paths to texts, got %s", kindOf(v))
		return nil
	}
	o, err := openai.DecodeObject(v)
	if err != nil || len(o) > maxFiles {
		r.fault(path, "must have at most %d files, got %d", maxFiles, len(o))
		return nil
	}
	files := make(map[string][]byte, len(o))
	for _, m := range o {
		at := path + "." + clip(m.Name)
		if m.Value.Kind() == '"' {
			files[m.Name] = []byte(openai.Text(m.Value))
			continue
		}
		encoded := false
		r.object(at, m.Value, fields{"base64": func(p string, v jsontext.Value) {
			content, err := base64.StdEncoding.DecodeString(r.text(p, v, 0, 64<<20))
			if err != nil {
				r.fault(p, "must be base64")
			}
			files[m.Name], encoded = content, true
		}})
		if !encoded {
			r.fault(at, "must be a text or an object with base64")
		}
	}
	return files
}

func (r *reader) limits(path string, v jsontext.Value) (l sandbox.Limits) {
	r.object(path, v, fields{
		"timeout_s": func(p string, v jsontext.Value) { l.CPU = seconds(r.positive(p, v, 120)) },
		"memory_mb": func(p string, v jsontext.Value) { l.Memory = sandbox.Bytes(r.integer(p, v, 16, 4096)) << 20 },
		"output_kb": func(p string, v jsontext.Value) { l.Output = sandbox.Bytes(r.integer(p, v, 1, 4096)) << 10 },
	})
	return l
}

func (r *reader) budget(path string, v jsontext.Value) (b Budget) {
	r.object(path, v, fields{
		"max_samples":  func(p string, v jsontext.Value) { b.MaxSamples = int(r.integer(p, v, 1, 256)) },
		"max_cost_usd": func(p string, v jsontext.Value) { b.MaxCost = r.dollars(p, v) },
		"deadline_s":   func(p string, v jsontext.Value) { b.Deadline = seconds(r.positive(p, v, 600)) },
	})
	return b
}

// seconds is never 0 for what is above 0, since 0 stands for no limit.
func seconds(s float64) time.Duration { return max(time.Duration(s*float64(time.Second)), 1) }

// anyOf are the members of which a verify object must have one.
var anyOf = []string{"tests", "cases", "suite", "command", "route", "budget"}

// checkAnyOf refuses an object that asks for nothing. What is wrong with a member
// goes before: a mistyped name is why another one is missing.
func checkAnyOf(root string, o openai.Object) error {
	if slices.ContainsFunc(anyOf, func(name string) bool { return o.Get(name) != nil }) {
		return nil
	}
	if _, err := decodeSpec(root, o); err != nil {
		return err
	}
	return invalid(root, "must have one of %s", strings.Join(anyOf, ", "))
}
