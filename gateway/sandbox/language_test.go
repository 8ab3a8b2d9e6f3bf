package sandbox

import (
	"strings"
	"testing"
)

// Every language that is here runs what it should, and fails what it should.
func TestLanguages(t *testing.T) {
	r := commonRunner(t)
	js := "function f(x) { return x * x; }\nclass P { constructor(x) { this.x = x; } twice() { return this.x * 2; } }\nconst apply = (g, x) => g(x);\nasync function later(x) { return x; }\nfunction push(l) { l.push(1); return l; }\nfunction* gen() { yield 1; yield 2; }\nfunction bad() { throw new RangeError('no'); }\nmodule.exports = { f, P, apply, later, push, gen, bad };\n"
	for name, c := range map[string]struct {
		job       Job
		verdict   Verdict
		assurance Assurance
		passed    int
	}{
		"javascript stdio":  {Job{Language: "javascript", Code: "const s = require('fs').readFileSync('/dev/stdin', 'utf8');\nconsole.log(s * s);", Cases: []Case{{Stdin: "3\n", Stdout: "9"}}}, Passed, High, 1},
		"javascript assert": {Job{Language: "javascript", Code: js, Tests: []string{"const assert = require('assert');\nassert.strictEqual(f(3), 9);\nconsole.assert(f(4) === 16);\nassert(f(2) == 5);"}}, Failed, High, 2},
		"javascript tests": {Job{Language: "javascript", Code: js, Tests: []string{`
const { f, P, apply, later, push, gen, bad } = require('./solution');
describe('f', () => {
  test('squares', () => { expect(f(3)).toBe(9); expect(f(1.5)).toBeCloseTo(2.25); });
  test.each([[2, 4], [3, 9]])('%i', (a, b) => { expect(f(a)).toEqual(b); });
  it('has classes', () => { const p = new P(4); expect(p.x).toBe(4); expect(p.twice()).toBe(8); expect(p instanceof P).toBe(true); });
  it('calls back', () => { expect(apply((x) => x + 1, 2)).toBe(3); });
  it('waits', async () => { expect(await later(7)).toBe(7); });
  it('changes', () => { const l = []; expect(push(l)).toBe(l); expect(l).toEqual([1]); });
  it('iterates', () => { expect([...gen()]).toEqual([1, 2]); });
  it('throws', () => { expect(() => bad()).toThrow(RangeError); expect(() => bad()).toThrow('no'); expect(() => f(1)).not.toThrow(); });
});`}}, Passed, High, 9},
		"javascript HumanEval": {Job{Language: "javascript", Code: "const g = (l) => {\n  return l.map((x) => ({ x, y: [x, undefined, NaN] }));\n}", Tests: []string{
			"const test = () => {\n  console.assert(JSON.stringify(g([1])) === JSON.stringify([{ x: 1, y: [1, null, null] }]));\n  console.assert(g([]).length === 0)\n}\n\ntest()"}}, Passed, High, 2},
		"javascript syntax":         {Job{Language: "javascript", Code: "function f(", Tests: []string{"console.assert(f(1) === 1)"}}, Failed, High, 0},
		"javascript exit":           {Job{Language: "javascript", Code: "process.exit(0)", Tests: []string{"console.assert(f(1) === 1)"}}, Failed, High, 0},
		"javascript throws":         {Job{Language: "javascript", Code: js, Tests: []string{"for (const x of [3, 4]) if (f(x) !== x * x) throw new Error('no');"}}, Passed, Low, 1},
		"javascript throws wrong":   {Job{Language: "javascript", Code: js, Tests: []string{"for (const x of [3, 4]) if (f(x) !== x + x) throw new Error('no');"}}, Failed, High, 0},
		"javascript throws nothing": {Job{Language: "javascript", Code: js, Tests: []string{"if (1 > 2) throw new Error('no');"}}, Unjudged, "", 0},
		"javascript shadows":        {Job{Language: "javascript", Code: "const Math = { abs: () => 0 };\nfunction f(x) { return 0; }\nmodule.exports = { f, Math };", Tests: []string{"const assert = require('assert');\nassert(Math.abs(f(3) - 9) < 1e-6);"}}, Failed, High, 0},
		"javascript methods":        {Job{Language: "javascript", Code: "class A { startsWith() { return true; } }\nfunction f(x) { return new A(); }", Tests: []string{"console.assert(f('hello').startsWith('he'));"}}, Passed, Low, 1},
		"bash stdio":                {Job{Language: "bash", Code: "read a; echo $((a * a))", Cases: []Case{{Stdin: "3\n", Stdout: "9"}}}, Passed, High, 1},
		"bash assert":               {Job{Language: "bash", Code: "f() { echo $(($1 * $1)); }", Tests: []string{"[ \"$(f 3)\" = 9 ]\n[ \"$(f 4)\" = 16 ]"}}, Passed, Low, 1},
		"bash wrong":                {Job{Language: "bash", Code: "f() { echo 9; }", Tests: []string{"[ \"$(f 3)\" = 9 ]\n[ \"$(f 4)\" = 16 ]"}}, Failed, Low, 0},
		"bash exit":                 {Job{Language: "bash", Code: "exit 0", Tests: []string{"[ \"$(f 3)\" = 9 ]"}}, Failed, Low, 0},
		"c":                         {Job{Language: "c", Code: "#include <stdio.h>\nint main(void) { int a; scanf(\"%d\", &a); printf(\"%d\\n\", a * a); }", Cases: []Case{{Stdin: "3", Stdout: "9"}, {Stdin: "4", Stdout: "16"}}}, Passed, High, 2},
		"c assert":                  {Job{Language: "c", Code: "int f(int x) { return x * x; }", Tests: []string{"#include <assert.h>\nint main(void) { assert(f(3) == 9); }"}}, Passed, Low, 1},
		"c crash":                   {Job{Language: "c", Code: "int main(void) { *(volatile int *)0 = 1; }", Cases: []Case{{Stdout: ""}}}, Failed, High, 0},
		"c no compile":              {Job{Language: "c", Code: "int main(void) { return x; }", Cases: []Case{{Stdout: ""}}}, Failed, High, 0},
		"cpp":                       {Job{Language: "cpp", Code: "#include <iostream>\nint main() { int a; std::cin >> a; std::cout << a * a; }", Cases: []Case{{Stdin: "3", Stdout: "9"}}}, Passed, High, 1},
		"rust":                      {Job{Language: "rust", Code: "fn main() {}", Cases: []Case{{Stdout: ""}}}, Unjudged, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			language, _, _ := strings.Cut(name, " ")
			if tool := r.tools.languages[language]; tool.missing != "" && c.verdict != Unjudged {
				t.Skip(tool.missing)
			}
			report, err := r.Run(t.Context(), c.job)
			if err != nil || report.Verdict != c.verdict || report.Assurance != c.assurance || report.Passed != c.passed {
				t.Errorf("%s, %s, %d passed: %s\n%+v\n%s %v", report.Verdict, report.Assurance, report.Passed, report.Detail, report.Checks, report.Output, err)
			}
			if c.verdict == Unjudged && report.Reason != ReasonUnsupportedLanguage && language == "rust" {
				t.Errorf("reason %s", report.Reason)
			}
		})
	}
}

