package search

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drover-llm/drover/gateway/sandbox"
)

const ticks = "```"

func TestFindTestsTakesTheFirstKindThatIsThere(t *testing.T) {
	asserts := func(entry string, lines ...string) PromptTests {
		return PromptTests{Tests: []string{strings.Join(lines, "\n") + "\n"}, Framework: sandbox.FrameworkAssert, Language: "python", EntryPoint: entry}
	}
	stdio := func(cases ...sandbox.Case) PromptTests {
		return PromptTests{Cases: cases, Framework: sandbox.FrameworkStdio}
	}
	for name, c := range map[string]struct {
		prompt string
		want   PromptTests
	}{
		"marked block": {"Write f.\n" + ticks + "python tests\nimport pytest\ndef test_f():\n    assert f(1) == 2\n" + ticks + "\nassert g(1)",
			PromptTests{Tests: []string{"import pytest\ndef test_f():\n    assert f(1) == 2\n"}, Language: "python", EntryPoint: "f"}},
		"two marked blocks": {ticks + "js verify\nexpect(f(1))\n" + ticks + "\n" + ticks + "js\nnot this\n" + ticks + "\n" + ticks + "verify\nf(2)\n" + ticks,
			PromptTests{Tests: []string{"expect(f(1))\n", "f(2)\n"}, Language: "javascript", EntryPoint: "f"}},
		"mbpp":      {"Write a function. Your code should pass these tests:\n\nassert f(1) == 2\nassert f(\n  3) == 4\nThanks", asserts("f", "assert f(1) == 2", "assert f(\n  3) == 4")},
		"same line": {"It should pass these tests: assert f(1) == 2", asserts("f", "assert f(1) == 2")},
		"announced block": {"Your code should pass the following tests:\n" + ticks + "python\nassert not f('(')\nassert (f(2))\n" + ticks + "\nassert g(1)",
			asserts("f", "assert not f('(')", "assert (f(2))")},
		"plain asserts": {"\"\"\"\nWrite f.\nassert set(f((1, 2), 3)) == set(f(4))\n\"\"\"\n", asserts("f", "assert set(f((1, 2), 3)) == set(f(4))")},
		"two functions": {"assert f(1)\nassert g(1)", asserts("", "assert f(1)", "assert g(1)")},
		"never closed":  {"assert f(1, \nsome text", asserts("f", "assert f(1,")},
		"doctests": {"def g():\n    pass\n\ndef f(x: int) -> int:\n    \"\"\" Adds.\n    >>> f(1)\n    2\n    >>> f('a')\n    \"b\"\n\n    More.\n    \"\"\"\n",
			asserts("f", "assert f(1) == 2", `assert f('a') == "b"`)},
		"doctests that print": {"def f(x):\n    '''\n    >>> print(f(1))\n    2\n    >>> y = f(1)\n    >>> y\n    2\n    '''",
			PromptTests{Tests: []string{">>> print(f(1))\n2\n>>> y = f(1)\n>>> y\n2\n"}, Framework: sandbox.FrameworkDoctest, Language: "python", EntryPoint: "f"}},
		"doctest of lines": {"def f(x):\n    '''\n    >>> f(1)\n    [\"a\",\n     2]\n    '''",
			asserts("f", "assert f(1) == [\"a\",\n2]")},
		"samples": {"Sum them.\n\n### Sample Input 1:\n" + ticks + "\n1 2\n\n3\n" + ticks + "\n### Sample Output 1:\n" + ticks + "\n6\n" + ticks + "\n\nSample Input 2\n4\n5\n\nSample Output 2\n9\nExplanation: 4 + 5",
			stdio(sandbox.Case{Stdin: "1 2\n\n3\n", Stdout: "6\n"}, sandbox.Case{Stdin: "4\n5\n", Stdout: "9\n"})},
		"samples on a line":       {"**Sample Input**: `3 4`\n**Sample Output**: `7`\n", stdio(sandbox.Case{Stdin: "3 4\n", Stdout: "7\n"})},
		"sample with a gap":       {"Print both.\n\nSample Input\n2\n\n3\n\nSample Output\n5\n", stdio(sandbox.Case{Stdin: "2\n\n3\n", Stdout: "5\n"})},
		"module of an assert":     {"Write area.\nassert math.isclose(area(2), 4)", asserts("area", "import math", "assert math.isclose(area(2), 4)")},
		"doctest with comments":   {"def f(x):\n    '''\n    >>> f('#')  # one\n    2\n    >>> f(2)\n    3  # more\n    '''", asserts("f", "assert f('#') == 2", "assert f(2) == 3")},
		"doctest and a note":      {"def f(x):\n    '''\n    >>> f(1)\n    2\n    Note: x is positive.\n    '''", asserts("f", "assert f(1) == 2")},
		"doctest that leaves out": {"def f(x):\n    '''\n    >>> f(1)\n    0.33...\n    >>> f(2)\n    [1, ...]\n    >>> f(3)\n    1.0\n    '''", asserts("f", "assert f(3) == 1.0")},
		"head alone":              {"FIX = '''\nAdd more test cases.\n'''\ndef f(x):\n    \"\"\"\n    >>> f(1)\n    2\n    \"\"\"\n", asserts("f", "assert f(1) == 2")},
		"named":                   {"Write a Python function called `f`.\n\nassert f(1) == 2", asserts("f", "assert f(1) == 2")},
		"far to go":               {"How far is it to go from a to b? Write a function to find it.\nassert f(1) == 2", asserts("f", "assert f(1) == 2")},
		"windows lines":           {"Sample Input\r\n1\r\n\r\nSample Output\r\n2\r\n", stdio(sandbox.Case{Stdin: "1\n", Stdout: "2\n"})},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := FindTests(c.prompt)
			if diff := cmp.Diff(c.want, got); diff != "" || !ok {
				t.Error(ok, diff)
			}
		})
	}
}

