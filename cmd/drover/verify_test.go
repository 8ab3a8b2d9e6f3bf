package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// command executes a command line, as a process of its own, and returns its exit
// status and standard output.
func command(t *testing.T, args ...string) (int, string) {
	t.Helper()
	c := droverCommand(t, args...)
	c.Stderr = t.Output()
	out, err := c.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), string(out)
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

const replyText = "Here you are:\n\n```python\ndef add(a, b):\n    return a + b\n```\n\nUse it:\n\n```python\nprint(add(1, 2))\n```\n"

func TestVerifyJudgesAnAnswer(t *testing.T) {
	t.Parallel()
	tests := write(t, "t.py", "assert add(1, 2) == 3\nassert add(2, 2) == 4\n")
	unittest := write(t, "t2.py", "import unittest\nfrom solution import add\nclass T(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(1, 2), 3)\n")
	cases := write(t, "cases.json", `[{"stdin": "3\n", "stdout": "9"}]`)
	object := write(t, "spec.json", `{"tests": "assert add(1, 2) == 3", "entry_point": "add", "limits": {"timeout_s": 2}, "files": {"a.txt": "x", "b.bin": {"base64": "AAE="}},
		"show": "all", "budget": {"max_samples": 4}, "on_fail": "best", "route": "search"}`)
	for name, c := range map[string]struct {
		args   []string
		status int
		says   string
	}{
		"passed":     {[]string{write(t, "a.md", replyText), "--tests", tests, "--entry-point", "add"}, 0, "passed: 2 of 2"},
		"failed":     {[]string{write(t, "b.py", "def add(a, b): return 3\n"), "--tests", tests}, 1, "failed: 1 of 2"},
		"unittest":   {[]string{write(t, "c.py", "def add(a, b): return a + b\n"), "--tests", unittest}, 0, "passed: 1 of 1"},
		"cases":      {[]string{write(t, "d.py", "print(int(input()) ** 2)\n"), "--tests", cases}, 0, "passed: 1 of 1"},
		"two files":  {[]string{write(t, "i.py", "def add(a, b): return a + b\n"), "--tests", tests, "--tests", object}, 0, "passed: 3 of 3"},
		"wrong word": {[]string{write(t, "j.py", "def add(a, b): return a + b\n"), "--tests", write(t, "words.json", `{"tests": "assert add(1, 2) == 3", "show": "some"}`)}, 2, ""},
		"negative":   {[]string{write(t, "h.md", replyText), "--tests", tests, "--timeout=-1s"}, 2, ""},
		"unjudged":   {[]string{write(t, "f.rs", "fn add() {}"), "--tests", tests}, 3, "unsupported_language"},
		"no file":    {[]string{"/nonexistent", "--tests", tests}, 2, ""},
		"no tests":   {[]string{tests}, 2, ""},
		"wrong name": {[]string{tests, "--tests", tests, "--language", "cobol"}, 2, ""},
		"wrong spec": {[]string{tests, "--tests", write(t, "bad.json", `{"test": 1}`)}, 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, out := command(t, append([]string{"verify"}, c.args...)...)
			if status != c.status || !strings.Contains(out, c.says) {
				t.Errorf("status %d: %s", status, out)
			}
		})
	}
}

func TestVerifyPrintsTheReplyObject(t *testing.T) {
	t.Parallel()
	tests := write(t, "t.py", "assert add(1, 2) == 4\n")
	status, out := command(t, "verify", write(t, "a.md", replyText), "--tests", tests, "--entry-point", "add", "--json")
	var got map[string]any
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if status != 1 {
		t.Errorf("status %d", status)
	}
	for field, want := range map[string]any{
		"route": "direct", "reason": "tests_given", "model": "", "verified": false, "verdict": "failed", "assurance": "high", "cost_usd": 0.0,
	} {
		if got[field] != want {
			t.Errorf("%s is %v, want %v", field, got[field], want)
		}
	}
	for _, field := range []string{"tests", "samples", "failure", "checks", "output", "warnings", "ms"} {
		if _, ok := got[field]; !ok {
			t.Errorf("%s is missing: %s", field, out)
		}
	}
}

func TestDoctorTriesTheSandbox(t *testing.T) {
	t.Parallel()
	status, out := command(t, "doctor", "--json")
	var findings []finding
	if err := json.Unmarshal([]byte(out), &findings); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if status != 0 {
		t.Errorf("status %d: %s", status, out)
	}
	seen := map[string]bool{}
	for _, f := range findings {
		seen[f.Group+" "+f.Name] = true
	}
	for _, want := range []string{"sandbox isolation", "sandbox network", "sandbox leftovers", "sandbox memory", "clock time"} {
		if !seen[want] {
			t.Errorf("%s was not tried: %s", want, out)
		}
	}
}
