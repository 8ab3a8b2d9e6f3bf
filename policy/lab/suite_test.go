package lab

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/drover-llm/drover/gateway/sandbox"
)

// What a reference says is right is right, and nothing else: with the types that
// the set's own tests show, near where floats are due, and as EvalPlus compares.
func TestReferenceDecides(t *testing.T) {
	runner := testRunner(t)
	inputs := func(texts ...string) (list []jsontext.Value) {
		for _, text := range texts {
			list = append(list, jsontext.Value(text))
		}
		return list
	}
	pairs := Problem{Kind: KindReference, EntryPoint: "both", Solution: "def both(a, b):\n    return tuple(x for x in a if x in b)\n",
		Contract: "\n  assert isinstance(a, tuple) and isinstance(b, tuple), 'invalid inputs'\n", Tests: "assert both((1, 2), (2,)) == (2,)",
		Inputs: inputs(`[[1,2,3],[2,3]]`, `[[],[]]`)}
	half := Problem{Kind: KindReference, EntryPoint: "half", Solution: "def half(x):\n    return x / 2\n", Inputs: inputs(`[1]`, `[-7]`, `[1e9]`)}
	polar := Problem{Kind: KindReference, EntryPoint: "size", Solution: "def size(z):\n    return abs(z)\n", Contract: "\n  assert isinstance(z, complex)\n",
		Inputs: inputs(`["3+4j"]`)}
	unordered := Problem{Kind: KindReference, EntryPoint: "find_dissimilar", Solution: "def find_dissimilar(a, b):\n    return tuple(set(a) ^ set(b))\n",
		Inputs: inputs(`[["a","b","c","d"],["c","x","y"]]`)}
	found := Problem{Kind: KindReference, EntryPoint: "find", Solution: "import re\ndef find(s):\n    return re.search('b+', s)\n",
		Tests: "assert find('abb')\nassert not find('a')", Inputs: inputs(`["abbb"]`, `["ac"]`)}
	for name, c := range map[string]struct {
		problem Problem
		code    string
		want    sandbox.Verdict
	}{
		"tuples":               {pairs, "def both(a, b):\n    assert isinstance(a, tuple)\n    return tuple(v for v in a if v in b)", sandbox.Passed},
		"a list for a tuple":   {pairs, "def both(a, b):\n    return [v for v in a if v in b]", sandbox.Failed},
		"wrong":                {pairs, "def both(a, b):\n    return tuple(v for v in a if v not in b)", sandbox.Failed},
		"raises":               {pairs, "def both(a, b):\n    raise ValueError", sandbox.Failed},
		"floats are near":      {half, "def half(x):\n    return x * 0.5 + 1e-9", sandbox.Passed},
		"floats are not near":  {half, "def half(x):\n    return x // 2", sandbox.Failed},
		"not a number":         {half, "def half(x):\n    return None", sandbox.Failed},
		"complex":              {polar, "def size(z):\n    return (z.real ** 2 + z.imag ** 2) ** .5", sandbox.Passed},
		"no order":             {unordered, "def find_dissimilar(a, b):\n    return tuple(sorted(set(a) ^ set(b)))", sandbox.Passed},
		"no order, but wrong":  {unordered, "def find_dissimilar(a, b):\n    return tuple(sorted(set(a) - set(b)))", sandbox.Failed},
		"truth":                {found, "def find(s):\n    return 'b' in s", sandbox.Passed},
		"truth, but wrong":     {found, "def find(s):\n    return 'a' in s", sandbox.Failed},
		"changes its argument": {Problem{Kind: KindReference, EntryPoint: "f", Solution: "def f(a):\n    a.sort()\n    return a[-1]", Inputs: inputs(`[[3,9,2]]`)}, "def f(a):\n    a.sort(reverse=True)\n    return a[0]", sandbox.Passed},
		"the reference fails":  {Problem{Kind: KindReference, EntryPoint: "f", Solution: "def f(a):\n    raise KeyError", Inputs: inputs(`[1]`)}, "def f(a): return a", sandbox.Failed},
		"looks for the answer": {half, "def half(x):\n    import sys\n    for m in list(sys.modules.values()):\n        for v in list(vars(m).values()):\n            if callable(v) and getattr(v, '__name__', '') == 'half' and v is not half:\n                return v(x)\n    return 0", sandbox.Failed},
	} {
		report, err := runner.Run(t.Context(), c.problem.Job(c.code, Base))
		if err != nil || report.Verdict != c.want || report.Assurance != sandbox.High {
			t.Errorf("%s: %s (%s), %v %s %s", name, report.Verdict, report.Assurance, err, report.Failure, report.Detail)
		}
	}
}

