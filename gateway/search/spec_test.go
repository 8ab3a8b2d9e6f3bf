package search

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/sandbox"
)

func TestParseTaskReadsEveryField(t *testing.T) {
	field := `"verify":{
		"tests":["assert a", "assert b"], "language":"go", "framework":"assert", "entry_point":"A.b",
		"answer":{"extract":"all_blocks","path":"pkg/a.go","prefix":"p","suffix":"s"},
		"files":{"in.txt":"text","d/b.bin":{"base64":"AAE="}}, "command":["go","test"], "show":"all",
		"limits":{"timeout_s":1.5,"memory_mb":256,"output_kb":4}, "budget":{"max_samples":8,"max_cost_usd":5e-3,"deadline_s":0.5},
		"pass":0.75, "on_fail":"best", "route":"search"}`
	got := task(t, request(t, "", field))
	want := Task{Source: SourceField, Show: ShowAll, Language: "go", Coding: true, Searchable: true, Reason: ReasonTestsGiven, Spec: Spec{
		Tests: []string{"assert a", "assert b"}, Language: "go", Framework: "assert", EntryPoint: "A.b",
		Answer: Answer{ExtractAllBlocks, "pkg/a.go", "p", "s"}, Files: map[string][]byte{"in.txt": []byte("text"), "d/b.bin": {0, 1}},
		Command: []string{"go", "test"}, Show: ShowAll, Limits: sandbox.Limits{CPU: 1500 * time.Millisecond, Memory: 256 << 20, Output: 4 << 10},
		Budget: Budget{8, 5_000_000, 500 * time.Millisecond}, Pass: .75, OnFail: OnFailBest, Route: RouteSearch,
	}}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(sandbox.Limits{})); diff != "" {
		t.Error(diff)
	}
	got = task(t, request(t, "", `"verify":{"cases":[{"stdin":"1","args":["-x"],"stdout":"","match":"float"},{"stdout":"2"}],"show":null}`))
	if diff := cmp.Diff([]sandbox.Case{{Stdin: "1", Args: []string{"-x"}, Match: "float"}, {Stdout: "2"}}, got.Spec.Cases); diff != "" || got.Show != ShowNone {
		t.Error(diff, got.Show)
	}
	if got := task(t, request(t, "", `"verify":"assert f(1)"`)); !cmp.Equal(got.Spec.Tests, []string{"assert f(1)"}) {
		t.Errorf("got %+v", got.Spec)
	}
}

