package lab

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// One record of each form, with made-up problems.
const (
	ownLine       = `{"task_id":"own/1","grade":2,"entry_point":"twice","prompt":"Write twice(x).","tests":"assert twice(2) == 4","hidden":"assert twice(0) == 0","right":["def twice(x):\n    return 2 * x\n"]}`
	checkLine     = `{"task_id":"h/1","prompt":"import math\n\n\ndef half(\n    x: int) -> float:\n    \"\"\"Halve: (it)\"\"\"\n","entry_point":"half ","canonical_solution":"  return x / 2\n","test":"def check(candidate):\n    assert candidate(4) == 2\n"}`
	plusLine      = `{"task_id":"h+/1","prompt":"def half(x):\n","entry_point":"half","canonical_solution":"    return x / 2\n","base_input":[[4]],"plus_input":[[5],[-Infinity]],"contract":"assert x","atol":1e-6}`
	mbppPlusLine  = `{"task_id":"m+/1","prompt":"Halve \"Infinity\".","entry_point":"half","canonical_solution":"\ndef half(x):\n  return x / 2","base_input":[[Infinity]],"plus_input":{},"contract":"","assertion":"assert half(4) == 2","atol":0}`
	stdioLine     = `{"task_id":"io/1","prompt":"Double the number.","cases":[{"stdin":"2\n","stdout":"4\n"}],"hidden_cases":[{"stdout":"0\n"}]}`
	lineWithNoEnd = `{"task_id":"own/2","entry_point":"f","prompt":"f","tests":"assert f()"`
)

func TestReadProblemsTellsTheForms(t *testing.T) {
	var got []Problem
	input := strings.Join([]string{ownLine, "", checkLine, "  ", plusLine, mbppPlusLine, stdioLine}, "\r\n")
	for p, err := range ReadProblems(strings.NewReader(input)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p)
	}
	want := []Problem{
		{
			ID: "own/1", Grade: 2, EntryPoint: "twice", Prompt: "Write twice(x).", Kind: KindAssert,
			Tests: "assert twice(2) == 4", Hidden: "assert twice(0) == 0", Right: []string{"def twice(x):\n    return 2 * x\n"},
		}, {
			ID: "h/1", EntryPoint: "half", Kind: KindCheck,
			Prompt:   "import math\n\n\ndef half(\n    x: int) -> float:\n    \"\"\"Halve: (it)\"\"\"\n",
			Tests:    "def check(candidate):\n    assert candidate(4) == 2\n",
			Solution: "import math\n\n\ndef half(\n    x: int) -> float:\n  return x / 2\n",
		}, {
			ID: "h+/1", EntryPoint: "half", Prompt: "def half(x):\n", Kind: KindReference,
			Solution: "def half(x):\n    return x / 2\n", Contract: "assert x", Tolerance: 1e-6,
		}, {
			ID: "m+/1", EntryPoint: "half", Prompt: `Halve "Infinity".`, Kind: KindReference,
			Tests: "assert half(4) == 2", Solution: "\ndef half(x):\n  return x / 2",
		}, {
			ID: "io/1", Prompt: "Double the number.", Kind: KindStdio,
			Cases: []Case{{Stdin: "2\n", Stdout: "4\n"}}, HiddenCases: []Case{{Stdout: "0\n"}},
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Problem{}, "Inputs", "HiddenInputs")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"[4]", "[5]", "[-1e999]", "[1e999]"}, arguments(got)); diff != "" {
		t.Error(diff)
	}
}

func arguments(set []Problem) []string {
	var all []string
	for _, p := range set {
		for _, v := range append(p.Inputs, p.HiddenInputs...) {
			all = append(all, string(v))
		}
	}
	return all
}

