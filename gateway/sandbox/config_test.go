package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func faultsOf(validate func(fault func(path, format string, args ...any))) []string {
	var paths []string
	validate(func(path, format string, args ...any) {
		_ = fmt.Sprintf(format, args...)
		paths = append(paths, path)
	})
	slices.Sort(paths)
	return paths
}

func TestConfigReportsEveryFault(t *testing.T) {
	for name, c := range map[string]struct {
		config Config
		want   []string
	}{
		"zero":   {Config{}, nil},
		"plain":  {Config{Engine: EngineNS, Parallel: 4, CPU: time.Second, Memory: 64 << 20, Languages: map[string]Language{"python": {Command: []string{"python3"}}}}, nil},
		"remote": {Config{Engine: EngineRemote}, []string{"remote.urls"}},
		"all": {Config{Engine: "docker", Parallel: -1, CPU: -1, Memory: 1, Cgroup: "here", Remote: Remote{URLs: []string{"ftp://x", "http://y"}, Certificate: "c"},
			Languages: map[string]Language{"cobol": {Command: []string{"x"}}, "rust": {}, "go": {Command: []string{""}, CPU: -1, Memory: 1, Extension: "a/b"}}},
			[]string{"cgroup", "cpu", "engine", "languages.cobol", "languages.go.command[0]", "languages.go.cpu", "languages.go.extension", "languages.go.memory",
				"languages.rust.command", "memory", "parallel", "remote.key", "remote.urls[0]"}},
		"open worker": {Config{Remote: Remote{URLs: []string{"http://y"}}}, []string{"remote.token"}},
	} {
		if got := faultsOf(c.config.Validate); !slices.Equal(got, c.want) {
			t.Errorf("%s: got faults at %q, want %q", name, got, c.want)
		}
	}
	if _, err := New(t.Context(), Config{Engine: "docker"}, nil); err == nil {
		t.Error("a runner of a faulty configuration was made")
	}
}

func TestJobReportsEveryFault(t *testing.T) {
	for name, c := range map[string]struct {
		job  Job
		want []string
	}{
		"good":       {Job{Tests: []string{"x"}}, nil},
		"nothing":    {Job{}, []string{"tests"}},
		"names":      {Job{Language: "cobol", Framework: "jest", EntryPoint: "a b", Tests: []string{""}, Pass: 2}, []string{"entry_point", "framework", "language", "pass", "tests[0]"}},
		"paths":      {Job{Path: "../x", Files: map[string][]byte{"/etc/passwd": nil, "a\nb": nil, "ok/x": nil}, Tests: []string{"x"}}, []string{"answer.path", "files", "files"}},
		"limits":     {Job{Tests: []string{"x"}, Limits: Limits{CPU: time.Hour, Memory: 1, Output: -1}}, []string{"limits.memory_mb", "limits.output_kb", "limits.timeout_s"}},
		"cases":      {Job{Framework: FrameworkStdio, Tests: []string{"x"}}, []string{"cases"}},
		"case":       {Job{Cases: []Case{{Match: "like"}, {Args: []string{"\x00"}}}}, []string{"cases[0].match", "cases[1].args"}},
		"command":    {Job{Framework: FrameworkCommand, Tests: []string{"x"}}, []string{"command"}},
		"no program": {Job{Command: []string{""}}, []string{"command[0]"}},
		"large":      {Job{Code: strings.Repeat("x", maxSource+1), Tests: []string{"x"}}, []string{"answer"}},
	} {
		if got := faultsOf(c.job.Validate); !slices.Equal(got, c.want) {
			t.Errorf("%s: got faults at %q, want %q", name, got, c.want)
		}
	}
}

func TestBytesReadsUnits(t *testing.T) {
	for text, want := range map[string]Bytes{"512MB": 512 << 20, "64KiB": 64 << 10, "1 GB": 1 << 30, "7": 7, "0": 0, "12b": 12} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil || b != want {
			t.Errorf("%q: got %d, %v", text, b, err)
		}
	}
	for _, text := range []string{"", "MB", "-1MB", "1TB", "1.5GB", "99999999999999999999", "9999999999999GB"} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was read as %d", text, b)
		}
	}
	if s := (512 << 20 * Bytes(1)).String(); s != "512MB" {
		t.Errorf("got %s", s)
	}
}

func TestOutputMatches(t *testing.T) {
	for _, c := range []struct {
		how, got, want string
		matches        bool
	}{
		{"", "9\n", "9", true}, {"", "9  \r\n\n", "9", true}, {"", " 9", "9", false}, {"", "1\n\n2", "1\n2", false},
		{matchExact, "9\n", "9", false}, {matchExact, "9\n", "9\n", true},
		{matchTokens, "1 2\n3", "1\n2 3", true}, {matchTokens, "1 2", "1 2 3", false}, {matchTokens, "1.0", "1", false},
		{matchFloat, "1.0000001 x", "1 x", true}, {matchFloat, "1.1", "1", false}, {matchFloat, "nan", "1", false}, {matchFloat, "nan", "nan", true},
		{matchFloat, "inf", "1e308", false}, {matchFloat, "1000000.5", "1000000", true}, {matchFloat, "", "", true}, {matchFloat, "a", "b", false},
	} {
		if got := outputMatches(c.how, c.got, c.want); got != c.matches {
			t.Errorf("%s: %q and %q: got %v", c.how, c.got, c.want, got)
		}
	}
}

// What a configuration isolates, and what not, is said before anything runs.
func TestExplainSaysWhatIsNotIsolated(t *testing.T) {
	landlock := strings.Join(Config{Engine: EngineLandlock}.Explain(), "\n")
	for _, open := range append(LandlockLeavesOpen, "without namespaces", "low assurance") {
		if !strings.Contains(landlock, open) {
			t.Errorf("landlock is not said to leave open: %s", open)
		}
	}
	if said := strings.Join(Config{}.Explain(), "\n"); !strings.Contains(said, "namespaces") || strings.Contains(said, "Not isolated") {
		t.Errorf("the default engine: %s", said)
	}
}
