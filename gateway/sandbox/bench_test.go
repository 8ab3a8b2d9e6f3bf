package sandbox

import (
	"errors"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// bare is the median processor time of a bare interpreter: what every ratio
// here is a ratio to, measured in the same run.
func bare(b *testing.B, python string) time.Duration {
	b.Helper()
	var times []time.Duration
	for range 41 {
		cmd := exec.Command(python, "-I", "-S", "-c", "pass")
		if err := cmd.Run(); err != nil {
			b.Fatal(err)
		}
		times = append(times, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	}
	return median(times)
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

// spent is this process's own processor time: the gateway's share of a run.
func spent() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return rusageCPU(&u)
}

// BenchmarkVerify verifies HumanEval's references one after the other. The
// processor time of a verification is that of the candidate, the tests, init,
// the zygote and this process together; the ratio is to a bare interpreter.
func BenchmarkVerify(b *testing.B) {
	problems := readLines[problem](b, "data/problems/HumanEval.jsonl.gz")
	for _, protocol := range []string{"oracle", "pair"} {
		b.Run(protocol, func(b *testing.B) {
			r := testRunner(b, Config{Parallel: 1})
			s := <-r.slots
			defer func() { r.slots <- s }()
			reference := bare(b, r.tools.languages["python"].Command[0])
			var times []time.Duration
			for i := 0; b.Loop(); i++ {
				j := problems[i%len(problems)].job().withDefaults(r.config)
				plan, err := planTests(j.Tests, j.EntryPoint)
				if protocol == "oracle" && err != nil {
					continue
				}
				before := spent()
				var report Report
				if protocol == "oracle" {
					var c box
					if c, err = s.box(b.Context(), roleCandidate); err == nil {
						report, err = judgeOracle(b.Context(), c, j, plan)
					}
				} else {
					report, err = judgePair(b.Context(), s, j)
				}
				if err != nil || report.Verdict != Passed {
					if errors.Is(err, errUndecided) {
						continue
					}
					b.Fatalf("%s: %+v, %v", problems[i%len(problems)].TaskID, report, err)
				}
				if i > 2 { // the containers are warm
					times = append(times, spent()-before+report.CPU+report.Overhead)
				}
			}
			if len(times) > 0 {
				m := median(times)
				b.ReportMetric(float64(m)/float64(reference), "x-bare-python")
				b.ReportMetric(float64(m.Microseconds())/1000, "cpu-ms/verify")
				b.ReportMetric(float64(reference.Microseconds())/1000, "cpu-ms/bare")
			}
		})
	}
}

// BenchmarkExec starts an interpreter in the warm pool.
func BenchmarkExec(b *testing.B) {
	r := testRunner(b, Config{Parallel: 1})
	s := <-r.slots
	defer func() { r.slots <- s }()
	python := r.tools.languages["python"].Command[0]
	reference := bare(b, python)
	j := Job{Language: "python"}.withDefaults(r.config)
	var times []time.Duration
	for i := 0; b.Loop(); i++ {
		p := j.program()
		p.Argv, p.Env = []string{python, "-I", "-S", "-c", "pass"}, r.tools.env()
		before := spent()
		e, _, stderr, err := s.runProgram(b.Context(), p, "", nil, j)
		if err != nil || e.trouble(stderr) != "" {
			b.Fatal(err, e.trouble(stderr), stderr)
		}
		if i > 2 {
			times = append(times, spent()-before+e.CPU+e.Overhead)
		}
	}
	if len(times) > 0 {
		m := median(times)
		b.ReportMetric(float64(m)/float64(reference), "x-bare-python")
		b.ReportMetric(float64(m.Microseconds())/1000, "cpu-ms/exec")
	}
}

// BenchmarkParallel shows how throughput grows with the slots.
func BenchmarkParallel(b *testing.B) {
	var alone float64
	for _, parallel := range []int{1, 2} {
		b.Run(map[int]string{1: "one", 2: "two"}[parallel], func(b *testing.B) {
			r := testRunner(b, Config{Parallel: parallel})
			job := Job{Code: square + "def g():\n    return sum(i * i for i in range(200000))\n", EntryPoint: "f", Tests: []string{"assert f(3) == 9\nassert g() > 0\n"}}
			for range parallel * 2 {
				if report, err := r.Run(b.Context(), job); err != nil || report.Verdict != Passed {
					b.Fatalf("%+v, %v", report, err)
				}
			}
			start, n := time.Now(), 0
			for b.Loop() { // every turn gives each slot four jobs
				n += 4 * parallel
				var group sync.WaitGroup
				for range parallel {
					group.Go(func() {
						for range 4 {
							if report, err := r.Run(b.Context(), job); err != nil || report.Verdict != Passed {
								b.Errorf("%+v, %v", report, err)
								return
							}
						}
					})
				}
				group.Wait()
			}
			rate := float64(n) / time.Since(start).Seconds()
			b.ReportMetric(rate, "verify/s")
			if parallel == 1 {
				alone = rate
			} else if alone > 0 {
				b.ReportMetric(rate/alone, "x-one-slot")
			}
		})
	}
}

// TestSoak verifies 10,000 times in a row, with -all, and finds nothing grown.
func TestSoak(t *testing.T) {
	n := 60
	if *all {
		n = 10000
	}
	r := testRunner(t, Config{})
	jobs := []Job{
		{Code: square, EntryPoint: "f", Tests: []string{"assert f(3) == 9"}},
		{Code: square, Tests: []string{"for x in range(3):\n    assert f(x) == x * x"}},
		{Code: "print(input())", Cases: []Case{{Stdin: "1", Stdout: "1"}}},
		{Code: "def f(x):\n    raise ValueError", Tests: []string{"assert f(3) == 9"}},
		{Code: "import os\nos._exit(0)", Tests: []string{"assert f(3) == 9"}},
	}
	round := func(count int) {
		list := make([]Job, count)
		for i := range list {
			list[i] = jobs[i%len(jobs)]
		}
		judgeAll(t, r, list, func(i int, report Report) {
			want := Failed
			if i%len(jobs) < 3 {
				want = Passed
			}
			if report.Verdict != want {
				t.Errorf("run %d: %+v", i, report)
			}
		})
	}
	round(max(40, n/10))
	before, ownBefore, memoryBefore := measure(t, r), resident("self"), residentBelow()
	round(n)
	ownAfter, memoryAfter := resident("self"), residentBelow()
	unchanged(t, r, before)
	t.Logf("%d verifications: resident before and after: containers %d and %d KiB, this process %d and %d KiB",
		n, memoryBefore>>10, memoryAfter>>10, ownBefore>>10, ownAfter>>10)
	if memoryAfter > memoryBefore+memoryBefore/10 {
		t.Errorf("the containers grew from %d to %d bytes", memoryBefore, memoryAfter)
	}
	if ownAfter > ownBefore+(24<<20) {
		t.Errorf("this process grew from %d to %d bytes", ownBefore, ownAfter)
	}
}

// resident is a process's memory, after this one's garbage is collected.
func resident(pid string) int64 {
	debug.FreeOSMemory()
	b, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return 0
	}
	return field(b, "VmRSS:")
}

// residentBelow sums the containers' init and zygote processes.
func residentBelow() int64 {
	total := int64(0)
	for _, pid := range descendantPIDs("self") {
		total += resident(pid)
	}
	return total
}
