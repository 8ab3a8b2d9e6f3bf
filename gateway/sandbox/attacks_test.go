package sandbox

import (
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// hostile lists the programs of a kind: our own, and those beside the project.
func hostile(t *testing.T, kind string) map[string]string {
	t.Helper()
	programs := map[string]string{}
	files, err := filepath.Glob("testdata/" + kind + "/*.py")
	if err != nil || len(files) == 0 {
		t.Fatalf("no programs in testdata/%s: %v", kind, err)
	}
	for _, dir := range []string{projectRoot() + "/../shared/attacks", "testdata/shared"} {
		more, _ := filepath.Glob(dir + "/*.py")
		files = append(files, more...)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fake := strings.Contains(strings.SplitN(string(b), "\n", 2)[0], "must NOT be judged")
		if fake == (kind == "fakes") {
			programs[filepath.Base(file)] = string(b)
		}
	}
	return programs
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// footprint is what the sandbox holds of the machine between two runs.
type footprint struct {
	descriptors, mounts int
	processes           []string // commands of all descendants
	slots               []string // descriptors and mounts of each container's init
}

func measure(t *testing.T, r *Runner) footprint {
	t.Helper()
	var f footprint
	if entries, err := os.ReadDir("/proc/self/fd"); err == nil {
		f.descriptors = len(entries)
	}
	f.mounts = countLines(t, "/proc/self/mountinfo")
	f.processes = descendants(strconv.Itoa(os.Getpid()))
	slices.Sort(f.processes)
	for _, s := range r.all {
		for _, b := range []box{s.candidate, s.tests} {
			if b, ok := b.(*nsBox); ok && b != nil {
				entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", b.pid))
				if err != nil {
					t.Fatal(err)
				}
				f.slots = append(f.slots, fmt.Sprintf("%d descriptors, %d mounts", len(entries), countLines(t, fmt.Sprintf("/proc/%d/mountinfo", b.pid))))
			}
		}
	}
	return f
}

// countLines leaves out the disks that tests of other packages fill meanwhile.
func countLines(t *testing.T, file string) int {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(b), "\n") - strings.Count(string(b), " small-disk ")
}

// descendants are the commands of all processes below one.
func descendants(pid string) []string {
	var out []string
	for _, child := range descendantPIDs(pid) {
		name, _ := os.ReadFile("/proc/" + child + "/comm")
		out = append(out, strings.TrimSpace(string(name)))
	}
	return out
}

// TestAttacksDoNoHarm runs hostile programs four at a time, and looks at the
// machine and the slots after each four: a share that is drawn by a fixed seed
// (another one for a plain user), with -all every one.
func TestAttacksDoNoHarm(t *testing.T) {
	canary := filepath.Join(os.TempDir(), "drover-canary")
	if err := os.MkdirAll(canary, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(canary) })
	if err := os.WriteFile(canary+"/canary.txt", []byte("canary"), 0o666); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:47811")
	if err == nil {
		defer listener.Close()
		go func() {
			for {
				c, err := listener.Accept()
				if err != nil {
					return
				}
				t.Error("a program reached the machine's loopback")
				c.Close()
			}
		}()
	}
	if abstract, err := net.Listen("unix", "@drover-canary"); err == nil {
		defer abstract.Close()
	}
	const atOnce = 4 // slots, and programs that run beside each other: most of them wait
	r := testRunner(t, Config{Parallel: atOnce})
	for range atOnce { // so that every slot has its containers
		s := <-r.slots
		for _, role := range []string{roleCandidate, roleTests} {
			if _, err := s.box(t.Context(), role); err != nil {
				t.Fatal(err)
			}
		}
		r.slots <- s
	}
	healthy(t, r)
	before := measure(t, r)
	programs := hostile(t, "attacks")
	names := share(slices.Sorted(maps.Keys(programs)), 16)
	if i := slices.Index(names, "planted.py"); i >= 0 {
		names = append(slices.Delete(names, i, i+1), "planted.py") // after the others
	}
	for some := range slices.Chunk(names, atOnce) {
		t.Run(strings.Join(some, ","), func(t *testing.T) {
			var group sync.WaitGroup
			for _, name := range some {
				group.Go(func() { attack(t, r, name, programs[name]) })
			}
			group.Wait()
			healthy(t, r)
			unchanged(t, r, before)
		})
	}
}