func TestFindTestsFindsNoneWhereThereAreNone(t *testing.T) {
	for _, prompt := range []string{
		"", "Write a function f.", "We assert (strongly) that it works.", "  assert f(1) # inside of something", "def f():\n    ''' No examples. '''\n",
		"def f():\n    '''\n    >>> f()\n    '''\n", "def f():\n    pass\n>>> f()", "Sample Input\n1\n", "Sample Output\n1\n", ticks + "testsuite\nx\n" + ticks,
		ticks + "tests\n\n" + ticks, "It should pass these tests:\nall of them", "assert f(1)\x00",
	} {
		if got, ok := FindTests(prompt); ok {
			t.Errorf("%q: found %+v", prompt, got)
		}
	}
}

// Tests of something else than what is asked for would fail every right answer.
func TestFindTestsLeavesTestsOfSomethingElse(t *testing.T) {
	given := ticks + "python\ndef add(a, b):\n    return a + b\n\nassert add(1, 2) == 3\n" + ticks
	for name, prompt := range map[string]string{
		"tests are asked for":       "Write unit tests for this function:\n\n" + given,
		"more tests are asked for":  "Please add a few more edge-case tests:\n\nassert add(1, 2) == 3",
		"a test suite":              "Create a comprehensive pytest test suite for add.\n\n" + given,
		"a question":                "Why does this fail?\n\nassert add(0.1, 0.2) == 0.3",
		"an explanation":            "Can you explain what this does?\n\n" + given,
		"another language":          "Translate this Python function to JavaScript:\n\n" + given,
		"Java's assert":             "Write a Java method add.\n\nassert add(1, 2) == 3;",
		"another function":          given + "\nWrite a function called `twice` that calls add twice.",
		"another function's doc":    "def add(a, b):\n    '''\n    >>> add(1, 2)\n    3\n    '''\n    return a + b\n\nWrite a function named twice that calls add twice.",
		"a variable":                "Fix this:\n" + ticks + "python\nresult = compute(3)\nassert isinstance(result, int)\n" + ticks,
		"a variable as argument":    "Fix this:\n" + ticks + "python\nx = [3]\nassert compute(x) == 3\n" + ticks,
		"an object":                 "Write Stack.\n" + ticks + "python\ns = Stack()\ns.push(1)\nassert s.pop() == 1\n" + ticks,
		"prose":                     "Write it so that\nassert is(x) holds.",
		"a function's argument":     "Write a Python function `total` that returns the sum of a list.\n\nExample Input: [1, 2, 3]\nExample Output: 6",
		"arguments by name":         "Return the indices of two numbers.\n\nSample Input: nums = [2,7,11,15], target = 9\nSample Output: [0,1]",
		"an output with a sentence": "Print the sum.\n\nExample input:\n1 2\nExample output:\n3\nHere 1 + 2 is 3.",
	} {
		if got, ok := FindTests(prompt); ok {
			t.Errorf("%s: found %+v", name, got)
		}
	}
}

func TestProseTellsNoLanguage(t *testing.T) {
	for prompt, want := range map[string]string{
		"Write a function to add two numbers.": "", "Complete this function (quickly).": "", "Implement a const correct func with fn semantics.": "",
		"Write a Go function that adds two numbers.": "go", "Implement a stack in C.": "c", "Write add in Go, with tests": "go",
		"Go to the next line and write a function.": "", "Implement a queue in C++.": "cpp", "Write a C# method.": "",
		"function add(a, b) {": "javascript", "const add = (a) => a": "javascript", "func Add(a int) int {": "go", "fn add(a: i32)": "rust",
	} {
		if got := look(prompt).language; got != want {
			t.Errorf("%q: %q, want %q", prompt, got, want)
		}
	}
}

