package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// container is PID 1 of a slot. It holds the slot's capabilities, which no
// program that it starts inherits, and does what must not be left to the
// program itself: mounts, supervision, the kill and the reset.
type container struct {
	control  *control
	launcher *launcher
	watch    *supervisor
	zygote   *zygote
	bare     *bareInit // without namespaces

	mu      sync.Mutex
	running func() // kills the run that is on; nil when there is none
	mounted bool
}

// runInit serves orders until the gateway closes its end. When init ends, the
// kernel ends everything in the container.
func runInit() int {
	unix.CloseRange(controlFD+1, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
	socket, err := unix.FcntlInt(controlFD, unix.F_DUPFD_CLOEXEC, 10)
	if err != nil {
		return 1
	}
	unix.Close(controlFD)
	_ = os.WriteFile("/proc/self/comm", []byte("drover-init"), 0) // else the number of the descriptor that it was started from
	debug.SetGCPercent(25)                                        // small and steady before fast: there is one in every container
	debug.SetMemoryLimit(64 << 20)
	c, err := controlFrom(socket)
	if err != nil {
		return 1
	}
	var o order
	if _, err := c.receive(&o); err != nil || o.Boot == nil {
		return 1
	}
	k := &container{control: c}
	saw, err := k.start(o.Boot)
	if err != nil {
		return report(c, err)
	}
	if c.send(notice{Event: "ready", Seen: saw}) != nil {
		return 1
	}
	k.serve()
	if k.bare != nil {
		k.launcher.killAll()
		_ = k.bare.dropBox() // the gateway does, if this fails
	}
	return 0
}

func (k *container) start(b *boot) (*seen, error) {
	if b.Bare != nil {
		return k.startBare(b)
	}
	var saw seen
	var err error
	if k.watch, err = newSupervisor(); err != nil {
		return nil, err
	}
	saw.Proc = mountProc()
	if !saw.Proc {
		if err := coverReadOnly("/proc"); err != nil {
			return nil, err
		}
	}
	if err := unix.Sethostname([]byte("sandbox")); err != nil {
		return nil, step(err, "setting the host name")
	}
	if err := limitInit(); err != nil {
		return nil, err
	}
	if k.launcher, err = newLauncher(); err != nil {
		return nil, err
	}
	if len(b.Zygote) == 0 {
		saw.Zygote = "there is no Python interpreter"
	} else if k.zygote, err = startZygote(k.launcher, b); err != nil {
		saw.Zygote = err.Error()
	}
	return &saw, k.watch.settle(k.launcher, k.zygote != nil)
}

// initProcesses is the limit on processes of init, which needs new threads also
// while a program has all that it may have.
const initProcesses = 2 * (processLimit + initTasks)

// limitInit bounds init, for good, by what no run may exceed. A program inherits
// these until its own limits are on it: one that forks at once, or raises what it
// may, is bounded from its first instruction. Memory and processor time the
// supervisor adds up.
func limitInit() error {
	for _, l := range []limit{
		{unix.RLIMIT_CORE, 0}, {unix.RLIMIT_MEMLOCK, 0}, {unix.RLIMIT_MSGQUEUE, 0},
		{unix.RLIMIT_NPROC, initProcesses}, {unix.RLIMIT_NOFILE, descriptorLimit * 2},
		{unix.RLIMIT_FSIZE, uint64(max(fileSizeLimit, compileFileSize))},
	} {
		var now unix.Rlimit
		if err := unix.Getrlimit(l.Resource, &now); err != nil {
			return step(err, "reading limits")
		}
		most := min(l.Max, now.Max)
		if err := unix.Setrlimit(l.Resource, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return step(err, "setting limits")
		}
	}
	return nil
}

// mountProc mounts a /proc of the container's own, read-only and hiding other
// processes. It can be refused, as in a container whose own /proc is masked.
func mountProc() bool {
	for _, options := range []string{"subset=pid,hidepid=2", "hidepid=2"} {
		if unix.Mount("proc", "/proc", "proc", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, options) == nil {
			return true
		}
	}
	return false
}

func coverReadOnly(dir string) error {
	err := unix.Mount("drover", dir, "tmpfs", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=555,size=0")
	return step(err, "covering %s", dir)
}

func (k *container) serve() {
	for {
		var o order
		fds, err := k.control.receive(&o)
		if err != nil {
			return
		}
		switch o.Op {
		case "run":
			k.mu.Lock()
			busy := k.running != nil
			if !busy {
				k.running = func() {}
			}
			k.mu.Unlock()
			if busy || o.Program == nil {
				closeAll(fds)
				return
			}
			go k.run(o.Seq, o.Program, fds)
		case "reset":
			k.mu.Lock()
			if k.running == nil && k.unmountBox() != nil {
				return
			}
			k.mu.Unlock()
		case "kill":
			k.mu.Lock()
			if k.running != nil {
				k.running()
			}
			k.mu.Unlock()
		}
	}
}

// run does one program from the mount of its work folder to the reset.
func (k *container) run(seq uint64, p *program, fds []int) {
	started := time.Now()
	before := ownCPU()
	e := k.execute(p, fds)
	e.Wall = time.Since(started)
	if !p.Keep {
		if err := k.unmountBox(); err != nil {
			e.Broken = err.Error()
		}
	}
	e.Overhead += ownCPU() - before
	k.mu.Lock()
	k.running = nil
	k.mu.Unlock()
	if k.control.send(notice{Event: "exit", Seq: seq, Exit: &e}) != nil {
		os.Exit(0)
	}
}

func (k *container) execute(p *program, fds []int) exit {
	defer closeAll(fds)
	if !p.Again {
		if err := k.mountBox(p); err != nil {
			return exit{Start: err.Error(), Broken: err.Error()}
		}
	}
	if err := k.writeFiles(p); err != nil {
		return exit{Start: err.Error()}
	}
	var r run
	var err error
	if k.bare != nil {
		r, err = k.execBare(p, fds)
	} else if len(p.Argv) == 0 {
		if k.zygote == nil {
			return exit{Start: "there is no zygote"}
		}
		r, err = k.zygote.fork(p, fds)
	} else {
		r, err = k.launcher.exec(p, fds)
	}
	if err != nil {
		e := exit{Start: err.Error()}
		if errors.Is(err, errZygoteLost) || errors.Is(err, errBoxLost) {
			e.Broken = err.Error()
		}
		return e
	}
	k.mu.Lock()
	k.running = r.kill
	k.mu.Unlock()
	return k.watch.wait(r, p)
}

// mountBox gives a run a fresh work folder, bounded in size and inodes.
func (k *container) mountBox(p *program) error {
	if k.bare != nil {
		return k.bare.makeBox()
	}
	if err := k.unmountBox(); err != nil {
		return err
	}
	options := fmt.Sprintf("size=%d,nr_inodes=%d,mode=755", p.Disk, p.Inodes)
	if err := unix.Mount("drover", boxDir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		return step(err, "mounting the work folder")
	}
	k.mounted = true
	for _, dir := range []string{"/w", "/tmp", "/shm"} {
		if err := os.Mkdir(boxDir+dir, 0o700); err != nil {
			return step(err, "making the work folder")
		}
	}
	if p.GoCache {
		return layGoCache()
	}
	return nil
}

// layGoCache makes the compiler's cache of a run: Go's compiled library, and over
// it whatever the run itself adds, which goes with the work folder. The upper
// folders are made beforehand because those below belong to nobody in here.
func layGoCache() error {
	if _, err := os.Stat(goLibraryDir); err != nil {
		return nil //nolint:nilerr // there is none
	}
	upper, work, cache := boxDir+"/.go/upper", boxDir+"/.go/work", boxDir+"/tmp/"+goCacheName
	for _, dir := range []string{upper, work, cache} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return step(err, "making Go's cache")
		}
	}
	for i := range 256 {
		if err := os.Mkdir(fmt.Sprintf("%s/%02x", upper, i), 0o700); err != nil {
			return step(err, "making Go's cache")
		}
	}
	options := "lowerdir=" + goLibraryDir + ",upperdir=" + upper + ",workdir=" + work
	if unix.Mount("drover", cache, "overlay", unix.MS_NOSUID|unix.MS_NODEV, options+",userxattr") != nil {
		// A kernel without overlays in user namespaces, before Linux 5.11: the run compiles for itself.
		return os.RemoveAll(boxDir + "/.go")
	}
	return nil
}