func TestReadProblemsNamesLineAndFault(t *testing.T) {
	for _, c := range []struct {
		name, line string
		want       []string
	}{
		{"no JSON", "task_id: 1", nil},
		{"cut off", lineWithNoEnd, []string{"EOF"}},
		{"a list", "[1]", nil},
		{"empty", "{}", []string{"no tests"}},
		{"no tests", `{"task_id":"a","prompt":"p","entry_point":"f"}`, []string{"tests", "test", "base_input", "cases"}},
		{"several fields", `{"tests":"assert f()"}`, []string{"missing task_id, prompt, entry_point"}},
		{"number for a name", `{"task_id":1.5,"prompt":"p","entry_point":"f","tests":"t"}`, []string{"task_id"}},
		{"duplicate key", `{"task_id":"a","task_id":"b","prompt":"p","entry_point":"f","tests":"t"}`, []string{"task_id"}},
		{"no name", `{"task_id":"a","prompt":"p","entry_point":"f()","tests":"t"}`, []string{`entry_point "f()"`}},
		{"negative grade", `{"task_id":"a","prompt":"p","entry_point":"f","tests":"t","grade":-1}`, []string{"grade -1"}},
		{"no check", `{"task_id":"a","prompt":"p","entry_point":"f","test":"assert f()"}`, []string{"check(candidate)"}},
		{"no reference", `{"task_id":"a","prompt":"p","entry_point":"f","base_input":[[1]]}`, []string{"missing canonical_solution"}},
		{"no inputs", `{"task_id":"a","prompt":"p","entry_point":"f","canonical_solution":" pass","base_input":[]}`, []string{"base_input or plus_input"}},
		{"input that is no list", `{"task_id":"a","prompt":"p","entry_point":"f","canonical_solution":" pass","base_input":[[1],2]}`, []string{"input 1", "2"}},
		{"inputs by name", `{"task_id":"a","prompt":"p","entry_point":"f","canonical_solution":" pass","base_input":{"x":1}}`, []string{"base_input"}},
		{"negative tolerance", `{"task_id":"a","prompt":"p","entry_point":"f","canonical_solution":" pass","base_input":[[1]],"atol":-1}`, []string{"atol -1"}},
		{"not a number", `{"task_id":"a","prompt":"p","entry_point":"f","canonical_solution":" pass","base_input":[[NaN]]}`, nil},
		{"no cases", `{"task_id":"a","prompt":"p","cases":[]}`, []string{"missing cases"}},
		{"id again", ownLine, []string{`"own/1"`, "line 1"}},
		{"too long", strings.Repeat(" ", maxLine) + checkLine, []string{"longer than 16 MiB"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var faults []error
			var read []string
			for p, err := range ReadProblems(strings.NewReader(ownLine + "\n\n" + c.line + "\n" + stdioLine)) {
				if err != nil {
					faults = append(faults, err)
				} else {
					read = append(read, p.ID)
				}
			}
			if diff := cmp.Diff([]string{"own/1", "io/1"}, read); diff != "" {
				t.Errorf("the good lines: %s", diff)
			}
			if len(faults) != 1 {
				t.Fatalf("faults %v, want one", faults)
			}
			for _, word := range append(c.want, "line 3: ") {
				if !strings.Contains(faults[0].Error(), word) {
					t.Errorf("%q does not say %q", faults[0], word)
				}
			}
		})
	}
}

func TestReadProblemsUnpacks(t *testing.T) {
	packed := pack(t, ownLine+"\n"+stdioLine+"\n")
	if ids, err := readAll(bytes.NewReader(packed)); err != nil || len(ids) != 2 {
		t.Errorf("got %v, %v", ids, err)
	}
	ids, err := readAll(bytes.NewReader(packed[:len(packed)-6]))
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut short: got %v, %v", ids, err)
	}
	if _, err := readAll(bytes.NewReader(packed[:5])); err == nil {
		t.Error("a header alone was taken for a problem set")
	}
}

