package sandbox

import (
	"os"
	"strings"
	"testing"
)

// Tests as people write them for pytest give what pytest 9 itself gives for these
// files: as many passed, expected failures included, and none failed.
func TestPytestAsItIsWritten(t *testing.T) {
	r := commonRunner(t)
	read := func(name string) string {
		b, err := os.ReadFile("testdata/pytest/" + name + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for name, want := range map[string]int{"fixtures": 23, "files": 8, "requests": 25} {
		report, err := r.Run(t.Context(), Job{Code: read("solution"), Tests: []string{read(name)}})
		if err != nil || report.Verdict != Passed || report.Passed != want {
			t.Errorf("%s: %s, %d of %d, want %d: %s %s %v", name, report.Verdict, report.Passed, report.Total, want, report.Failure, report.Detail, err)
		}
	}
}

// What of pytest is not here leaves a solution unjudged, and is named.
func TestPytestNamesWhatItLacks(t *testing.T) {
	r := commonRunner(t)
	for name, c := range map[string]struct{ tests, says string }{
		"fixture":       {"def test_a(mocker): assert f(2) == 4\n", "no fixture 'mocker'"},
		"function":      {"import pytest\ndef test_a():\n    with pytest.RaisesGroup(ValueError): f(2)\n", "pytest.RaisesGroup"},
		"name":          {"from pytest import Pytester\ndef test_a(): assert f(2) == 4\n", "pytest.Pytester"},
		"hook":          {"def pytest_generate_tests(metafunc): pass\ndef test_a(): assert f(2) == 4\n", "hook pytest_generate_tests"},
		"async fixture": {"import pytest\n@pytest.fixture\nasync def n(): return 2\ndef test_a(n): assert f(n) == 4\n", "asynchronous"},
		"request":       {"def test_a(request): assert f(2) == request.config.getoption('x')\n", "Request.config"},
		"plugin":        {"from hypothesis import given\ndef test_a(): assert f(2) == 4\n", "hypothesis"},
	} {
		report, err := r.Run(t.Context(), Job{Code: square, Framework: FrameworkPytest, Tests: []string{c.tests}})
		if err != nil || report.Verdict != Unjudged || !strings.Contains(report.Detail, c.says) {
			t.Errorf("%s: %s: %s %s %v", name, report.Verdict, report.Detail, report.Failure, err)
		}
	}
}