type problem struct {
	Task       string `json:"task_id"`
	Prompt     string `json:"prompt"`
	EntryPoint string `json:"entry_point"`
	Solution   string `json:"canonical_solution"`
}

// Right answers pass the tests that stand in the prompts of HumanEval, and doing
// nothing does not.
func TestTestsOfHumanEvalsPromptsFitItsSolutions(t *testing.T) {
	runner := testSandbox(t)
	found, tried, kept, passed := 0, 0, 0, 0
	lines(t, "data/problems/HumanEval.jsonl.gz", func(p problem) {
		parsed, err := ParseTask(request(t, p.Prompt), Sources{})
		if err != nil {
			t.Fatal(err)
		}
		if parsed.Source != SourcePrompt {
			return
		}
		found++
		if parsed.Spec.EntryPoint != p.EntryPoint {
			t.Errorf("%s: entry point %q, want %q", p.Task, parsed.Spec.EntryPoint, p.EntryPoint)
		}
		if found%5 != 0 && !testing.Verbose() {
			return // a part is quick, and enough to see a mistake
		}
		tried++
		parsed, err = parsed.TryTests(t.Context(), runner)
		if err != nil {
			t.Fatal(err)
		}
		if parsed.Source == "" {
			return
		}
		kept++
		_, report, err := parsed.Judge(t.Context(), runner, ticks+"python\n"+p.Prompt+p.Solution+"\n"+ticks)
		if err != nil {
			t.Fatal(err)
		}
		if report.Verdict == sandbox.Passed {
			passed++
		} else {
			t.Logf("%s: %s: %s\n%s", p.Task, report.Verdict, report.Failure+report.Detail, parsed.Spec.Tests)
		}
	})
	t.Logf("%d prompts have tests; of %d tried %d prove something, and %d solutions pass them", found, tried, kept, passed)
	if found < 70 || kept < tried*9/10 || passed < kept*9/10 {
		t.Errorf("%d found, %d tried, %d kept, %d passed", found, tried, kept, passed)
	}
}

func TestTryTestsDropsWhatProvesNothing(t *testing.T) {
	runner := testSandbox(t)
	for prompt, source := range map[string]string{
		"Write f.\nassert f(1) == 2": SourcePrompt, "Write f.\nassert f(1) is None": "", "Write f.\nassert isinstance(f, object) or f(1)": "",
		"Sum them in Python.\n\nSample Input\n1\n\nSample Output\n1\n": SourcePrompt,
	} {
		parsed := task(t, request(t, prompt))
		got, err := parsed.TryTests(t.Context(), runner)
		if err != nil {
			t.Fatal(err)
		}
		if got.Source != source || got.Searchable != (source != "") || got.Spec.HasTests() != (source != "") {
			t.Errorf("%q: got %+v", prompt, got)
		}
	}
	given := task(t, request(t, "Write f.", `"verify":"assert True"`))
	if got, err := given.TryTests(t.Context(), nil); err != nil || got.Source != SourceField {
		t.Errorf("tests that were handed over are not tried: %+v, %v", got, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := task(t, request(t, "assert f(1) == 2")).TryTests(ended, runner); err == nil {
		t.Error("tried although the caller has gone")
	}
}

func FuzzFindTests(f *testing.F) {
	for _, seed := range []string{"should pass these tests:\nassert f(1", "def f():\n '''\n >>> f(", "Sample Input\n" + ticks, ticks + "tests\nx", "Sample Output:\nSample Input:", "assert f('\\"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, prompt string) {
		found, ok := FindTests(prompt)
		if ok != (len(found.Tests)+len(found.Cases) > 0) {
			t.Errorf("%v: %+v", ok, found)
		}
		text := strings.ReplaceAll(prompt, "\r\n", "\n")
		for _, c := range found.Cases {
			for line := range strings.SplitSeq(c.Stdin+c.Stdout, "\n") {
				if !strings.Contains(text, strings.TrimSpace(line)) {
					t.Errorf("%q is not in the prompt", line)
				}
			}
		}
	})
}

// A chat front end that wants a title quotes the chat, tests and all.
func TestQuotedChatsHaveNoTests(t *testing.T) {
	const task = "### Task:\nGenerate a concise, 3-5 word title.\n### Chat History:\n<chat_history>\nUSER: Write add(a, b).\n\nassert add(1, 2) == 3\nASSISTANT: def add(a, b): return a + b\n"
	for _, prompt := range []string{task + "</chat_history>", task, task + "</chat_history>\nReply in JSON."} {
		if found, ok := FindTests(prompt); ok {
			t.Errorf("%q: %+v", prompt, found)
		}
	}
	if _, ok := FindTests(task + "</chat_history>\nWrite sub(a, b).\n\nassert sub(3, 2) == 1\n"); !ok {
		t.Error("tests behind a quoted chat are not found")
	}
}