// A language that a configuration adds runs by its command.
func TestLanguageOfConfiguration(t *testing.T) {
	t.Parallel()
	r := testRunner(t, Config{Languages: map[string]Language{"rust": {Command: []string{"bash", "{file}"}}}})
	report, err := r.Run(t.Context(), Job{Language: "rust", Code: "echo hello", Cases: []Case{{Stdout: "hello"}}})
	if err != nil || report.Verdict != Passed {
		t.Errorf("got %+v, %v", report, err)
	}
}

// HumanEval-X in JavaScript: the references pass from outside.
func TestDataJavaScriptReferences(t *testing.T) {
	r := commonRunner(t)
	if why := r.tools.languages["javascript"].missing; why != "" {
		t.Skip(why)
	}
	problems := share(readLines[struct {
		TaskID   string `json:"task_id"`
		Prompt   string `json:"prompt"`
		Solution string `json:"canonical_solution"`
		Test     string `json:"test"`
	}](t, "data/problems/humaneval_js.jsonl.gz"), 12)
	jobs := make([]Job, len(problems))
	for i, p := range problems {
		jobs[i] = Job{Language: "javascript", Code: p.Prompt + p.Solution, Tests: []string{p.Test}}
	}
	passed, high := 0, 0
	judgeAll(t, r, jobs, func(i int, report Report) {
		if report.Verdict == Passed {
			passed++
		} else {
			t.Logf("%s: %s %s %s", problems[i].TaskID, report.Verdict, report.Failure, report.Detail)
		}
		if report.Assurance == High {
			high++
		}
	})
	t.Logf("%d of %d pass, %d of high assurance", passed, len(problems), high)
	if passed*100 < 97*len(problems) {
		t.Errorf("%d of %d references pass", passed, len(problems))
	}
}

// Tests for a module that is not here say nothing about a solution.
func TestMissingModuleIsOneOfTheTests(t *testing.T) {
	said := "# solution\nsolution_test.go:4:3: cannot find module providing package github.com/stretchr/testify/assert: module lookup disabled by GOPROXY=off\n" +
		"solution.go:2:8: no required module provides package github.com/foo/bar; to add it:\n"
	for tests, want := range map[string]string{
		"import \"github.com/stretchr/testify/assert\"\n": "github.com/stretchr/testify/assert",
		"import \"github.com/foo/bar\"\n":                 "github.com/foo/bar",
		"import \"testing\"\n":                            "",
	} {
		if got := missingModule(said, tests); got != want {
			t.Errorf("%q: got %q, want %q", tests, got, want)
		}
	}
}