func TestParseTaskSaysWhatIsWrongWithTheField(t *testing.T) {
	for _, c := range []struct{ verify, param, says string }{
		{`7`, "verify", "string with tests or an object"},
		{`""`, "verify", "must not be empty"},
		{`[]`, "verify", "string with tests or an object"},
		{`{}`, "verify", "one of tests, cases, suite"},
		{`{"show":"all"}`, "verify", "one of tests, cases, suite"},
		{`{"tests":""}`, "verify.tests", "must not be empty"},
		{`{"tests":[]}`, "verify.tests", "1 to 256 items"},
		{`{"tests":["a",7]}`, "verify.tests[1]", "must be a string, got a number"},
		{`{"tests":{}}`, "verify.tests", "string or an array of strings"},
		{`{"test":"a","tests":"b"}`, "verify.test", "the fields are answer, budget"},
		{`{"cases":[{"stdout":"a"},{"stdin":"b"}]}`, "verify.cases[1].stdout", "must be given"},
		{`{"cases":[{"stdout":"a","match":"about"}]}`, "verify.cases[0].match", "exact, trimmed, tokens, float"},
		{`{"cases":[{"stdout":"a","input":"b"}]}`, "verify.cases[0].input", "args, match, stdin, stdout"},
		{`{"tests":"a","language":"cobol"}`, "verify.language", "python, javascript"},
		{`{"tests":"a","framework":"nose"}`, "verify.framework", "assert, pytest"},
		{`{"tests":"a","framework":"stdio"}`, "verify.cases", "must be given for framework stdio"},
		{`{"cases":[{"stdout":"a"}],"framework":"pytest"}`, "verify.framework", "pytest needs tests"},
		{`{"tests":"a","framework":"command"}`, "verify.command", "must be given"},
		{`{"tests":"a","entry_point":"1f"}`, "verify.entry_point", "must be a name"},
		{`{"tests":"a","answer":{"extract":"first"}}`, "verify.answer.extract", "auto, whole"},
		{`{"tests":"a","answer":{"path":"../a"}}`, "verify.answer.path", "clean relative path"},
		{`{"tests":"a","files":{"/etc/passwd":"x"}}`, "verify.files", "clean relative path"},
		{`{"tests":"a","files":{"a":7}}`, "verify.files.a", "must be an object"},
		{`{"tests":"a","files":{"a":{"base64":"?"}}}`, "verify.files.a.base64", "must be base64"},
		{`{"tests":"a","files":{"a":{}}}`, "verify.files.a", "text or an object with base64"},
		{`{"command":[]}`, "verify.command", "1 to 64"},
		{`{"tests":"a","show":"some"}`, "verify.show", "none, all"},
		{`{"tests":"a","limits":{"timeout_s":0}}`, "verify.limits.timeout_s", "above 0 and at most 120"},
		{`{"tests":"a","limits":{"timeout_s":121}}`, "verify.limits.timeout_s", "above 0 and at most 120"},
		{`{"tests":"a","limits":{"memory_mb":15}}`, "verify.limits.memory_mb", "from 16 to 4096"},
		{`{"tests":"a","limits":{"memory_mb":16.5}}`, "verify.limits.memory_mb", "whole number"},
		{`{"tests":"a","limits":{"output_kb":"4"}}`, "verify.limits.output_kb", "must be a number, got a string"},
		{`{"tests":"a","limits":{"cpu":1}}`, "verify.limits.cpu", "memory_mb, output_kb, timeout_s"},
		{`{"budget":{"max_samples":257}}`, "verify.budget.max_samples", "from 1 to 256"},
		{`{"budget":{"max_cost_usd":0}}`, "verify.budget.max_cost_usd", "above 0"},
		{`{"budget":{"max_cost_usd":1e-400}}`, "verify.budget.max_cost_usd", ""},
		{`{"budget":{"deadline_s":601}}`, "verify.budget.deadline_s", "at most 600"},
		{`{"tests":"a","pass":1.1}`, "verify.pass", "at most 1"},
		{`{"tests":"a","on_fail":"retry"}`, "verify.on_fail", "escalate, best, error"},
		{`{"route":"cheap"}`, "verify.route", "auto, search, direct"},
		{`{"suite":"abc"}`, "verify.suite", "id of a suite"},
		{`{"suite":"suite_abc"}`, "verify.suite", "there is no suite suite_abc"},
	} {
		_, err := ParseTask(request(t, "Write f.", `"verify":`+c.verify), Sources{})
		var e *openai.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: got %v", c.verify, err)
			continue
		}
		if e.Param != c.param || !strings.Contains(e.Message, c.says) || e.Type != "invalid_request_error" || e.Code != "invalid_value" && e.Code != CodeSuiteNotFound {
			t.Errorf("%s: got %+v", c.verify, e)
		}
	}
}

func TestParseSpecTakesASuite(t *testing.T) {
	s, err := ParseSpec("", []byte(`{"tests":"assert f(1)","limits":{"timeout_s":2}}`))
	if err != nil || s.Limits.CPU != 2*time.Second {
		t.Errorf("got %+v: %v", s, err)
	}
	for body, param := range map[string]string{
		`{"suite":"suite_a"}`: "suite", `{"route":"search"}`: "tests", `{"tests":7}`: "tests", `7`: "", `{"tests":"a","x":1}`: "x", `{"tests":"a","limits":{"x":1}}`: "limits.x",
	} {
		_, err := ParseSpec("", []byte(body))
		var e *openai.Error
		if !errors.As(err, &e) || e.Param != param {
			t.Errorf("%s: got %v about %q", body, err, e.Param)
		}
	}
}

// shared finds a file beside the project; the test is skipped where it is missing.
func shared(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	file := filepath.Join(dir, "..", "shared", filepath.FromSlash(name))
	if _, err := os.Stat(file); err != nil {
		t.Skipf("needs ../shared/%s: %v", name, err)
	}
	return file
}

