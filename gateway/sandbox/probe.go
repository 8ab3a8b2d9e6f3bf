package sandbox

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Probe is one thing that the sandbox needs, tried in the real engine.
type Probe struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Saw  string `json:"saw"`            // what happened
	Mend string `json:"mend,omitempty"` // what an admin can do; empty when OK
	Need bool   `json:"need"`           // without it nothing runs
}

// LanguageProbe begins the names of the probes of languages.
const LanguageProbe = "language "

//go:embed py/probe.py
var pyProbe string

// Probe tries in the real engine what the promises rest on: no network, no host
// files, no new namespaces, bounded processes and memory, nothing that outlives
// its run. After them comes each language with its version, or what is missing.
func (r *Runner) Probe(ctx context.Context) []Probe {
	r.probing.Lock()
	defer r.probing.Unlock()
	probes := r.probe(ctx)
	if r.remote == nil {
		probes = append(probes, r.probeLanguages(ctx)...)
	}
	return probes
}

func (r *Runner) probe(ctx context.Context) []Probe {
	if r.remote != nil {
		return r.remote.probe(ctx)
	}
	if r.engine == nil {
		return []Probe{{Name: "isolation", Saw: r.fault.Error(), Mend: mendFor(r.fault), Need: true}}
	}
	started := time.Now()
	s := &slot{runner: r}
	defer s.discard()
	b, err := s.box(ctx, roleCandidate)
	if err != nil {
		return []Probe{{Name: "isolation", Saw: err.Error(), Mend: mendFor(err), Need: true}}
	}
	probes := []Probe{{Name: "isolation", OK: true, Need: true,
		Saw: fmt.Sprintf("engine %s: a container starts in %d ms", r.Engine(), time.Since(started).Milliseconds())}}
	if r.Engine() == EngineLandlock {
		probes = append(probes, Probe{Name: "assurance", OK: true, Saw: "low for every verdict: " + landlockCaveat})
		for _, open := range LandlockLeavesOpen {
			probes = append(probes, Probe{Name: "not isolated", Saw: open})
		}
	}
	if b.zygote() == "" {
		probes = append(probes, r.probePython(ctx, s)...)
	} else {
		probes = append(probes, r.probeShell(ctx, s)...)
	}
	return probes
}

func (r *Runner) probeJob() Job {
	return Job{Language: "python", Code: pyProbe, Path: "probe.py", Limits: Limits{CPU: 2 * time.Second, Memory: 64 << 20, Output: DefaultOutput}}
}

// probePython runs a program that tries to get out, one that leaves a daemon
// behind, and one that takes too much memory.
func (r *Runner) probePython(ctx context.Context, s *slot) []Probe {
	secret, err := os.CreateTemp("", "drover-probe-")
	if err != nil {
		return []Probe{{Name: "host files", Saw: err.Error(), Mend: "make the temporary directory writable", Need: true}}
	}
	defer os.Remove(secret.Name())
	defer secret.Close()
	_ = secret.Chmod(0o644)
	_, _ = secret.WriteString("secret")
	run := func(args ...string) (map[string]string, ended, error) {
		j := r.probeJob()
		p := j.program()
		p.Role = roleMain
		e, out, text, err := s.runProgram(ctx, p, "", map[string]any{"code": j.Code, "file": "/w/probe.py", "args": args}, j)
		said := map[string]string{}
		if err == nil && args[0] == "escape" && json.Unmarshal([]byte(out), &said) != nil {
			err = fmt.Errorf("the probe said %q %q %s", shorten(out, 200), shorten(text, 200), e.trouble(""))
		}
		return said, e, err
	}
	args := []string{"escape", secret.Name()}
	names := []string{"network", "host files", "namespaces", "capabilities", "processes", "tracing"}
	if r.Engine() == EngineLandlock {
		args = append(args, strconv.Itoa(os.Getpid()))
		names = append(names, "signals", "other processes", "modes")
	}
	said, _, err := run(args...)
	if err != nil {
		return []Probe{{Name: "escape", Saw: err.Error(), Mend: mendFor(err), Need: true}}
	}
	var probes []Probe
	for _, name := range names {
		saw := said[name]
		ok := strings.HasPrefix(saw, "refused")
		probes = append(probes, Probe{Name: name, OK: ok, Saw: saw, Need: true, Mend: mendUnless(ok, "isolation is not what it must be: run on Linux 5.12 or newer, or set sandbox.engine: remote")})
	}
	// A name that no program of another slot can take: it would seem to be what is left of the probe.
	name := "drover-" + strings.ToLower(rand.Text()[:8])
	_, e, err := run("daemon", name)
	ok := err == nil && e.Code == 0
	saw := "a daemon of the run was ended with it"
	if ok && survives(name) {
		ok, saw = false, "a daemon outlived its run"
	} else if !ok {
		saw = fmt.Sprint("the daemon probe did not run: ", err, e.trouble(""))
	}
	probes = append(probes, Probe{Name: "leftovers", OK: ok, Saw: saw, Need: true, Mend: mendUnless(ok, mendIsolation)})
	_, e, err = run("memory")
	ok = err == nil && (e.Limit == "memory" || e.Code == 9)
	saw = fmt.Sprintf("many processes that together took too much were ended (limit %q)", e.Limit)
	if !ok {
		saw = fmt.Sprint("memory over many processes was not bounded: ", err, " ", e.trouble(""))
	}
	return append(probes, Probe{Name: "memory", OK: ok, Saw: saw, Need: true, Mend: mendUnless(ok, "let this process read /proc, or set sandbox.cgroup to a delegated cgroup v2 directory")})
}

