package sandbox

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// all makes the data tests take every problem and sample in place of a share
// drawn by a fixed seed: go test ./gateway/sandbox -run Data -timeout 60m -args -all
var all = flag.Bool("all", false, "judge all recorded data, and soak")

// engineName runs the tests on another engine than the machine would get.
var engineName = flag.String("engine", "", "engine of the runners that name none")

// sharedFile finds a file of the data beside the project, or skips the test.
func sharedFile(t testing.TB, name string) string {
	t.Helper()
	file := filepath.Join(projectRoot(), "..", "shared", name)
	if _, err := os.Stat(file); err != nil {
		t.Skipf("the data is not there: %v", err)
	}
	return file
}

// projectRoot is the folder of go.mod above this package; "/" where there is none.
func projectRoot() string {
	dir, err := os.Getwd()
	if err != nil {
		return "/"
	}
	for dir != "/" {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	return dir
}

// readLines decodes a file of JSON lines, gzipped or not.
func readLines[T any](t testing.TB, name string) []T {
	t.Helper()
	f, err := os.Open(sharedFile(t, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	var out []T
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, 16<<20)
	for scan.Scan() {
		var v T
		if err := json.Unmarshal(scan.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	if err := scan.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

type problem struct {
	TaskID     string `json:"task_id"`
	Prompt     string `json:"prompt"`
	EntryPoint string `json:"entry_point"`
	Solution   string `json:"canonical_solution"`
	Test       string `json:"test"`
}

// job puts the reference together. MBPP's solutions are indented in their own
// ways, which the docstring of the prompt does not share: it is left out.
func (p problem) job() Job {
	prompt := p.Prompt
	if strings.HasPrefix(p.TaskID, "Mbpp") {
		prompt, _, _ = strings.Cut(prompt, "    '''")
	}
	return Job{Code: prompt + p.Solution, EntryPoint: strings.TrimSpace(p.EntryPoint), Framework: FrameworkAssert, Tests: []string{p.Test}}
}

type sample struct {
	TaskID string `json:"task_id"`
	Code   string `json:"code"`
	Base   string `json:"base"`
}

// share draws n of list by a fixed seed, or all of it with -all. A plain user
// draws others than root.
func share[T any](list []T, n int) []T {
	if *all || len(list) <= n {
		return list
	}
	r := rand.New(rand.NewPCG(1, uint64(min(os.Geteuid(), 1))))
	out := make([]T, 0, n)
	for _, i := range r.Perm(len(list))[:n] {
		out = append(out, list[i])
	}
	return out
}

// judgeAll judges jobs by four at a time and calls done, one at a time, in any order.
func judgeAll(t *testing.T, r *Runner, jobs []Job, done func(i int, report Report)) {
	t.Helper()
	var mu sync.Mutex
	var group sync.WaitGroup
	next := make(chan int)
	for range 4 {
		group.Go(func() {
			for i := range next {
				report, err := r.Run(t.Context(), jobs[i])
				mu.Lock()
				if err != nil {
					t.Errorf("job %d: %v", i, err)
				} else {
					done(i, report)
				}
				mu.Unlock()
			}
		})
	}
	for i := range jobs {
		next <- i
	}
	close(next)
	group.Wait()
}

// The reference solutions pass their own tests, nearly all with high assurance.
func TestDataReferencesPass(t *testing.T) {
	r := commonRunner(t)
	for _, file := range []string{"data/problems/HumanEval.jsonl.gz", "data/problems/mbpp_sanitized.jsonl"} {
		problems := share(readLines[problem](t, file), 20)
		jobs := make([]Job, len(problems))
		for i, p := range problems {
			jobs[i] = p.job()
			jobs[i].Limits.CPU = 20 * time.Second // a few take seconds, and more on a busy machine
		}
		high, protocols := 0, map[string]int{}
		start := time.Now()
		judgeAll(t, r, jobs, func(i int, report Report) {
			protocols[report.Protocol]++
			if report.Verdict != Passed {
				t.Errorf("%s: %s (%s): %s %s", problems[i].TaskID, report.Verdict, report.Protocol, report.Failure, report.Detail)
			}
			if report.Assurance == High {
				high++
			}
		})
		t.Logf("%s: %d problems, %d with high assurance, by %v, in %s", file, len(problems), high, protocols, time.Since(start).Round(time.Millisecond))
		if high*100 < 95*len(problems) {
			t.Errorf("%s: %d of %d verdicts have high assurance", file, high, len(problems))
		}
	}
}

// Recorded samples get the verdict that was recorded.
func TestDataSamplesAgree(t *testing.T) {
	tests := map[string]problem{}
	for _, p := range readLines[problem](t, "data/problems/HumanEval.jsonl.gz") {
		tests[p.TaskID] = p
	}
	samples := readLines[sample](t, "data/samples/codegen16b_humaneval_x100.jsonl.gz")
	draw := rand.New(rand.NewPCG(7, 7)).Perm(len(samples))[:1000]
	if !*all {
		draw = draw[:30]
	}
	jobs := make([]Job, len(draw))
	for i, n := range draw {
		p := tests[samples[n].TaskID]
		jobs[i] = p.job()
		jobs[i].Code = samples[n].Code
		jobs[i].Limits.CPU = 3 * time.Second
	}
	r := commonRunner(t)
	agreed := 0
	judgeAll(t, r, jobs, func(i int, report Report) {
		s := samples[draw[i]]
		if (report.Verdict == Passed) == (s.Base == "pass") && report.Verdict != Unjudged {
			agreed++
			return
		}
		t.Logf("sample %d (%s), recorded %s: %s (%s): %s %s", draw[i], s.TaskID, s.Base, report.Verdict, report.Protocol, report.Failure, report.Detail)
	})
	t.Logf("%d of %d verdicts agree", agreed, len(draw))
	if agreed*1000 < 995*len(draw) {
		t.Errorf("%d of %d verdicts agree with the recorded ones", agreed, len(draw))
	}
}
