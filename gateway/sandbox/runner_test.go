package sandbox

import (
	"testing"
	"time"
)

// square is the task that most tests here use.
const square = "def f(x):\n    return x * x\n"

func TestRunJudgesEveryFramework(t *testing.T) {
	r := commonRunner(t)
	unittestFile := "import unittest\nfrom solution import f\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(f(2), 4)\n"
	for name, c := range map[string]struct {
		job       Job
		verdict   Verdict
		assurance Assurance
		protocol  string
		passed    int
		total     int
	}{
		"plain asserts": {Job{Code: square, EntryPoint: "f", Tests: []string{"assert f(3) == 9\nassert f(4) == 16, 'no'\n"}}, Passed, High, "oracle", 2, 2},
		"loops": {Job{Code: square, Tests: []string{"for i in range(3):\n    assert f(i) == i * i\nassert f(2) == 5\nassert f('a') == 1"}},
			Failed, High, "pair", 1, 3},
		"check(candidate)": {Job{Code: square, EntryPoint: "f", Tests: []string{"def check(candidate):\n    assert candidate(3) == 9\n    assert not candidate(0)\n"}}, Passed, High, "oracle", 2, 2},
		"pytest": {Job{Code: square, Tests: []string{"import pytest\nfrom solution import f\n@pytest.mark.parametrize('a,b', [(1, 1), (2, 4)])\ndef test_f(a, b):\n    assert f(a) == b\n" +
			"def test_error():\n    with pytest.raises(TypeError):\n        f('a')\n"}}, Passed, High, "pair", 3, 3},
		"unittest":   {Job{Code: square, Tests: []string{unittestFile}}, Passed, High, "pair", 1, 1},
		"doctest":    {Job{Code: square, Tests: []string{">>> f(2)\n4\n>>> f(3)\n8\n"}}, Failed, High, "pair", 1, 2},
		"stdio":      {Job{Code: "print(int(input()) ** 2)", Cases: []Case{{Stdin: "3\n", Stdout: "9"}, {Stdin: "4\n", Stdout: "17"}}}, Failed, High, "stdio", 1, 2},
		"command":    {Job{Code: square, Framework: FrameworkCommand, Command: []string{"python3", "-m", "unittest", "test_a.py"}, Files: map[string][]byte{"test_a.py": []byte(unittestFile)}}, Passed, Low, "command", 1, 1},
		"mocks":      {Job{Code: "def f():\n    return input()\n", Tests: []string{"from unittest import mock\nfrom solution import f\ndef test_f():\n    with mock.patch('builtins.input', return_value='3'):\n        assert f() == '3'\n"}}, Passed, Low, "shared", 1, 1},
		"no checks":  {Job{Code: square, Tests: []string{"f(3)\n"}}, Unjudged, "", "", 0, 0},
		"no parse":   {Job{Code: square, Tests: []string{"assert f(\n"}}, Unjudged, "", "", 0, 0},
		"no load":    {Job{Code: "def f(x)\n", Tests: []string{"assert f(3) == 9\nassert f(4) == 16"}}, Failed, High, "oracle", 0, 2},
		"share":      {Job{Code: square, Pass: .5, Tests: []string{"assert f(3) == 9\nassert f(4) == 17"}}, Passed, High, "oracle", 1, 2},
		"exit early": {Job{Code: "import sys\nsys.exit(0)", Tests: []string{"assert f(3) == 9"}}, Failed, High, "oracle", 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := r.Run(t.Context(), c.job)
			if err != nil {
				t.Fatal(err)
			}
			if r.Engine() == EngineLandlock && c.assurance != "" {
				c.assurance = Low // all that it judges
			}
			if report.Verdict != c.verdict || report.Assurance != c.assurance || report.Protocol != c.protocol || report.Passed != c.passed || report.Total < c.total {
				t.Errorf("got %s, %s by %s, %d of %d: %+v", report.Verdict, report.Assurance, report.Protocol, report.Passed, report.Total, report)
			}
			if (report.Failure == "") != (report.Verdict != Failed) {
				t.Errorf("verdict %s, failure %q", report.Verdict, report.Failure)
			}
		})
	}
}

func TestRunEndsWhatExceedsItsLimits(t *testing.T) {
	r := commonRunner(t)
	for name, code := range map[string]string{
		"processor time": "while True:\n    pass\n",
		"memory":         "def f(x):\n    import os, time\n    for _ in range(6):\n        if os.fork() == 0:\n            b = bytearray(os.urandom(1 << 20)) * 30\n            time.sleep(9)\n    time.sleep(9)\n",
		"output":         "def f(x):\n    import os\n    while True:\n        os.write(1, b'x' * 65536)\n",
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			report, err := r.Run(t.Context(), Job{Code: code, Tests: []string{"assert f(3) == 9"}, Limits: Limits{CPU: time.Second, Memory: 96 << 20}})
			if err != nil {
				t.Fatal(err)
			}
			if report.Verdict != Failed {
				t.Errorf("got %+v", report)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("took %s", took)
			}
			if len(report.Output) > int(DefaultOutput) {
				t.Errorf("kept %d bytes of output", len(report.Output))
			}
			after, err := r.Run(t.Context(), Job{Code: square, Tests: []string{"assert f(3) == 9"}})
			if err != nil || after.Verdict != Passed {
				t.Errorf("the slot is not healthy afterwards: %+v, %v", after, err)
			}
		})
	}
}