// survives says whether a process of that name is still there.
func survives(name string) bool {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return false
	}
	for _, e := range entries {
		if b, err := os.ReadFile("/proc/" + e.Name() + "/comm"); err == nil && strings.TrimSpace(string(b)) == name {
			return true
		}
	}
	return false
}

// probeShell is the same for machines without Python, as far as a shell can try.
func (r *Runner) probeShell(ctx context.Context, s *slot) []Probe {
	j := r.probeJob()
	p := j.program()
	p.Argv, p.Env = []string{"sh", "-c", "cat /etc/shadow /root/.ssh/* 2>/dev/null; echo > /usr/probe 2>/dev/null && echo wrote; echo done"}, r.tools.env()
	_, out, _, err := s.runProgram(ctx, p, "", nil, j)
	ok := err == nil && strings.TrimSpace(out) == "done"
	return []Probe{{Name: "host files", OK: ok, Saw: fmt.Sprintf("a shell saw %q", shorten(out, 200)), Need: true, Mend: mendUnless(ok, mendIsolation)}}
}

// probeLanguages lists the languages, also where there is no isolation to run them in.
func (r *Runner) probeLanguages(ctx context.Context) []Probe {
	zygote := "" // why Python does not start in a container
	if r.engine != nil {
		s := &slot{runner: r}
		defer s.discard()
		if b, err := s.box(ctx, roleCandidate); err == nil {
			zygote = b.zygote()
		}
	}
	var probes []Probe
	for _, name := range languageNames {
		t := r.tools.languages[name]
		if len(t.Command) == 0 {
			continue
		}
		p := Probe{Name: LanguageProbe + name, OK: t.missing == "", Saw: t.missing}
		if p.OK {
			p.Saw = t.describe(ctx, r.tools.env())
		}
		if p.OK && name == "python" && zygote != "" {
			p.OK, p.Saw = false, zygote
		}
		if !p.OK {
			p.Mend = "install it, or set sandbox.languages." + name + ".command; its tests are unjudged until then"
		}
		probes = append(probes, p)
	}
	return probes
}

// stepError names what was being attempted, so that a probe can say how to mend it.
type stepError struct {
	step string
	err  error
}

func (e *stepError) Error() string { return e.step + ": " + e.err.Error() }
func (e *stepError) Unwrap() error { return e.err }

func step(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &stepError{fmt.Sprintf(format, args...), err}
}

const mendIsolation = "run with --security-opt seccomp=drover-seccomp.json, allow userns in AppArmor, or set sandbox.engine: remote (or landlock, which is weaker)"

func mendUnless(ok bool, mend string) string {
	if ok {
		return ""
	}
	return mend
}

// mendFor says what an admin can do about a step that failed.
func mendFor(err error) string {
	var s *stepError
	if !errors.As(err, &s) {
		return mendIsolation
	}
	switch {
	case strings.Contains(s.step, "user") && errors.Is(s.err, syscall.ENOSPC), strings.Contains(s.err.Error(), "no space left"):
		return "raise user.max_user_namespaces (sysctl), or set sandbox.engine: remote"
	case strings.Contains(s.step, "as root"):
		return "run this container as a plain user (--user 10001) with --security-opt seccomp=drover-seccomp.json, or set sandbox.engine: remote"
	case strings.Contains(s.step, "choosing a uid"):
		return "run this container with a wider uid map, or as a plain user"
	case strings.Contains(s.step, "/proc"):
		return "mount /proc for this process, on a kernel with CONFIG_PROC_CHILDREN"
	case strings.Contains(s.step, "sandbox.cgroup"):
		return "delegate the cgroup v2 directory in sandbox.cgroup to this user, with memory and pids in cgroup.subtree_control"
	case strings.Contains(s.step, "mount_setattr"):
		return "run on Linux 5.12 or newer, or set sandbox.engine: remote"
	}
	return mendIsolation
}

// describeFault is an error with its mend, in one line.
func describeFault(err error) string { return err.Error() + ": " + mendFor(err) }

// firstFault is what keeps the sandbox down; empty when every needed probe held.
func firstFault(probes []Probe) string {
	for _, p := range probes {
		if p.Need && !p.OK {
			return p.Name + ": " + p.Saw + ": " + p.Mend
		}
	}
	return ""
}

// landlockCaveat says what the landlock engine leaves open.
const landlockCaveat = "engine landlock: programs share this machine's processes, and can tell which files exist"