// What the published schema takes is taken, and what it refuses is refused. Nulls
// apart: they stand for what was left out.
func TestParseTaskAgreesWithTheSchema(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	text, err := os.Open(shared(t, "conformance/verify.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	document, err := jsonschema.UnmarshalJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := compiler.AddResource("urn:drover:verify", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("urn:drover:verify#/$defs/Request")
	if err != nil {
		t.Fatal(err)
	}
	taken := 0
	rapid.Check(t, func(rt *rapid.T) {
		raw, err := json.Marshal(drawVerify(rt))
		if err != nil {
			rt.Fatal(err)
		}
		instance, err := jsonschema.UnmarshalJSON(strings.NewReader(string(raw)))
		if err != nil {
			rt.Fatal(err)
		}
		wrong := schema.Validate(instance)
		suites := func(string) (v []byte, ok bool) { return []byte(`"assert True"`), true }
		_, err = ParseTask(request(t, "Write f.", `"verify":`+string(raw)), Sources{Suites: asSuites(suites)})
		if wrong == nil {
			taken++
		}
		if (wrong == nil) != (err == nil) {
			rt.Fatalf("%s\nthe schema says %v\nwe say %v", raw, wrong, err)
		}
	})
	if taken < 5 {
		t.Errorf("only %d of the drawn objects were valid", taken)
	}
}

// drawVerify draws an object that is mostly valid, with a fault here and there.
func drawVerify(t *rapid.T) any {
	o := map[string]any{}
	some := func(name string, good []any, bad ...any) {
		switch n := rapid.IntRange(0, 40).Draw(t, name); {
		case n == 31:
			o[name] = rapid.SampledFrom(bad).Draw(t, "bad "+name)
		case n < 12 && len(good) > 0:
			o[name] = rapid.SampledFrom(good).Draw(t, "good "+name)
		}
	}
	type m = map[string]any
	some("tests", []any{"assert f(1) == 1", []any{"a", "b"}}, "", []any{}, []any{""}, 7, m{})
	if o["tests"] == nil {
		some("cases", []any{[]any{m{"stdout": "1"}}, []any{m{"stdin": "", "stdout": "", "args": []any{"x"}, "match": "float"}}}, []any{}, []any{m{}}, []any{m{"stdout": 1}}, []any{m{"stdout": "", "match": ""}}, "1")
		if o["cases"] == nil {
			some("command", []any{[]any{"make", ""}}, []any{}, "make", []any{1})
			some("suite", []any{"suite_abc", "suite_A-1_"}, "suite_", "abc", "suite_a b", 7)
		}
	}
	some("language", []any{"python", "bash", "cpp"}, "Python", "ruby", 3)
	some("entry_point", []any{"f", "A.b", "_x1"}, "", "1", "f()", "a b", strings.Repeat("f", 129))
	some("answer", []any{m{}, m{"extract": "whole"}, m{"path": "a/b.py", "prefix": "", "suffix": "x"}}, m{"extract": ""}, m{"paths": "x"}, "auto", m{"prefix": 1})
	some("files", []any{m{}, m{"a.txt": "x", "b": m{"base64": "eA=="}}}, m{"a": 1}, m{"a": m{}}, m{"a": m{"base64": "eA==", "x": 1}}, []any{}, m{"": "x"})
	some("show", []any{"none", "all"}, "All", true)
	some("limits", []any{m{}, m{"timeout_s": .5, "memory_mb": 16, "output_kb": 4096}}, m{"timeout_s": 0}, m{"timeout_s": 120.5}, m{"memory_mb": 15}, m{"memory_mb": 20.5}, m{"output_kb": 0}, m{"x": 1}, 5)
	some("budget", []any{m{}, m{"max_samples": 256, "max_cost_usd": 1e-5, "deadline_s": 600}, m{"max_samples": 2.0}}, m{"max_samples": 0}, m{"max_cost_usd": -1}, m{"deadline_s": 0}, m{"deadline": 1}, []any{})
	some("pass", []any{.5, 1}, 0, 1.5, "1")
	some("on_fail", []any{"escalate", "best", "error"}, "", "fail")
	some("route", []any{"auto", "search", "direct"}, "", false)
	some("unknown", nil, 1, "x")
	if rapid.IntRange(0, 20).Draw(t, "short") == 0 {
		return rapid.SampledFrom([]any{"assert f(1)", "", 7, []any{}, true}).Draw(t, "bare")
	}
	return o
}

func TestParseTaskTakesTheFirstSourceWithTests(t *testing.T) {
	encode := func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) }
	suites := asSuites(func(id string) ([]byte, bool) {
		v, ok := map[string]string{
			"suite_a": `{"tests":"suite a","limits":{"timeout_s":3},"entry_point":"f","framework":"pytest"}`, "suite_c": `{"cases":[{"stdout":"1"}],"framework":"stdio"}`,
		}[id]
		return []byte(v), ok
	})
	inPrompt := "Write f.\n\nassert f(1) == 2"
	for name, c := range map[string]struct {
		prompt  string
		members []string
		from    Sources
		model   string
		source  string
		tests   string
	}{
		"field":                {inPrompt, []string{`"verify":"field"`, `"metadata":{"verify_suite":"suite_a"}`}, Sources{Suite: "suite_a", Verify: encode(`"header"`)}, "auto@suite_a", SourceField, "field"},
		"suite of the field":   {inPrompt, []string{`"verify":{"suite":"suite_a","pass":0.5}`}, Sources{Verify: encode(`"header"`)}, "auto", SourceSuite, "suite a"},
		"field over its suite": {inPrompt, []string{`"verify":{"suite":"suite_a","tests":"own"}`}, Sources{}, "auto", SourceField, "own"},
		"field, other kind":    {inPrompt, []string{`"verify":{"suite":"suite_c","tests":"own"}`}, Sources{}, "auto", SourceField, "own"},
		"suite header":         {inPrompt, []string{`"verify":{"budget":{"max_samples":3}}`}, Sources{Suite: "suite_a", Verify: encode(`"header"`)}, "auto@suite_c", SourceSuite, "suite a"},
		"suite in metadata":    {inPrompt, []string{`"metadata":{"verify_suite":"suite_a"}`}, Sources{}, "auto", SourceSuite, "suite a"},
		"suite in the model":   {inPrompt, nil, Sources{Verify: encode(`"header"`)}, "auto@suite_a", SourceSuite, "suite a"},
		"header":               {inPrompt, []string{`"verify":{"budget":{"max_samples":3}}`}, Sources{Verify: encode(`{"tests":"header","budget":{"max_samples":9}}`)}, "auto", SourceHeader, "header"},
		"header, no padding":   {inPrompt, nil, Sources{Verify: strings.TrimRight(encode(`{"tests":"header?"}`), "=")}, "auto", SourceHeader, "header?"},
		"suite of the header":  {inPrompt, nil, Sources{Verify: encode(`{"suite":"suite_a"}`)}, "auto", SourceSuite, "suite a"},
		"prompt":               {inPrompt, []string{`"verify":{"budget":{"max_samples":3}}`}, Sources{}, "auto", SourcePrompt, "assert f(1) == 2\n"},
		"none":                 {"Write f.", []string{`"verify":{"route":"search"}`}, Sources{}, "auto", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			q := request(t, c.prompt, c.members...)
			q.Model = c.model
			c.from.Suites = suites
			got, err := ParseTask(q, c.from)
			if err != nil {
				t.Fatal(err)
			}
			if got.Source != c.source || strings.Join(got.Spec.Tests, "") != c.tests || len(got.Spec.Cases) != 0 {
				t.Errorf("got %+v", got)
			}
			show := ShowNone
			if c.source == SourcePrompt {
				show = ShowAll
			}
			if got.Show != show {
				t.Errorf("show %s", got.Show)
			}
			if strings.Contains(strings.Join(c.members, ""), "max_samples") && got.Spec.Budget.MaxSamples != 3 {
				t.Errorf("budget %+v: the field goes before", got.Spec.Budget)
			}
			if c.tests == "suite a" && (got.Spec.Limits.CPU != 3*time.Second || got.Spec.Framework != "pytest") {
				t.Errorf("the suite's own fields are lost: %+v", got.Spec)
			}
		})
	}
}

