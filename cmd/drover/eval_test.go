package main

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drover-llm/drover/policy/lab"
)

// all replays every recorded sample in place of a share:
//
//	go test ./cmd/drover -run Replay -timeout 2h -args -all
var all = flag.Bool("all", false, "replay all recorded samples")

// sharedData is a file of the data beside the project; without it the test is skipped.
func sharedData(t *testing.T, name string) string {
	t.Helper()
	file := filepath.Join("..", "..", "..", "shared", "data", filepath.FromSlash(name))
	if _, err := os.Stat(file); err != nil {
		t.Skipf("the data is not there: %v", err)
	}
	return file
}

// shownReport is what a report says, as far as the tests look.
type shownReport struct {
	Model    string
	Problems int
	Samples  int
	PassAt   map[string]float64    `json:"pass_at"`
	Between  map[string][2]float64 `json:"pass_at_interval"`
	Verdicts struct{ Passed, Failed, Unjudged int }
	Plus     *struct {
		PassAt map[string]float64 `json:"pass_at"`
	}
	Cost     *float64 `json:"cost_usd"`
	Models   []shownReport
	Recorded *struct {
		Compared, Agree int
		PassAt          map[string]float64 `json:"pass_at"`
		Disagreements   []struct {
			TaskID  string `json:"task_id"`
			Attempt int
			Why     string
		}
	}
	Unsound []string
}

// own is a problem set of our own form, with samples whose verdicts are plain.
func own(t *testing.T) (problems, samples string) {
	t.Helper()
	problems = write(t, "problems.jsonl", `{"task_id":"a","entry_point":"f","prompt":"Write f.","tests":"assert f(1) == 2","hidden":"assert f(-1) == 0"}
{"task_id":"b","prompt":"Add.","cases":[{"stdin":"1 2","stdout":"3"}]}
`)
	lines := []string{}
	add := func(task, code string, tokens int) {
		line, _ := json.Marshal(map[string]any{"task_id": task, "model": "gpt-4o", "code": code, "tokens": tokens})
		lines = append(lines, string(line))
	}
	add("a", "def f(x):\n    return x + 1", 10)
	add("a", "def f(x):\n    return abs(x) + 1", 10)
	add("a", "def f(x):\n    return x", 10)
	add("a", "def f(x", 10)
	add("b", "print(sum(map(int, input().split())))", 20)
	add("b", "print(4)", 20)
	add("b", "while True: pass", 20)
	add("b", "import sys; sys.exit(1)", 20)
	add("c", "of another set", 1)
	return problems, write(t, "samples.jsonl", strings.Join(lines, "\n"))
}

