package sandbox

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"
)

// correctProgram is a right solution with tests that use more of Python than a
// proxy can carry.
type correctProgram struct {
	Name string `json:"name"`
	Job
}

func correctPrograms(t *testing.T) []correctProgram {
	t.Helper()
	f, err := os.Open("testdata/correct.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []correctProgram
	for scan := bufio.NewScanner(f); scan.Scan(); {
		var p correctProgram
		if err := json.Unmarshal(scan.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	if len(out) == 0 {
		t.Fatal("no programs")
	}
	return out
}

// Right solutions pass, whatever their tests do with them: what no message can
// carry is judged in one process, with low assurance.
func TestCorrectProgramsPass(t *testing.T) {
	r := commonRunner(t)
	programs := share(correctPrograms(t), 40)
	jobs := make([]Job, len(programs))
	for i, p := range programs {
		jobs[i] = p.Job
	}
	high, protocols := 0, map[string]int{}
	judgeAll(t, r, jobs, func(i int, report Report) {
		protocols[report.Protocol]++
		if report.Verdict != Passed {
			t.Errorf("%s: %s, %s by %s: %s %s", programs[i].Name, report.Verdict, report.Assurance, report.Protocol, report.Failure, report.Detail)
		}
		if report.Assurance == High {
			high++
		}
	})
	t.Logf("%d programs, %d with high assurance, by %v", len(programs), high, protocols)
}

// A failure that a proxy may have caused is looked at again in one process,
// where wrong solutions still fail.
func TestSharingForgivesNoWrongSolution(t *testing.T) {
	r := commonRunner(t)
	for name, c := range map[string]struct{ code, tests string }{
		"operator":  {"class M:\n    def __init__(s, a): s.a = a\n    def __sub__(s, o): return s.a - o + 1\n", "assert M(5) - 2 == 3\n"},
		"equality":  {"class V:\n    def __init__(s, *a): s.a = a\n    def __eq__(s, o): return s.a[::-1] == o\n", "assert V(1, 2) == (1, 2)\n"},
		"subclass":  {"class Stack(list):\n    def push(s, x): s.insert(0, x)\n", "s = Stack()\ns.push(1)\ns.push(2)\nassert s == [1, 2]\n"},
		"exception": {"class E(ValueError):\n    code = 2\ndef f(): raise E('x')\n", "import pytest\nfrom solution import f, E\ndef test_f():\n    with pytest.raises(E) as e: f()\n    assert e.value.code == 1\n"},
		"callback":  {"def ap(f): return f() + 1\n", "class C:\n    def __call__(self): return 1\nassert ap(C()) == 1\n"},
		"method":    {"class Solution:\n    def solve(self, x): return x + x\n", "for x in (3, 4): assert Solution().solve(x) == x * x\n"},
		"identity":  {"def f(n): return [n]\n", "assert f(1) is f(1)\n"},
		"recursion": {"def f(d): return len(d) + 1\n", "d = {}\nd['s'] = d\nassert f(d) == 1\n"},
		"async":     {"async def g(n):\n    for i in range(n): yield i + 1\n", "import asyncio\nasync def m(): return [x async for x in g(3)]\nassert asyncio.run(m()) == [0, 1, 2]\n"},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := r.Run(t.Context(), Job{Code: c.code, Tests: []string{c.tests}})
			if err != nil || report.Verdict != Failed || name != "operator" && name != "equality" && report.Protocol != "shared" {
				t.Errorf("%s, %s by %s: %s %s %v", report.Verdict, report.Assurance, report.Protocol, report.Failure, report.Detail, err)
			}
		})
	}
}

// The entry point may be a method, whose class is then made without arguments.
func TestEntryPointIsMethod(t *testing.T) {
	r := commonRunner(t)
	code := "class Solution:\n    def __init__(self): self.n = 2\n    def solve(self, x): return x ** self.n\n    @staticmethod\n    def plain(x): return x * x\n    @classmethod\n    def of(cls, x): return cls().solve(x)\n"
	for _, entry := range []string{"Solution.solve", "Solution.plain", "Solution.of"} {
		for protocol, tests := range map[string]string{
			"oracle": "def check(candidate):\n    assert candidate(3) == 9\n",
			"pair":   "def check(candidate):\n    for x in (3, 4): assert candidate(x) == x * x\n",
			"shared": "from unittest import mock\ndef check(candidate):\n    assert candidate(3) == 9\n",
		} {
			report, err := r.Run(t.Context(), Job{Code: code, EntryPoint: entry, Framework: FrameworkAssert, Tests: []string{tests}})
			if err != nil || report.Verdict != Passed || report.Protocol != protocol {
				t.Errorf("%s: %s, %s by %s: %s %v", entry, report.Verdict, report.Assurance, report.Protocol, report.Failure, err)
			}
		}
	}
}