func TestParseTaskRefusesAHeaderThatItCannotRead(t *testing.T) {
	for header, param := range map[string]string{
		"???": "x-verify", base64.URLEncoding.EncodeToString([]byte(`{"tests":7}`)): "x-verify.tests", base64.URLEncoding.EncodeToString([]byte(`{`)): "x-verify",
		base64.URLEncoding.EncodeToString([]byte(`{"tests":"a","tset":"b"}`)): "x-verify.tset", base64.URLEncoding.EncodeToString([]byte(`{"suite":"suite_x"}`)): "x-verify.suite",
	} {
		_, err := ParseTask(request(t, "Write f."), Sources{Verify: header})
		var e *openai.Error
		if !errors.As(err, &e) || e.Param != param {
			t.Errorf("%q: got %v", header, err)
		}
	}
}

func TestParseTaskSaysWhatCannotBeSearched(t *testing.T) {
	tests := `"verify":"assert f(1)"`
	for name, c := range map[string]struct {
		prompt  string
		members []string
		reason  string
	}{
		"tools":        {"Write f.", []string{tests, `"tools":[{"type":"function"}]`}, ReasonToolsPresent},
		"functions":    {"Write f.\n\nassert f(1) == 1", []string{`"functions":[{}]`}, ReasonToolsPresent},
		"no tools":     {"Write f.", []string{tests, `"tools":[]`}, ReasonTestsGiven},
		"audio":        {"Write f.", []string{tests, `"modalities":["text","audio"]`}, ReasonMultimodal},
		"choices":      {"Write f.", []string{tests, `"n":2`}, ReasonSeveralChoices},
		"pinned":       {"Write f.", []string{`"verify":{"tests":"assert f(1)","route":"direct"}`}, ReasonPinnedRoute},
		"talk":         {"What is the capital of France?", nil, ReasonNotCoding},
		"a story":      {"Write a story about a class that makes a trip.", nil, ReasonNotCoding},
		"no tests":     {"Write a Python function that adds two numbers.", nil, ReasonNoTests},
		"code alone":   {"def add(a, b):\n    return a +", nil, ReasonNoTests},
		"a fence":      {"What does this print?\n```\nx\n```", nil, ReasonNoTests},
		"empty object": {"Hello", []string{`"verify":null`}, ReasonNotCoding},
	} {
		got, err := ParseTask(request(t, c.prompt, c.members...), Sources{})
		if err != nil || got.Reason != c.reason || got.Searchable != (c.reason == ReasonTestsGiven) {
			t.Errorf("%s: got %s: %v", name, got.Reason, err)
		}
	}
	media, err := openai.DecodeChatRequest([]byte(`{"model":"auto","verify":"assert f(1)","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseTask(media, Sources{}); err != nil || got.Reason != ReasonMultimodal {
		t.Errorf("got %s: %v", got.Reason, err)
	}
}

func TestParseTaskTellsTheLanguage(t *testing.T) {
	for _, c := range []struct{ prompt, verify, want string }{
		{"Write f.", `{"tests":"x","language":"rust"}`, "rust"},
		{"Write f.", `"import pytest"`, "python"},
		{"Write f in JavaScript.", `"console.assert(f(1) === 2)"`, "javascript"},
		{"Fix this:\n```go\nfunc F() {}\n```", `"x"`, "go"},
		{"func F(a int) int", `"x"`, "go"},
		{"Write a C++ program.", `{"cases":[{"stdout":"1"}]}`, "cpp"},
		{"Write f.", `{"cases":[{"stdout":"1"}]}`, ""},
	} {
		if got := task(t, request(t, c.prompt, `"verify":`+c.verify)); got.Language != c.want {
			t.Errorf("%q with %s: got %q", c.prompt, c.verify, got.Language)
		}
	}
}

func FuzzParseSpec(f *testing.F) {
	for _, seed := range []string{`"assert f(1)"`, `{"tests":["a"],"limits":{"timeout_s":1e300}}`, `{"cases":[{"stdout":"\ud800"}]}`, `{"budget":{"max_cost_usd":0.0000000019999999999999999999}}`, `{"files":{"a":{"base64":"\n"}}}`, `[`, ``} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := ParseSpec("", body)
		if err != nil {
			var e *openai.Error
			if !errors.As(err, &e) || e.Message == "" || e.Code != "invalid_value" {
				t.Errorf("got %+v", err)
			}
			return
		}
		s.job("pass", "").Validate(func(path, format string, args ...any) {
			t.Errorf("%s is taken, and then refused: %s "+format, append([]any{body, path}, args...)...)
		})
	})
}
