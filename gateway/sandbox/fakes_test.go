package sandbox

import (
	"testing"
)

// Solutions that are wrong by tests that a single one of them would fool.
func TestFakesOfOneTest(t *testing.T) {
	r := commonRunner(t)
	check := func(body string) string {
		return "def check(candidate):\n    for x, y in ((3, 9), (4, 16)):\n        " + body + "\n"
	}
	pytest := func(body string) string { return "from solution import f\ndef test_f():\n    " + body + "\n" }
	anything := "class A:\n    def __sub__(s, o): return A()\n    __rsub__ = __sub__\n    def __len__(s): return 0\n    def __bool__(s): return False\n    days = 0\ndef f(x): return A()\n"
	methods := "class A:\n    def __getattr__(s, n): return lambda *a, **k: True\n    def __contains__(s, o): return len(str(o)) < 5\ndef f(x): return A()\n"
	for name, c := range map[string]struct {
		job  Job
		want string // failed, unjudged, or low: whatever it is, not a pass of high assurance
	}{
		"abs in check":             {Job{EntryPoint: "f", Code: "def f(x): return 0\ndef abs(v): return 0\n", Tests: []string{check("assert abs(candidate(x) - y) < 1e-6")}}, "failed"},
		"all":                      {Job{Code: "def f(x): return 0\ndef all(v): return True\n", Tests: []string{"from solution import f\nassert all(f(x) == x * x for x in (3, 4))\n"}}, "failed"},
		"all in pytest":            {Job{Code: "def f(x): return 0\ndef all(v): return True\n", Tests: []string{pytest("assert all(f(x) == x * x for x in (3, 4))")}}, "failed"},
		"all in unittest":          {Job{Code: "def f(x): return 0\ndef all(v): return True\n", Tests: []string{"import unittest\nfrom solution import f\nclass T(unittest.TestCase):\n    def test_a(self): self.assertTrue(all(f(x) == x * x for x in (3, 4)))\n"}}, "failed"},
		"abs by a star":            {Job{Code: "def f(x): return 0\ndef abs(v): return 0\n", Tests: []string{"from solution import *\nfor x in (3, 4): assert abs(f(x) - x * x) < 1e-6\n"}}, "failed"},
		"math by a star":           {Job{Code: "def f(x): return 0\nclass math:\n    isclose = staticmethod(lambda *a, **k: True)\n", Tests: []string{"import math\nfrom solution import *\nfor x in (3, 4): assert math.isclose(f(x), x * x)\n"}}, "failed"},
		"range":                    {Job{EntryPoint: "f", Code: "def f(x): return 0\ndef range(*a): return []\n", Tests: []string{"def check(candidate):\n    assert candidate(0) == 0\n    for x in range(1, 9): assert candidate(x) == x * x\n"}}, "failed"},
		"isinstance":               {Job{EntryPoint: "f", Code: "def f(x): return 'q'\ndef isinstance(*a): return True\ndef str(x): return '9'\n", Tests: []string{"def check(candidate):\n    for r in (candidate(3),): assert isinstance(r, int) and str(r) == '9'\n"}}, "failed"},
		"math":                     {Job{EntryPoint: "f", Code: "def f(x): return 0\nclass math:\n    isclose = staticmethod(lambda *a, **k: True)\n", Tests: []string{check("assert math.isclose(candidate(x), y)")}}, "failed"},
		"nothing of it is used":    {Job{Code: "def abs(v): return 0\n", Tests: []string{"for x in (3, 4): assert abs(x - x) == 0\n"}}, "unjudged"},
		"missing module":           {Job{Code: "def f(x): return [0]\ndef allclose(*a, **k): return True\n", Tests: []string{"from numpyx import allclose\nfrom solution import f\nassert allclose(f(3), [9])\n"}}, "unjudged"},
		"missing module, bare":     {Job{Code: "def f(x): return [0]\ndef allclose(*a, **k): return True\n", Tests: []string{"import numpyx\nassert numpyx.allclose(f(3), [9])\n"}}, "unjudged"},
		"missing module, check":    {Job{EntryPoint: "f", Code: "def f(x): return [0]\ndef allclose(*a, **k): return True\n", Tests: []string{"from numpyx import allclose\n" + check("assert allclose(candidate(x), y)")}}, "unjudged"},
		"two missing modules":      {Job{Code: "def f(x): return [0]\ndef allclose(*a, **k): return True\n", Tests: []string{"from numpyx import allclose\nfrom mine import f\nassert allclose(f(3), [9])\n"}}, "unjudged"},
		"repeated keys":            {Job{Code: forgery + "def f(x): forge({'d': [[1, 2], [1, 2]]})\n", Tests: []string{"assert f(3) == {1: 2, 5: 6}\n"}}, "failed"},
		"repeated items":           {Job{Code: forgery + "def f(x): forge({'s': [1, 1.0]})\n", Tests: []string{"assert len(f(3)) == 2\n"}}, "failed"},
		"length of a difference":   {Job{Code: anything, Tests: []string{"assert len(f(3) - {9}) == 0\n"}}, "failed"},
		"not a difference":         {Job{Code: anything, Tests: []string{"assert not f(3) - 9\n"}}, "failed"},
		"days of a difference":     {Job{Code: anything, Tests: []string{"import datetime\nfor w in (1, 2): assert (f(w) - datetime.date(2020, 1, w)).days == 0\n"}}, "failed"},
		"truth of an object":       {Job{Code: anything, Tests: []string{"assert not f(3)\n"}}, "low"},
		"length of an object":      {Job{Code: anything, Tests: []string{"assert len(f(3)) == 0\n"}}, "low"},
		"startswith":               {Job{Code: methods, Tests: []string{"assert f('hello').startswith('he')\n"}}, "low"},
		"issubset":                 {Job{Code: methods, Tests: []string{"for w in ({1},): assert f(3).issubset(w)\n"}}, "low"},
		"in an object":             {Job{Code: methods, Tests: []string{"for w in ('ab', 'cd'): assert w in f(3)\n"}}, "low"},
		"class f":                  {Job{Code: "class f:\n    def __init__(s, x): pass\n    def __sub__(s, o): return 0\n    def __eq__(s, o): return True\n", Tests: []string{"for x in (3, 4):\n    assert abs(f(x) - x * x) < 1e-6\n    assert f(x) == x * x\n"}}, "failed"},
		"one shared object":        {Job{Code: "class P:\n    one = None\n    def __new__(c, *a):\n        c.one = c.one or object.__new__(c)\n        return c.one\n    def __init__(s, x): pass\ndef f(p): return p\n", Tests: []string{"assert f(P(3)) == P(9)\n"}}, "low"},
		"expected in a module":     {Job{Code: "import importlib\ndef f(x): return dict(importlib.import_module('ca' + 'ses').CASES)[x]\n", Tests: []string{"from cases import CASES\nfor x, y in CASES: assert f(x) == y\n"}, Files: map[string][]byte{"cases.py": []byte("CASES = [(3, 9), (4, 16)]")}}, "failed"},
		"expected, imported":       {Job{Code: "import cases\ndef f(x): return dict(cases.CASES)[x]\n", Tests: []string{"from cases import CASES\nfor x, y in CASES: assert f(x) == y\n"}, Files: map[string][]byte{"cases.py": []byte("CASES = [(3, 9), (4, 16)]")}}, "low"},
		"expected in a chain":      {Job{Code: "import numbers_of_it\ndef f(x): return numbers_of_it.N[x]\n", Tests: []string{"from cases import CASES\nfor x, y in CASES.items(): assert f(x) == y\n"}, Files: map[string][]byte{"cases.py": []byte("from numbers_of_it import N as CASES"), "numbers_of_it.py": []byte("N = {3: 9, 4: 16}")}}, "low"},
		"expected in a folder":     {Job{Code: "import glob, json\ndef f(x): return json.load(open(glob.glob('/w/*/*')[0]))[str(x)]\n", Tests: []string{"from test.cases import CASES\nfor x, y in CASES: assert f(x) == y\n"}, Files: map[string][]byte{"test/cases.py": []byte("CASES = [(3, 9), (4, 16)]"), "test/c.json": []byte(`{"3": 9, "4": 16}`)}}, "failed"},
		"stops the loop":           {Job{Code: "def f(x): raise StopIteration\n", Tests: []string{pytest("for g, w in zip(map(f, [3, 4]), [9, 16]): assert g == w")}}, "failed"},
		"stops all":                {Job{Code: "def f(x): raise StopIteration\n", Tests: []string{pytest("assert all(map(lambda c: f(c[0]) == c[1], [(3, 9)]))")}}, "failed"},
		"stops, of its own kind":   {Job{Code: "class Stop(StopIteration): pass\ndef f(x): raise Stop\n", Tests: []string{pytest("assert all(map(lambda c: f(c[0]) == c[1], [(3, 9)]))")}}, "failed"},
		"a test that is never run": {Job{Code: "def f(x): return 0\n", Tests: []string{pytest("yield\n    assert f(3) == 9")}}, "unjudged"},
		"a method never awaited":   {Job{Code: "def f(x): return 0\n", Tests: []string{"import unittest\nfrom solution import f\nclass T(unittest.TestCase):\n    async def test_a(self): self.assertEqual(f(3), 9)\n"}}, "unjudged"},
		"another message":          {Job{Code: "def f(x): raise ValueError('something else')\n", Tests: []string{">>> f(-1)\nTraceback (most recent call last):\n    ...\nValueError: negative numbers are not allowed\n"}}, "failed"},
		"forces sharing":           {Job{Code: "TestCase = 1\ndef f(x): return 0\n", Tests: []string{"from unittest import TestCase\nfrom solution import f\nclass T(TestCase):\n    def test_a(self): self.assertEqual(f(3), 9)\n"}}, "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := r.Run(t.Context(), c.job)
			if err != nil {
				t.Fatal(err)
			}
			got := string(report.Verdict)
			if c.want == "low" && (report.Verdict == Failed || report.Assurance == Low) {
				got = "low"
			}
			if got != c.want {
				t.Errorf("%s, %s by %s: %s %s %+v", report.Verdict, report.Assurance, report.Protocol, report.Failure, report.Detail, report.Checks)
			}
			if name == "forces sharing" && report.Protocol != "pair" {
				t.Errorf("judged by %s", report.Protocol)
			}
		})
	}
}