func (k *container) unmountBox() error {
	if k.bare != nil {
		return k.bare.dropBox()
	}
	if !k.mounted {
		return nil
	}
	k.mounted = false
	// Files that a run was not to change are mounts of their own below the folder.
	return step(unix.Unmount(boxDir, unix.MNT_DETACH), "unmounting the work folder")
}

// writeFiles puts the inputs into the work folder. Nothing of an earlier
// program is there unless the caller kept the folder; then a link left by that
// program must not lead a file elsewhere, so whatever is in the way is removed.
func (k *container) writeFiles(p *program) error {
	work := boxDir + "/w/"
	if k.bare != nil {
		work = k.bare.run() + "/w/"
	}
	for name, content := range p.Files {
		if !cleanPath(name) {
			return fmt.Errorf("writing %q: not a clean relative path", name)
		}
		target := work + name
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if info, err := os.Lstat(work + dir); err == nil && !info.IsDir() {
				return fmt.Errorf("writing %q: %s is not a directory", name, dir)
			}
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			return fmt.Errorf("writing %q: %w", name, err)
		}
		if err := os.Remove(target); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("writing %q: %w", name, err)
		}
		f, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o700)
		if err != nil {
			return fmt.Errorf("writing %q: %w", name, err)
		}
		_, err = f.Write(content)
		if err := errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("writing %q: %w", name, err)
		}
		if k.bare != nil {
			if err := k.bare.handOver(name, p.Fixed); err != nil {
				return fmt.Errorf("writing %q: %w", name, err)
			}
			continue
		}
		if !p.Fixed {
			continue
		}
		if err := unix.Mount(target, target, "", unix.MS_BIND, ""); err != nil {
			return step(err, "fixing %q", name)
		}
		if err := unix.Mount("", target, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV, ""); err != nil {
			return step(err, "fixing %q", name)
		}
	}
	return nil
}