// attack runs a hostile program as the program itself and, with -all, as a
// solution under test as well.
func attack(t *testing.T, r *Runner, name, code string) {
	limits := Limits{CPU: 200 * time.Millisecond, Memory: 256 << 20, slack: 500 * time.Millisecond}
	if r.Engine() == EngineLandlock {
		limits.CPU = time.Second // the interpreter's start is in it
		if strings.HasPrefix(name, "cpu_") {
			limits.CPU = 300 * time.Millisecond // these go by what they have used
		}
	}
	switch name {
	case "memory_shared.py", "memory_shared_exec.py", "memory_sockets.py", "memory_dead_leader.py", "memory_mappings.py":
		limits.CPU = time.Second // else it would be that limit that ends them
	}
	jobs := []Job{
		{Code: code, Cases: []Case{{Stdout: "what is not printed"}}, Limits: limits},
		{Code: code, Tests: []string{"assert f(3) == 9"}, Limits: limits},
	}
	if !*all {
		jobs = jobs[:1]
	}
	for _, job := range jobs {
		start := time.Now()
		report, err := r.Run(t.Context(), job)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		t.Logf("%s: %s; %s of processor time, %s, %s on the clock", name, report.Failure, report.CPU, Bytes(report.Memory), time.Since(start))
		if report.Verdict != Failed {
			t.Errorf("%s: got %s: %+v", name, report.Verdict, report)
		}
		for line := range strings.Lines(report.Output) {
			if strings.Contains(line, "ESCAPED") || strings.Contains(line, "WRITABLE") {
				t.Errorf("%s: %s", name, line)
			}
		}
		if took := time.Since(start); took > limits.wall()+6*time.Second {
			t.Errorf("%s: took %s", name, took)
		}
	}
}

// unchanged fails the test unless the footprint is what it was, or soon is: others
// mount and unmount on this machine too, and what a program left would stay.
func unchanged(t *testing.T, r *Runner, before footprint) {
	t.Helper()
	after := measure(t, r)
	for range 500 {
		if sameFootprint(before, after) {
			return
		}
		time.Sleep(20 * time.Millisecond)
		after = measure(t, r)
	}
	t.Errorf("before %+v, after %+v", before, after)
}

func sameFootprint(a, b footprint) bool {
	return b.descriptors <= a.descriptors && a.mounts == b.mounts && slices.Equal(a.processes, b.processes) && slices.Equal(a.slots, b.slots)
}

// healthy fails the test unless a right solution passes and a wrong one fails, at once.
func healthy(t *testing.T, r *Runner) {
	t.Helper()
	for code, want := range map[string]Verdict{square: Passed, "def f(x):\n    return 0\n": Failed} {
		report, err := r.Run(t.Context(), Job{Code: code, Tests: []string{"for x in (3, 4, -1):\n    assert f(x) == x * x"}})
		if err != nil || report.Verdict != want {
			t.Fatalf("the slot is not healthy: %+v, %v", report, err)
		}
	}
}

// fakeJobs are the same three checks in every framework.
func fakeJobs(code string) map[string]Job {
	limits := Limits{CPU: 300 * time.Millisecond, slack: time.Second}
	unit := "import unittest\nfrom solution import f\nclass T(unittest.TestCase):\n" +
		"    def test_a(self):\n        self.assertEqual(f(3), 9)\n    def test_b(self):\n        self.assertEqual(f(4), 16)\n    def test_c(self):\n        self.assertEqual(f(-1), 1)\n"
	return map[string]Job{
		"assert":   {Code: code, EntryPoint: "f", Tests: []string{"assert f(3) == 9\nassert f(4) == 16\nassert f(-1) == 1\n"}, Limits: limits},
		"check":    {Code: code, EntryPoint: "f", Framework: FrameworkAssert, Tests: []string{"def check(candidate):\n    assert candidate(3) == 9\n    assert candidate(4) == 16\n    assert candidate(-1) == 1\n"}, Limits: limits},
		"close":    {Code: code, EntryPoint: "f", Tests: []string{"assert abs(f(3) - 9) < 1e-6\nassert abs(f(4) - 16) < 1e-6\nassert abs(f(-1) - 1) < 1e-6\n"}, Limits: limits},
		"pair":     {Code: code, EntryPoint: "f", Tests: []string{"for x, y in ((3, 9), (4, 16), (-1, 1)):\n    assert f(x) == y\n    assert y == f(x)\n    assert abs(f(x) - y) < 1e-6\n    assert f(x) in (y,)\n"}, Limits: limits},
		"math":     {Code: code, EntryPoint: "f", Tests: []string{"import math\nassert all(math.isclose(f(x), y) for x, y in ((3, 9), (4, 16), (-1, 1)))\n"}, Limits: limits},
		"pytest":   {Code: code, Tests: []string{"import pytest\nfrom solution import f\n@pytest.mark.parametrize('x,y', [(3, 9), (4, 16), (-1, 1)])\ndef test_f(x, y):\n    assert f(x) == pytest.approx(y)\ndef test_g():\n    assert f(3) == 9\n"}, Limits: limits},
		"unittest": {Code: code, Tests: []string{unit}, Limits: limits},
		"doctest":  {Code: code, Tests: []string{">>> f(3)\n9\n>>> f(4)\n16\n>>> f(-1)\n1\n"}, Limits: limits},
		"stdio":    {Code: code + "\nif __name__ == '__main__':\n    print(f(int(input())))\n", Cases: []Case{{Stdin: "3", Stdout: "9"}, {Stdin: "4", Stdout: "16"}, {Stdin: "-1", Stdout: "1"}}, Limits: limits},
		"command":  {Code: code, Framework: FrameworkCommand, Command: []string{"python3", "-m", "unittest", "test_f.py"}, Files: map[string][]byte{"test_f.py": []byte(unit)}, Limits: limits},
		"shared":   {Code: code, Framework: FrameworkUnittest, Tests: []string{"from unittest import mock\n" + unit}, Limits: limits},
	}
}