// The published references pass their own suites, and an answer that gives nothing
// fails them: of a share of the problems, fixed.
func TestPublishedReferencesPass(t *testing.T) {
	runner := testRunner(t)
	for _, file := range []string{"HumanEvalPlus-Mini.jsonl.gz", "MbppPlus-NoExtreme.jsonl.gz"} {
		n := 0
		for p, err := range ReadProblems(openShared(t, "data/problems/"+file)) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n%150 != 0 || unfit[p.ID] {
				continue
			}
			for _, suite := range []Suite{Base, Plus} {
				job := p.Job(p.Solution, suite)
				if report, err := runner.Run(t.Context(), job); err != nil || report.Verdict != sandbox.Passed {
					t.Errorf("%s %s: %s, %v %s %s", p.ID, suite, report.Verdict, err, report.Failure, report.Detail)
				}
				job.Code = "class Nothing: pass\ndef " + p.EntryPoint + "(*arguments):\n    return Nothing()\n"
				if report, err := runner.Run(t.Context(), job); err != nil || report.Verdict != sandbox.Failed {
					t.Errorf("%s %s: nothing is %s, %v %s", p.ID, suite, report.Verdict, err, report.Detail)
				}
			}
		}
	}
}

// unfit are references that do not finish or pass, as their sources say.
var unfit = map[string]bool{"HumanEval/15": true, "HumanEval/32": true, "HumanEval/139": true,
	"Mbpp/123": true, "Mbpp/255": true, "Mbpp/271": true, "Mbpp/392": true, "Mbpp/599": true}

// Programs that are judged by what they print.
func TestStdioSuites(t *testing.T) {
	runner := testRunner(t)
	p := Problem{Kind: KindStdio, Cases: []Case{{"1\n2\n", "3\n"}}, HiddenCases: []Case{{"", "0\n"}}}
	sum := "import sys\nprint(sum(int(line) for line in sys.stdin))"
	fixed := "print(3)"
	for _, c := range []struct {
		code  string
		suite Suite
		want  sandbox.Verdict
	}{{sum, Base, sandbox.Passed}, {sum, Plus, sandbox.Passed}, {fixed, Base, sandbox.Passed}, {fixed, Plus, sandbox.Failed}} {
		report, err := runner.Run(t.Context(), p.Job(c.code, c.suite))
		if err != nil || report.Verdict != c.want {
			t.Errorf("%q, %s: %s, %v", c.code, c.suite, report.Verdict, err)
		}
	}
}

func TestLongInputsAreCutIntoFiles(t *testing.T) {
	p := Problem{Kind: KindReference, EntryPoint: "f", Solution: "def f(a): return a"}
	for range 90 {
		p.Inputs = append(p.Inputs, jsontext.Value(`["`+strings.Repeat("x", maxInputs/40)+`"]`))
	}
	job := p.Job("", Base)
	if len(job.Tests) != 3 {
		t.Fatalf("%d files", len(job.Tests))
	}
	job.Validate(func(path, format string, args ...any) { t.Errorf("%s: "+format, append([]any{path}, args...)...) })
	p.Inputs[89] = jsontext.Value(`["y"]`)
	if report, err := testRunner(t).Run(t.Context(), p.Job("def f(a):\n    return a if a != 'y' else 'x'", Base)); err != nil || report.Verdict != sandbox.Failed {
		t.Errorf("wrong in the last file: %s, %v %s", report.Verdict, err, report.Detail)
	}
}