func TestReadProblemsEndsWithItsReader(t *testing.T) {
	broken := errors.New("broken")
	ids, err := readAll(io.MultiReader(strings.NewReader(ownLine+"\n"), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) || len(ids) != 1 {
		t.Errorf("got %v, %v", ids, err)
	}
	if ids, err := readAll(strings.NewReader("")); err != nil || ids != nil {
		t.Errorf("nothing: got %v, %v", ids, err)
	}
	for range ReadProblems(strings.NewReader(ownLine + "\n" + stdioLine)) {
		break // must not go on yielding
	}
}

// readAll returns the ids of all problems, and the last error.
func readAll(r io.Reader) (ids []string, last error) {
	for p, err := range ReadProblems(r) {
		if err != nil {
			last = err
		} else {
			ids = append(ids, p.ID)
		}
	}
	return ids, last
}

func pack(t testing.TB, text string) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func FuzzReadProblems(f *testing.F) {
	for _, line := range []string{ownLine, checkLine, plusLine, mbppPlusLine, stdioLine, lineWithNoEnd, "\n\n{}", "\x1f\x8b"} {
		f.Add([]byte(line))
	}
	f.Add(pack(f, ownLine+"\n"+plusLine))
	f.Fuzz(func(t *testing.T, data []byte) {
		seen := make(map[string]bool)
		yielded := 0
		for p, err := range ReadProblems(bytes.NewReader(data)) {
			if yielded++; err != nil {
				if p.ID != "" {
					t.Fatalf("a problem %q beside %v", p.ID, err)
				}
				continue
			}
			if err := p.check(); err != nil {
				t.Fatalf("%q was yielded: %v", p.ID, err)
			}
			if p.Kind == "" || seen[p.ID] {
				t.Fatalf("%q: kind %q, seen %v", p.ID, p.Kind, seen[p.ID])
			}
			seen[p.ID] = true
		}
		if !bytes.HasPrefix(data, gzipMagic) && yielded > bytes.Count(data, []byte("\n"))+1 {
			t.Fatalf("%d results from %d bytes", yielded, len(data))
		}
	})
}

// HumanEval/115 imports what its solution needs between signature and docstring.
func TestSolutionKeepsWhatStandsBeforeTheDocstring(t *testing.T) {
	got := wholeProgram("def f(a):\n    import math\n    \"\"\"\n    Rounds up.\n    \"\"\"\n", "    return math.ceil(a)\n", "f")
	if want := "def f(a):\n    import math\n    return math.ceil(a)\n"; got != want {
		t.Errorf("got %q", got)
	}
	got = wholeProgram("def f (a): \n    '''\n    Doc.\n    '''\n", "  return a\n", "f")
	if want := "def f (a): \n  return a\n"; got != want {
		t.Errorf("got %q", got)
	}
}

// Sets are read as their authors publish them, with a byte order mark and the line
// ends of Windows.
func TestPublishedFormsAreRead(t *testing.T) {
	const mark = "\ufeff"
	lines := []string{
		`{"text": "Write a function to find the shared elements of two lists.", "code": "def helper(x):\n  return x\ndef similar(a, b):\n  return tuple(set(a) & set(b))", "task_id": 2, "test_setup_code": "", "test_list": ["assert set(similar((3, 4), (4, 3))) == set((3, 4))"], "challenge_test_list": ["assert similar((1,), (2,)) == ()"]}`,
		`{"source_file": "x.ipynb", "task_id": 7, "prompt": "Write a function to root.", "code": "import math\ndef root(x):\n  return math.sqrt(x)", "test_imports": ["import math"], "test_list": ["assert math.isclose(root(4), 2)"], "test": "assert root(9) == 3"}`,
		`{"problem_id": 4000, "question": "Print the sum.", "solutions": "[]", "input_output": "{\"inputs\": [\"1 2\\n\"], \"outputs\": [\"3\\n\"]}", "difficulty": "interview"}`,
		`{"name": "1575_A. Another", "description": "Sort.", "public_tests": {"input": ["b a"], "output": ["a b"]}, "private_tests": {"input": ["d c"], "output": ["c d"]}, "generated_tests": {"input": [], "output": []}}`,
	}
	var got []Problem
	for p, err := range ReadProblems(strings.NewReader(mark + strings.Join(lines, "\r\n\r\n") + "\r\n")) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p)
	}
	want := []Problem{
		{ID: "2", EntryPoint: "similar", Kind: KindAssert, Tests: "assert set(similar((3, 4), (4, 3))) == set((3, 4))", Hidden: "assert similar((1,), (2,)) == ()",
			Prompt:   "Write a function to find the shared elements of two lists.\nYour code should pass these tests:\n\nassert set(similar((3, 4), (4, 3))) == set((3, 4))\n",
			Solution: "def helper(x):\n  return x\ndef similar(a, b):\n  return tuple(set(a) & set(b))"},
		{ID: "7", EntryPoint: "root", Kind: KindAssert, Tests: "import math\n\nassert math.isclose(root(4), 2)", Hidden: "assert root(9) == 3",
			Prompt:   "Write a function to root.\nYour code should pass these tests:\n\nassert math.isclose(root(4), 2)\n",
			Solution: "import math\ndef root(x):\n  return math.sqrt(x)"},
		{ID: "4000", Kind: KindStdio, Prompt: "Print the sum.", Cases: []Case{{"1 2\n", "3\n"}}},
		{ID: "1575_A. Another", Kind: KindStdio, Prompt: "Sort.", Cases: []Case{{"b a", "a b"}}, HiddenCases: []Case{{"d c", "c d"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{
		`{"problem_id": 1, "question": "q", "input_output": "{\"inputs\": [[1]], \"outputs\": [1], \"fn_name\": \"f\"}"}`,
		`{"problem_id": 1, "question": "q", "input_output": "{\"inputs\": [\"1\"], \"outputs\": []}"}`,
	} {
		for p, err := range ReadProblems(strings.NewReader(bad)) {
			if err == nil || !strings.Contains(err.Error(), "line 1: ") {
				t.Errorf("%s: %v, %+v", bad, err, p)
			}
		}
	}
}

// Samples are read whatever else their lines hold, and however a verdict, a number
// of tokens or a task is written.
func TestSamplesOfOtherToolsAreRead(t *testing.T) {
	text := "\ufeff" + strings.Join([]string{
		`{"result": "passed", "passed": true, "completion": "  return 1", "task_id": "T/1"}`, "",
		`{"extra": {"a": [1]}, "tokens": null, "base": true, "code": "x", "model": "m", "task_id": 11}`,
		`{"task_id": "T/1", "solution": "y", "plus": "passed", "base": "fail", "tokens": 12.0, "attempt": "7"}`,
	}, "\r\n")
	var got []Sample
	for s, err := range ReadSamples(strings.NewReader(text), func(string) string { return "def f():\n" }) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, s)
	}
	want := []Sample{
		{TaskID: "T/1", Attempt: 1, Code: "def f():\n  return 1", Base: "pass"},
		{TaskID: "11", Model: "m", Attempt: 1, Code: "x", Base: "pass"},
		{TaskID: "T/1", Attempt: 2, Code: "y", Base: "fail", Plus: "pass", Tokens: &Tokens{Completion: 12}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
