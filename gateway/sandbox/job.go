package sandbox

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Frameworks that tests may be written for.
const (
	FrameworkAssert   = "assert"
	FrameworkPytest   = "pytest"
	FrameworkUnittest = "unittest"
	FrameworkDoctest  = "doctest"
	FrameworkStdio    = "stdio"
	FrameworkCommand  = "command"
)

var frameworkNames = []string{FrameworkAssert, FrameworkPytest, FrameworkUnittest, FrameworkDoctest, FrameworkStdio, FrameworkCommand}

// Job is one program and what it is tested with. The zero values of its fields
// are the defaults of the verify schema.
type Job struct {
	Language   string            `json:"language,omitempty"`    // default python
	Framework  string            `json:"framework,omitempty"`   // default by what the tests look like
	EntryPoint string            `json:"entry_point,omitempty"` // function or class the tests call
	Code       string            `json:"code"`                  // the candidate program
	Path       string            `json:"path,omitempty"`        // file it is written to; default solution.<ext>
	Tests      []string          `json:"tests,omitempty"`       // test files, run in order
	Cases      []Case            `json:"cases,omitempty"`       // framework stdio
	Files      map[string][]byte `json:"files,omitempty"`       // further files in the work folder
	Command    []string          `json:"command,omitempty"`     // framework command
	Limits     Limits            `json:"limits,omitzero"`
	Pass       float64           `json:"pass,omitempty"` // share of checks that is a pass; 0 means all
}

// Case is one run of a program: what it reads, and what it must print.
type Case struct {
	Stdin  string   `json:"stdin,omitempty"`
	Args   []string `json:"args,omitempty"`
	Stdout string   `json:"stdout"`
	Match  string   `json:"match,omitempty"` // exact, trimmed (the default), tokens or float
}

// Limits of one job; zero fields take the Config's.
type Limits struct {
	CPU    time.Duration `json:"cpu_ns,omitempty"` // one run of all tests; the wall clock allows 3 times that plus 2s
	Memory Bytes         `json:"memory,omitempty"`
	Output Bytes         `json:"output,omitempty"` // printed bytes that are kept

	slack time.Duration // of the wall clock; 0 means 2s. Tests that sleep set less.
}

// wall is the time on the clock that belongs to a limit of processor time.
func (l Limits) wall() time.Duration { return 3*l.CPU + firstNonZero(l.slack, 2*time.Second) }

const (
	maxSource = 1 << 20
	maxFiles  = 256
	maxCases  = 1000
	maxTests  = 256
	maxArgs   = 64
)

var entryPointForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]{0,127}$`)

// Validate reports every fault of j with the path of the field in the verify schema.
func (j Job) Validate(fault func(path, format string, args ...any)) {
	if j.Language != "" && !slices.Contains(languageNames, j.Language) {
		fault("language", "must be one of %s, got %q", strings.Join(languageNames, ", "), j.Language)
	}
	if j.Framework != "" && !slices.Contains(frameworkNames, j.Framework) {
		fault("framework", "must be one of %s, got %q", strings.Join(frameworkNames, ", "), j.Framework)
	}
	if j.EntryPoint != "" && !entryPointForm.MatchString(j.EntryPoint) {
		fault("entry_point", "must be a name, got %q", shorten(j.EntryPoint, 64))
	}
	if len(j.Code) > maxSource {
		fault("answer", "must be at most %d bytes, got %d", maxSource, len(j.Code))
	}
	if j.Path != "" && !cleanPath(j.Path) {
		fault("answer.path", "must be a clean relative path, got %q", shorten(j.Path, 64))
	}
	j.validateTests(fault)
	if len(j.Files) > maxFiles {
		fault("files", "must be at most %d, got %d", maxFiles, len(j.Files))
	}
	size := 0
	for name, content := range j.Files {
		size += len(content)
		if !cleanPath(name) {
			fault("files", "must have clean relative paths, got %q", shorten(name, 64))
		}
	}
	if size > int(DefaultDisk)/2 {
		fault("files", "must be at most %s together, got %d bytes", DefaultDisk/2, size)
	}
	j.Limits.validate(fault)
	if j.Pass < 0 || j.Pass > 1 {
		fault("pass", "must be above 0 and at most 1, got %g", j.Pass)
	}
}

func (j Job) validateTests(fault func(path, format string, args ...any)) {
	if len(j.Tests) == 0 && len(j.Cases) == 0 && len(j.Command) == 0 {
		fault("tests", "must be given, or cases, or a command")
	}
	if len(j.Tests) > maxTests {
		fault("tests", "must be at most %d files, got %d", maxTests, len(j.Tests))
	}
	for i, t := range j.Tests {
		if len(t) == 0 || len(t) > maxSource {
			fault(fmt.Sprintf("tests[%d]", i), "must be between 1 and %d bytes, got %d", maxSource, len(t))
		}
	}
	if len(j.Cases) > maxCases {
		fault("cases", "must be at most %d, got %d", maxCases, len(j.Cases))
	}
	for i, c := range j.Cases {
		if !slices.Contains([]string{"", matchExact, matchTrimmed, matchTokens, matchFloat}, c.Match) {
			fault(fmt.Sprintf("cases[%d].match", i), "must be exact, trimmed, tokens or float, got %q", shorten(c.Match, 64))
		}
		if len(c.Args) > maxArgs || slices.ContainsFunc(c.Args, func(a string) bool { return strings.ContainsRune(a, 0) }) {
			fault(fmt.Sprintf("cases[%d].args", i), "must be at most %d, without zero bytes", maxArgs)
		}
	}
	switch {
	case j.Framework == FrameworkStdio && len(j.Cases) == 0:
		fault("cases", "must be given for framework stdio")
	case j.Framework == FrameworkCommand && len(j.Command) == 0:
		fault("command", "must be given for framework command")
	}
	if len(j.Command) > maxArgs || slices.ContainsFunc(j.Command, func(a string) bool { return strings.ContainsRune(a, 0) }) {
		fault("command", "must be at most %d arguments, without zero bytes", maxArgs)
	}
	if len(j.Command) > 0 && j.Command[0] == "" {
		fault("command[0]", "must not be empty")
	}
}

func (l Limits) validate(fault func(path, format string, args ...any)) {
	if l.CPU < 0 || l.CPU > maxTimeout {
		fault("limits.timeout_s", "must be above 0 and at most %g, got %g", maxTimeout.Seconds(), l.CPU.Seconds())
	}
	if l.Memory < 0 || l.Memory > maxMemory || l.Memory > 0 && l.Memory < 16<<20 {
		fault("limits.memory_mb", "must be between 16 and %d, got %d", maxMemory>>20, l.Memory>>20)
	}
	if l.Output < 0 || l.Output > maxOutput {
		fault("limits.output_kb", "must be between 1 and %d, got %d", maxOutput>>10, l.Output>>10)
	}
}

// cleanPath says whether p names a file inside the work folder and nothing else.
func cleanPath(p string) bool {
	return len(p) <= 255 && p != "." && p == path.Clean(p) && !path.IsAbs(p) &&
		!strings.HasPrefix(p, "../") && p != ".." && !strings.ContainsFunc(p, unicode.IsControl)
}

// withDefaults fills the zero fields of j from the tests and the configuration.
func (j Job) withDefaults(c Config) Job {
	if j.Language == "" {
		j.Language = "python"
	}
	if j.Framework == "" {
		j.Framework = guessFramework(j)
	}
	lang := c.language(j.Language)
	if j.Path == "" {
		j.Path = "solution." + lang.Extension
	}
	if j.Limits.CPU == 0 {
		j.Limits.CPU = firstNonZero(lang.CPU, c.CPU)
	}
	if j.Limits.Memory == 0 {
		j.Limits.Memory = firstNonZero(lang.Memory, c.Memory)
	}
	if j.Limits.Output == 0 {
		j.Limits.Output = DefaultOutput
	}
	if j.Pass == 0 {
		j.Pass = 1
	}
	return j
}

func firstNonZero[T comparable](values ...T) T {
	var zero T
	for _, v := range values {
		if v != zero {
			return v
		}
	}
	return zero
}

var (
	pytestForm  = regexp.MustCompile(`(?m)^\s*(def test_|async def test_|import pytest|from pytest)`)
	doctestForm = regexp.MustCompile(`(?m)^\s*>>> `)
)

// guessFramework follows the order that the verify schema gives.
func guessFramework(j Job) string {
	all := strings.Join(j.Tests, "\n")
	unit := strings.Contains(all, "unittest.TestCase") || strings.Contains(all, "(TestCase)")
	switch {
	case len(j.Cases) > 0:
		return FrameworkStdio
	case len(j.Tests) == 0 && len(j.Command) > 0:
		return FrameworkCommand
	case j.Language != "python":
		return FrameworkAssert
	case unit && !strings.Contains(all, "pytest"):
		return FrameworkUnittest
	case pytestForm.MatchString(all):
		return FrameworkPytest
	case unit:
		return FrameworkUnittest
	case doctestForm.MatchString(all):
		return FrameworkDoctest
	}
	return FrameworkAssert
}
