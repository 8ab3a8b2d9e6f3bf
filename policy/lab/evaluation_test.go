package lab

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/standin"
)

// childEnv makes the test binary a child that evaluates into the folder of its
// value, until it is killed.
const childEnv = "DROVER_TEST_EVALUATION"

// childProblems are what the child evaluates, by three samples each.
const childProblems = 6

func newRunner() (*sandbox.Runner, error) {
	return sandbox.New(context.Background(), sandbox.Config{Path: filepath.SplitList(os.Getenv("PATH"))}, slog.New(slog.DiscardHandler))
}

// shared is one runner for all tests that ask for it, since its first programs
// take long. TestMain closes it.
var shared *sandbox.Runner

var sharedRunner = sync.OnceValues(func() (*sandbox.Runner, error) {
	runner, err := newRunner()
	shared = runner
	return runner, err
})

func testRunner(t testing.TB) *sandbox.Runner {
	t.Helper()
	runner, err := sharedRunner()
	if err != nil {
		t.Fatal(err)
	}
	if why := runner.Down(); why != "" {
		t.Skip("programs cannot be run on this machine: " + why)
	}
	return runner
}

// bundledSamples are the first programs of the bundled set, as samples.
func bundledSamples(t testing.TB, problems int) (map[string]Problem, []Sample) {
	t.Helper()
	set, err := Bundled()
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]Problem{}
	var samples []Sample
	for _, p := range set[:problems] {
		byID[p.ID] = p
		for i, code := range []string{p.Right[0], p.Wrong[0], p.Tempting[0]} {
			samples = append(samples, Sample{TaskID: p.ID, Model: "m", Attempt: i + 1, Code: code})
		}
	}
	return byID, samples
}

// runChild judges and says so, line by line.
func runChild(dir string) int {
	runner, err := newRunner()
	if err != nil {
		fmt.Println("failed", err)
		return 1
	}
	defer runner.Close()
	set, samples := bundledSamples(new(testing.T), childProblems)
	e, err := OpenEvaluation(dir, Manifest{Count: childProblems})
	if err != nil {
		fmt.Println("failed", err)
		return 1
	}
	err = e.Judge(context.Background(), Judge{Runner: runner, Problems: set, Parallel: 2, Done: func(r Result) { fmt.Println("judged", r.TaskID, r.Attempt) }}, slices.Values(samples))
	if err == nil {
		err = e.Close()
	}
	if err != nil {
		fmt.Println("failed", err)
		return 1
	}
	fmt.Println("done")
	return 0
}

// An evaluation that was killed has whole lines only, loses none that it told of,
// and judges none of them again.
func TestKilledEvaluationGoesOn(t *testing.T) {
	testRunner(t)
	dir := t.TempDir()
	told := map[string]int{}
	for _, after := range []int{5, 1 << 30} {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childEnv+"="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines, n, ended := bufio.NewScanner(out), 0, false
		for lines.Scan() {
			switch line := lines.Text(); {
			case strings.HasPrefix(line, "judged "):
				told[line]++
				if n++; n == after {
					child.Process.Kill()
				}
			case line == "done":
				ended = true
			default:
				t.Errorf("the child says %q", line)
			}
		}
		child.Wait()
		if ended != (after == 1<<30) {
			t.Fatalf("ended: %v after %d", ended, n)
		}
	}
	for line, n := range told {
		if n != 1 {
			t.Errorf("%s: %d times", line, n)
		}
	}
	_, results, err := ReadEvaluation(dir)
	if err != nil || len(results) != 3*childProblems {
		t.Fatalf("%d results, %v", len(results), err)
	}
	text, err := os.ReadFile(filepath.Join(dir, resultsFile))
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(text), "\n"); lines != 3*childProblems {
		t.Errorf("%d lines of %d results: some were judged twice", lines, len(results))
	}
	for _, r := range results {
		want := []sandbox.Verdict{sandbox.Passed, sandbox.Failed, sandbox.Passed}[r.Attempt-1]
		plus := []sandbox.Verdict{sandbox.Passed, sandbox.Failed, sandbox.Failed}[r.Attempt-1]
		if r.Base != want || r.Plus != plus {
			t.Errorf("%s, answer %d: %s, %s", r.TaskID, r.Attempt, r.Base, r.Plus)
		}
	}
}