func TestEvalJudgesReportsAndPlots(t *testing.T) {
	t.Parallel()
	problems, samples := own(t)
	dir := filepath.Join(t.TempDir(), "run")
	run := []string{"eval", "run", "--problems", problems, "--samples", samples, "--out", dir, "--timeout", "1s"}
	if code, out := command(t, run...); code != 0 {
		t.Fatalf("exit status %d: %s", code, out)
	}
	before, err := os.ReadFile(filepath.Join(dir, "results.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if code, _ := command(t, run...); code != 0 {
		t.Error("a second run fails")
	}
	if after, _ := os.ReadFile(filepath.Join(dir, "results.jsonl")); string(after) != string(before) {
		t.Error("a second run judges again")
	}
	code, out := command(t, "eval", "report", dir, "--json", "--strong", "0.9")
	var r shownReport
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 {
		t.Fatalf("%d, %v: %s", code, err, out)
	}
	if r.Model != "gpt-4o" || r.Problems != 2 || r.Samples != 8 || r.PassAt["1"] != .375 || math.Abs(r.Plus.PassAt["1"]-.25) > 1e-9 || r.Verdicts.Passed != 3 {
		t.Errorf("report %s", out)
	}
	for range 2 { // maps by k have no order of their own
		if _, again := command(t, "eval", "report", dir, "--json", "--strong", "0.9"); again != out {
			t.Errorf("the same evaluation has another report:\n%s\n%s", out, again)
		}
	}
	if r.Cost == nil || math.Abs(*r.Cost-120*10./1e6) > 1e-12 { // the price list's $10 for a million
		t.Errorf("cost %v", r.Cost)
	}
	if code, out = command(t, "eval", "report", dir); code != 0 || !strings.Contains(out, "37.5 %") || !strings.Contains(out, "Chen et al. 2021") {
		t.Errorf("%d: %s", code, out)
	}
	code, out = command(t, "eval", "plot", dir)
	for _, name := range []string{"pass_at_k.svg", "pass_at_k.png", "cost.svg", "cost.png"} {
		if info, err := os.Stat(filepath.Join(dir, name)); code != 0 || err != nil || info.Size() < 1000 || !strings.Contains(out, name) {
			t.Errorf("%s: %v, %d %s", name, err, code, out)
		}
	}
}

func TestEvalRefusesWhatItCannotRun(t *testing.T) {
	problems, samples := own(t)
	other := write(t, "other.jsonl", `{"task_id":"x","model":"m","code":"pass"}`)
	out := filepath.Join(t.TempDir(), "run")
	for name, c := range map[string]struct {
		args []string
		code int
	}{
		"neither":                {[]string{"--problems", problems, "--out", out}, exitUsage},
		"both":                   {[]string{"--problems", problems, "--samples", samples, "--base-url", "http://127.0.0.1:1", "--model", "m", "--out", out}, exitUsage},
		"no model":               {[]string{"--problems", problems, "--base-url", "http://127.0.0.1:1", "--out", out}, exitUsage},
		"temperature":            {[]string{"--problems", problems, "--samples", samples, "--temperature", "3", "--out", out}, exitUsage},
		"no file":                {[]string{"--problems", "nowhere.jsonl", "--samples", samples, "--out", out}, exitFault},
		"no such model":          {[]string{"--problems", problems, "--samples", samples, "--model", "x", "--out", out}, exitFault},
		"samples of another":     {[]string{"--problems", problems, "--samples", other, "--out", out}, exitFault},
		"samples for problems":   {[]string{"--problems", samples, "--samples", samples, "--out", out}, exitFault},
		"everything is left out": {[]string{"--problems", problems, "--samples", samples, "--leave-out", "a,b", "--out", out}, exitFault},
	} {
		if code, said := command(t, append([]string{"eval", "run"}, c.args...)...); code != c.code {
			t.Errorf("%s: exit status %d, want %d: %s", name, code, c.code, said)
		}
	}
	if code, _ := command(t, "eval", "report", out); code != exitFault {
		t.Errorf("a report of nothing: %d", code)
	}
}

// Recorded samples, played through a whole gateway, have the pass@k of their
// recorded verdicts, and no search costs more than was held for it. By default a
// share of the problems, with -all everything.
func TestReplayAgreesWithTheRecordedVerdicts(t *testing.T) {
	t.Parallel()
	limit, cases := "1", 2
	if *all {
		limit, cases = "0", 3
	}
	for _, c := range []struct {
		samples, model string
		whole          map[string]float64 // as published with the data
	}{
		{"codegen16b_humaneval_x100.jsonl.gz", "", map[string]float64{"1": .228, "10": .513, "100": .750}},
		{"llama31_greedy_humaneval.jsonl.gz", "Llama-3.1-8B-Instruct (copyspec greedy)", map[string]float64{"1": .616}},
		{"llama31_greedy_humaneval.jsonl.gz", "Llama-3.1-70B-Instruct (copyspec greedy)", map[string]float64{"1": .750}},
	}[:cases] {
		code, out := command(t, "eval", "replay", "--problems", sharedData(t, "problems/HumanEval.jsonl.gz"), "--samples", sharedData(t, "samples/"+c.samples),
			"--model", c.model, "--limit", limit, "--json")
		var r struct {
			Verdicts shownReport
			Search   struct {
				Problems, Verified, Samples int
				OverCeiling                 int `json:"over_ceiling"`
				Ways                        map[string]int
				Cost                        float64 `json:"cost_usd"`
				Billed                      float64 `json:"billed_usd"`
			}
			Seconds float64
		}
		if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 {
			t.Fatalf("%d, %v: %s", code, err, out)
		}
		v, within := r.Verdicts, map[string]float64{"1": .005, "10": .005, "100": .0125}
		t.Logf("%s: %d samples, pass@k %v, recorded %v, %d of %d verdicts agree; search: %+v; %.0f s",
			v.Model, v.Samples, v.PassAt, v.Recorded.PassAt, v.Recorded.Agree, v.Recorded.Compared, r.Search, r.Seconds)
		for _, d := range v.Recorded.Disagreements {
			t.Logf("  %s, answer %d: %s", d.TaskID, d.Attempt, d.Why)
		}
		for k, most := range within {
			want, there := v.Recorded.PassAt[k]
			if *all {
				want, there = c.whole[k], c.whole[k] > 0
			}
			if got, has := v.PassAt[k]; there && (!has || math.Abs(got-want) > most+.0005) { // published figures have three decimals
				t.Errorf("%s: pass@%s is %g, want %g", v.Model, k, got, want)
			}
		}
		if v.Verdicts.Unjudged > 0 || v.Verdicts.Passed+v.Verdicts.Failed != v.Samples || len(v.Unsound) > 0 {
			t.Errorf("%s: verdicts %+v of %d samples, unsound %v", v.Model, v.Verdicts, v.Samples, v.Unsound)
		}
		if s := r.Search; s.OverCeiling > 0 || s.Problems == 0 || s.Ways["search"]+s.Ways["escalated"] != s.Problems || s.Cost <= 0 {
			t.Errorf("%s: search %+v", v.Model, s)
		}
	}
}

func TestRecordedSamplesNeedTheirProblems(t *testing.T) {
	problems, samples := own(t)
	for _, args := range [][]string{{"--samples", samples}, {"--problems", problems}, {"--samples", samples, "--problems", problems, "--model", "a", "--model", "b"}} {
		if code, out := command(t, append([]string{"standin"}, args...)...); code != exitUsage {
			t.Errorf("%v: exit status %d: %s", args, code, out)
		}
	}
	if code, _ := command(t, "standin", "--samples", samples, "--problems", problems, "--model", "nobody"); code != exitFault {
		t.Errorf("exit status %d", code)
	}
}

func TestFencedProgramsComeBackWhole(t *testing.T) {
	for _, code := range []string{"x = 1", "s = '''\n```\nno fence\n```\n'''", "````", ""} {
		reply := fenced(code)
		if !strings.Contains(reply, code) || strings.Count(reply, "\n") < 2 {
			t.Errorf("%q", reply)
		}
	}
}

// A task is found however its name is written, unless two differ by that alone.
func TestSamplesFindTheirTasks(t *testing.T) {
	name := filepath.Join(t.TempDir(), "samples.jsonl")
	text := `{"task_id":"humaneval_1","completion":"  return 1"}` + "\n" + `{"task_id":"A-1","code":"x"}` + "\n" + `{"task_id":"HumanEval/1","code":"y"}` + "\n"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	samples, _, others, err := readSamples(name, "", []lab.Problem{{ID: "HumanEval/1", Prompt: "def f():\n"}, {ID: "A/1"}, {ID: "A_1"}})
	if err != nil || others != 1 || len(samples) != 2 || samples[0].TaskID != "HumanEval/1" || samples[0].Code != "def f():\n  return 1" || samples[1].Code != "y" {
		t.Errorf("%+v, %d others, %v", samples, others, err)
	}
}
