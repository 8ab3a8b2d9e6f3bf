package sandbox

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// launcher is the one thread of init that starts programs. Its seccomp filter
// and its emptied capability sets are those of every program that it starts,
// so that a run pays neither for loading a filter nor for a shim process.
type launcher struct{ calls chan func() }

// run is a started program.
type run struct {
	kill func()
	wait func() exit // returns when every process of the run is gone
}

func newLauncher() (*launcher, error) {
	l := &launcher{calls: make(chan func())}
	ready := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread must not serve other goroutines
		err := confineThread()
		ready <- err
		if err != nil {
			return
		}
		for call := range l.calls {
			call()
		}
	}()
	if err := <-ready; err != nil {
		return nil, err
	}
	return l, nil
}

// confineThread gives up everything but CAP_SYS_ADMIN, which clone needs for a
// new pid namespace and which no execve hands on, and loads the filter.
func confineThread() error {
	for c := uintptr(0); c <= 63; c++ {
		if c == unix.CAP_SYS_ADMIN {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil {
			if errors.Is(err, unix.EINVAL) {
				break // past the last capability of this kernel
			}
			return step(err, "dropping capability %d", c)
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return step(err, "clearing ambient capabilities")
	}
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{{Effective: 1 << unix.CAP_SYS_ADMIN, Permitted: 1 << unix.CAP_SYS_ADMIN}}
	if err := unix.Capset(&head, &data[0]); err != nil {
		return step(err, "dropping capabilities")
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return step(err, "setting no_new_privs")
	}
	return loadFilter(argumentRules())
}

// start runs argv with the descriptors as 0, 1, 2 and so on. A privileged
// program keeps CAP_SYS_ADMIN and shares init's pid namespace; any other is
// alone in a new one, which ends with it.
func (l *launcher) start(argv, env []string, fds []int, privileged bool) (pid int, err error) {
	file, err := lookPath(argv[0], env)
	if err != nil {
		return 0, err
	}
	attr := &syscall.ProcAttr{Dir: "/", Env: env, Sys: &syscall.SysProcAttr{Setsid: true}}
	if privileged {
		attr.Sys.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN}
	} else {
		attr.Dir = boxDir + "/w"
		attr.Sys.Cloneflags = unix.CLONE_NEWPID
	}
	for _, fd := range fds {
		attr.Files = append(attr.Files, uintptr(fd))
	}
	done := make(chan struct{})
	l.calls <- func() {
		defer close(done)
		if err = limitProcesses(processLimit + initTasks); err == nil {
			pid, err = syscall.ForkExec(file, argv, attr)
			_ = limitProcesses(initProcesses) // below its hard limit, which it cannot be refused
		}
	}
	<-done
	if err != nil {
		return 0, fmt.Errorf("starting %s: %w", argv[0], err)
	}
	return pid, nil
}

// limitProcesses sets the soft limit on init's processes, and so what a program
// inherits.
func limitProcesses(n uint64) error {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NPROC, &l); err != nil {
		return err
	}
	l.Cur = min(n, l.Max)
	return unix.Setrlimit(unix.RLIMIT_NPROC, &l)
}

// lookPath finds a program as a shell would, on the PATH of env.
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, e := range env {
		dirs, ok := strings.CutPrefix(e, "PATH=")
		if !ok {
			continue
		}
		for dir := range strings.SplitSeq(dirs, ":") {
			if info, err := os.Stat(dir + "/" + name); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				return dir + "/" + name, nil
			}
		}
	}
	return "", fmt.Errorf("starting %s: not found", name)
}

// exec starts a program and puts the limits on it. In the instant in between init's
// own hold (see limitInit), and the supervisor's.
func (l *launcher) exec(p *program, fds []int) (run, error) {
	pid, err := l.start(p.Argv, p.Env, fds, false)
	if err != nil {
		return run{}, err
	}
	for _, l := range p.limits() {
		if err := unix.Prlimit(pid, l.Resource, &unix.Rlimit{Cur: l.Max, Max: l.Max}, nil); err != nil && !errors.Is(err, unix.ESRCH) {
			_ = unix.Kill(pid, unix.SIGKILL)
			waitFor(pid)
			return run{}, fmt.Errorf("limiting %s: %w", p.Argv[0], err)
		}
	}
	return run{
		kill: func() { _ = unix.Kill(pid, unix.SIGKILL) },
		wait: func() exit {
			status, usage := waitFor(pid)
			e := exit{CPU: rusageCPU(&usage), Memory: usage.Maxrss << 10}
			e.setStatus(status)
			return e
		},
	}, nil
}

// limit is one resource limit of a program.
type limit struct {
	Resource int    `json:"resource"`
	Max      uint64 `json:"max"`
}

func (p *program) limits() []limit {
	cpu := uint64((p.CPU + 999*time.Millisecond) / time.Second)
	return []limit{
		{unix.RLIMIT_CPU, cpu + 1}, {unix.RLIMIT_DATA, uint64(p.Memory)}, {unix.RLIMIT_NPROC, p.Procs},
		{unix.RLIMIT_NOFILE, descriptorLimit * 2}, {unix.RLIMIT_FSIZE, uint64(p.MaxFile)}, {unix.RLIMIT_STACK, uint64(stackLimit)},
		{unix.RLIMIT_MEMLOCK, 0}, {unix.RLIMIT_MSGQUEUE, 0}, {unix.RLIMIT_AS, uint64(addressLimit)},
	}
}

func waitFor(pid int) (unix.WaitStatus, unix.Rusage) {
	var status unix.WaitStatus
	var usage unix.Rusage
	for {
		if _, err := unix.Wait4(pid, &status, 0, &usage); !errors.Is(err, unix.EINTR) {
			return status, usage
		}
	}
}