// Wherever a file was torn, its whole lines count, and what is added after that is read.
func TestTornLineDoesNotCount(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		name := filepath.Join(dir, "lines")
		os.Remove(name)
		var whole []string
		text := ""
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 1000), 0, 8).Draw(t, "lines") {
			line := fmt.Sprintf(`{"attempt":%d}`, n)
			whole, text = append(whole, line), text+line+"\n"
		}
		cut := rapid.IntRange(0, len(text)).Draw(t, "cut")
		if err := os.WriteFile(name, []byte(text[:cut]), 0o644); err != nil {
			t.Fatal(err)
		}
		count := strings.Count(text[:cut], "\n")
		for range 2 {
			var got []string
			l, err := openLines(name, func(line []byte) error { got = append(got, strings.TrimSpace(string(line))); return nil })
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, whole[:count]) {
				t.Fatalf("read %q of %q, cut at %d", got, whole, cut)
			}
			whole = append(whole[:count], `{"attempt":7}`)
			count++
			if err := l.add(map[string]int{"attempt": 7}); err != nil {
				t.Fatal(err)
			}
			if err := l.close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestFolderOfAnotherEvaluationIsRefused(t *testing.T) {
	dir := t.TempDir()
	m := Manifest{Problems: []Source{{File: "a", SHA256: "1"}}, Count: 3}
	e, err := OpenEvaluation(dir, m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenEvaluation(dir, m); err == nil || !strings.Contains(err.Error(), "using this folder") {
		t.Errorf("a second one: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	m.Problems[0].File = "b" // the same text elsewhere
	if e, err = OpenEvaluation(dir, m); err != nil {
		t.Fatal(err)
	}
	e.Close()
	m.Problems[0].SHA256, m.Endpoint = "2", &Endpoint{Model: "x"}
	if _, err := OpenEvaluation(dir, m); err == nil || !strings.Contains(err.Error(), "problems, endpoint") {
		t.Errorf("another one: %v", err)
	}
}

// Answers are bought once each, with their seeds, and paid answers are not lost.
func TestAskBuysWhatIsMissing(t *testing.T) {
	set, err := Bundled()
	if err != nil {
		t.Fatal(err)
	}
	set = set[:5]
	host := standin.New(standin.Config{Models: map[string]standin.Script{"m": {Func: func(r standin.Request) standin.Answer {
		return standin.Answer{Text: "```python\nx = 1\n```", Usage: &standin.Usage{Prompt: 7, Completion: 3}}
	}}}})
	if err := host.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	dir := t.TempDir()
	ask := func(samples, limit int) (got []Sample) {
		asker := Asker{Endpoint: Endpoint{BaseURL: host.URL(), Model: "m", Samples: 2, Seed: new(int64(40))}, Parallel: 3,
			Extract: func(_ Problem, reply string) string { return strings.ToUpper(reply) }}
		e, err := OpenEvaluation(dir, Manifest{})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		asker.Samples = samples
		err = e.Ask(t.Context(), asker, set, func(s Sample) bool { got = append(got, s); return len(got) < limit })
		if err != nil && limit > 1000 {
			t.Fatal(err)
		}
		return got
	}
	ask(2, 4) // broken off
	bought := host.Calls("m")
	if bought < 4 || bought > 8 {
		t.Fatalf("%d calls for 4 answers, 3 at a time", bought)
	}
	got := ask(2, 1<<30)
	if len(got) != 10 {
		t.Fatalf("%d answers", len(got))
	}
	if more := host.Calls("m"); more > 10+3 { // what was in flight when it was broken off
		t.Errorf("%d calls for 10 answers", more)
	}
	if got = ask(2, 1<<30); len(got) != 10 || host.Calls("m") > 10+3 {
		t.Errorf("a third run buys again: %d answers, %d calls", len(got), host.Calls("m"))
	}
	keys := map[Key]bool{}
	for _, s := range got {
		keys[s.Key()] = true
		if s.Code != "```PYTHON\nX = 1\n```" || s.Tokens == nil || *s.Tokens != (Tokens{7, 3}) || s.Latency <= 0 {
			t.Errorf("answer %+v", s)
		}
	}
	if len(keys) != 10 {
		t.Errorf("%d different answers", len(keys))
	}
	for _, r := range host.Requests() {
		var q struct {
			Seed int `json:"seed"`
		}
		if err := json.Unmarshal(r.Body, &q); err != nil || q.Seed != 40 && q.Seed != 41 {
			t.Errorf("seed %d, %v", q.Seed, err)
		}
	}
}

func TestAskGivesUpOnWhatCannotSucceed(t *testing.T) {
	set, err := Bundled()
	if err != nil {
		t.Fatal(err)
	}
	host := standin.New(standin.Config{})
	if err := host.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	for model, most := range map[string]int{"fault-401": 2, "fault-404": 2, "fault-malformed": 72} {
		e, err := OpenEvaluation(t.TempDir(), Manifest{})
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		failed := 0
		asker := Asker{Endpoint: Endpoint{BaseURL: host.URL(), Model: model, Samples: 1}, Parallel: 2, Pause: time.Millisecond,
			Extract: func(Problem, string) string { return "" }, Failed: func(Key, error) { mu.Lock(); failed++; mu.Unlock() }}
		err = e.Ask(t.Context(), asker, set, func(Sample) bool { return true })
		if err == nil || failed == 0 || failed > most {
			t.Errorf("%s: %v after %d failures", model, err, failed)
		}
		e.Close()
	}
}

func TestSamplesOfOthersAreRead(t *testing.T) {
	text := `{"task_id":"T/1","model":"a","code":"x = 1","tokens":12,"base":"pass","plus":null}
{"task_id":"T/1","model":"a","solution":"x = 2","tokens":{"prompt":3,"completion":4}}

{"task_id":"T/1","model":"b","completion":"    return 3","tokens":{"prompt_tokens":1,"completion_tokens":2}}
{"task_id":"T/1","model":"a","code":"","tokens":null,"source":{"any":1}}`
	var got []Sample
	for s, err := range ReadSamples(strings.NewReader(text), func(string) string { return "def f():\n" }) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, s)
	}
	if len(got) != 4 {
		t.Fatalf("%d samples", len(got))
	}
	if s := got[0]; s.Code != "x = 1" || s.Attempt != 1 || *s.Tokens != (Tokens{0, 12}) || s.Base != "pass" || s.Plus != "" {
		t.Errorf("%+v", s)
	}
	if s := got[1]; s.Code != "x = 2" || s.Attempt != 2 || *s.Tokens != (Tokens{3, 4}) {
		t.Errorf("%+v", s)
	}
	if s := got[2]; s.Code != "def f():\n    return 3" || s.Attempt != 1 || *s.Tokens != (Tokens{1, 2}) {
		t.Errorf("%+v", s)
	}
	if s := got[3]; s.Attempt != 3 || s.Tokens != nil {
		t.Errorf("%+v", s)
	}
	for _, bad := range []string{`{"code":""}`, `{"task_id":"T"}`, `{"task_id":"T","code":1}`, `nonsense`} {
		for _, err := range ReadSamples(strings.NewReader("\n"+bad), nil) {
			if err == nil || !strings.Contains(err.Error(), "line 2") {
				t.Errorf("%s: %v", bad, err)
			}
		}
	}
}

func FuzzReadSamples(f *testing.F) {
	f.Add([]byte(`{"task_id":"T/1","model":"a","code":"x = 1","tokens":12,"cost_usd":0.25,"latency_ms":3.5}`))
	f.Add([]byte(`{"task_id":"T","completion":"x","tokens":{"prompt":-1}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for s, err := range ReadSamples(strings.NewReader(string(data)), func(string) string { return "" }) {
			if err != nil {
				continue
			}
			line, err := json.Marshal(s)
			if err != nil {
				t.Fatalf("%+v: %v", s, err)
			}
			var again Sample
			if err := json.Unmarshal(line, &again); err != nil || again.Key() != s.Key() || again.Code != s.Code {
				t.Fatalf("%s: %v", line, err)
			}
		}
	})
}