// TestFakesNeverPass judges a share of the fakes, each in the pair and in some of
// the frameworks, with -all every one in each.
func TestFakesNeverPass(t *testing.T) {
	r := commonRunner(t)
	fakeJobs := func(code string) map[string]Job {
		jobs := fakeJobs(code)
		for name, job := range jobs {
			if r.Engine() == EngineLandlock {
				job.Limits.CPU += time.Second // the interpreter's starts are in it
			}
			jobs[name] = job
		}
		return jobs
	}
	for name, job := range fakeJobs("def f(x):\n    return x * x\n") {
		job.Limits = Limits{} // a busy machine must not fail it
		if report, err := r.Run(t.Context(), job); err != nil || report.Verdict != Passed {
			t.Errorf("%s: a right solution got %+v, %v", name, report, err)
		}
	}
	programs := hostile(t, "fakes")
	names := share(slices.Sorted(maps.Keys(programs)), 20)
	var jobs []Job
	var labels []string
	for i, name := range names {
		byFramework := fakeJobs(programs[name])
		for k, framework := range slices.Sorted(maps.Keys(byFramework)) {
			switch {
			case *all, framework == "pair":
			case name == "hang.py", name == "patch_harness.py": // they cost the whole wall clock in each
				continue
			case (i+k)%4 != 0: // each framework meets every fourth fake, each fake a quarter of the frameworks
				continue
			}
			jobs, labels = append(jobs, byFramework[framework]), append(labels, name+" in "+framework)
		}
	}
	judgeAll(t, r, jobs, func(i int, report Report) {
		if report.Verdict == Passed {
			t.Errorf("%s passed (%s, %s): %+v", labels[i], report.Protocol, report.Assurance, report.Checks)
		}
		if report.Verdict == Unjudged {
			t.Errorf("%s was not judged: %s", labels[i], report.Detail)
		}
	})
	t.Logf("%d fakes, judged %d times", len(names), len(jobs))
	healthy(t, r)
}

// TestAsPlainUser runs the attacks again under an unprivileged uid, from a copy of
// the test binary that it can read; and with -all what else depends on the user.
func TestAsPlainUser(t *testing.T) {
	t.Parallel()
	run := "TestAttacksDoNoHarm"
	if *all {
		run += "|TestFakesNeverPass|TestLocksStayInside|TestRunJudgesEveryFramework"
	}
	asPlainUser(t, nil, "-test.run", "^("+run+")$")
}

func asPlainUser(t *testing.T, env []string, args ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("this is a plain user already")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/var/tmp", "drover-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.CopyFS(dir+"/testdata", os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	if beside := projectRoot() + "/../shared/attacks"; isDir(beside) {
		if err := os.CopyFS(dir+"/testdata/shared", os.DirFS(beside)); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/sandbox.test", b, 0o755); err != nil {
		t.Fatal(err)
	}
	const uid = 61234
	if out, err := exec.CommandContext(t.Context(), "chown", "-R", strconv.Itoa(uid), dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), dir+"/sandbox.test", append([]string{"-test.timeout", "5m"}, args...)...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir, "GORACE=atexit_sleep_ms=0"}
	cmd.Env = append(cmd.Env, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("as uid %d: %v\n%s", uid, err, out)
	}
}

func descendantPIDs(pid string) []string {
	var out []string
	tasks, _ := filepath.Glob("/proc/" + pid + "/task/*/children")
	for _, file := range tasks {
		b, _ := os.ReadFile(file)
		for _, child := range strings.Fields(string(b)) {
			out = append(append(out, child), descendantPIDs(child)...)
		}
	}
	return out
}