// ownCPU is init's processor time so far, children left out.
func ownCPU() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return rusageCPU(&u)
}

func rusageCPU(u *unix.Rusage) time.Duration {
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// zygote is the Python process of a container that has everything imported and
// forks once for every run.
type zygote struct {
	pid    int
	socket *control
}

var errZygoteLost = errors.New("the zygote is gone")

// zygoteReply is what the zygote says of a fork: first its pid, then how it ended.
type zygoteReply struct {
	Ready  bool   `json:"ready"`
	PID    int    `json:"pid"`
	Error  string `json:"error"`
	Status int    `json:"status"`
	CPU    int64  `json:"cpu_us"`
	MaxRSS int64  `json:"maxrss_kb"`
	Own    int64  `json:"own_us"`
}

func startZygote(l *launcher, b *boot) (*zygote, error) {
	near, far, err := controlPair()
	if err != nil {
		return nil, err
	}
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	messages, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	argv := append(append([]string{}, b.Zygote...), "-c", b.Source)
	pid, err := l.start(argv, b.Env, []int{int(null.Fd()), int(null.Fd()), int(write.Fd()), int(far.Fd())}, true)
	null.Close()
	far.Close()
	write.Close()
	if err != nil {
		return nil, err
	}
	z := &zygote{pid: pid, socket: near}
	_ = near.conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	var hello zygoteReply
	if _, err := near.receive(&hello); err != nil || !hello.Ready {
		_ = unix.Kill(pid, unix.SIGKILL)
		said, _ := io.ReadAll(io.LimitReader(messages, 4096))
		messages.Close()
		near.conn.Close()
		return nil, fmt.Errorf("%s did not start: %s", b.Zygote[0], strings.TrimSpace(hello.Error+" "+string(said)))
	}
	messages.Close()
	_ = near.conn.SetReadDeadline(time.Time{})
	return z, nil
}

func (z *zygote) fork(p *program, fds []int) (run, error) {
	spec := map[string]any{
		"role": p.Role, "argv": p.Env, "cpu": int64((p.CPU + 999*time.Millisecond) / time.Second), "memory": p.Memory,
		"procs": p.Procs, "files": descriptorLimit, "fsize": p.MaxFile, "stack": int64(stackLimit),
	}
	if err := z.socket.send(spec, fds...); err != nil {
		return run{}, errZygoteLost
	}
	var reply zygoteReply
	if _, err := z.socket.receive(&reply); err != nil {
		return run{}, errZygoteLost
	}
	if reply.Error != "" {
		return run{}, errors.New(reply.Error)
	}
	return run{
		kill: func() { _ = unix.Kill(reply.PID, unix.SIGKILL) },
		wait: func() exit {
			var end zygoteReply
			if _, err := z.socket.receive(&end); err != nil {
				return exit{Broken: errZygoteLost.Error()}
			}
			status := unix.WaitStatus(end.Status)
			e := exit{CPU: time.Duration(end.CPU) * time.Microsecond, Memory: end.MaxRSS << 10, Overhead: time.Duration(end.Own) * time.Microsecond}
			e.setStatus(status)
			return e
		},
	}, nil
}

func (e *exit) setStatus(s unix.WaitStatus) {
	if s.Signaled() {
		e.Signal, e.Code = int(s.Signal()), -1
	} else {
		e.Code = s.ExitStatus()
	}
}
