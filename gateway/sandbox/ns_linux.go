package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// nsEngine makes containers of Linux namespaces.
type nsEngine struct {
	exe    string
	root   bool
	uids   func() int // a host uid of its own for every container, when root
	tools  *tools
	cgroup string
}

func newNSEngine(t *tools, cgroup string) (*nsEngine, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this binary: %w", err)
	}
	e := &nsEngine{exe: exe, root: os.Geteuid() == 0, tools: t, cgroup: cgroup}
	if e.root {
		if err := mayAdminister(); err != nil {
			return nil, err
		}
		if e.uids, err = slotUIDs(); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// mayAdminister refuses a root that a container runtime left without
// capabilities: it can do less than a plain user, whose namespaces would be its own.
func mayAdminister() error {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&head, &data[0]); err != nil {
		return step(err, "reading this process's capabilities")
	}
	if data[0].Effective&(1<<unix.CAP_SYS_ADMIN) == 0 {
		return &stepError{"making namespaces as root", errors.New("no CAP_SYS_ADMIN")}
	}
	return nil
}

// slotUIDs hands out host uids that no account uses: high ones where this
// process's user namespace maps them, else the highest that it maps. RLIMIT_NPROC
// does not bind uid 0, and counts by uid on older kernels.
func slotUIDs() (func() int, error) {
	const start, span = 1 << 30, 1 << 20
	b, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return nil, fmt.Errorf("reading the uid map: %w", err)
	}
	top := 0
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		first, _ := strconv.Atoi(f[0])
		count, _ := strconv.Atoi(f[2])
		top = max(top, first+count-1)
	}
	if top < 1000 {
		return nil, &stepError{"choosing a uid for candidates", fmt.Errorf("this user namespace maps no unprivileged uid (up to %d)", top)}
	}
	base, size := top-1000+1, 900
	if top > start+span {
		base, size = start+(os.Getpid()%1024)*1024, 1024
	}
	var next atomic.Int64
	return func() int { return base + int(next.Add(1)-1)%size }, nil
}

func (e *nsEngine) close() error { return nil }

// openTimeout bounds the start of a container, Python's imports included.
const openTimeout = 30 * time.Second

func (e *nsEngine) open(ctx context.Context, role string) (box, error) {
	near, far, err := controlPair()
	if err != nil {
		return nil, err
	}
	stderr, err := newTail()
	if err != nil {
		far.Close()
		near.conn.Close()
		return nil, err
	}
	cmd := exec.Command(e.exe)
	cmd.Args = []string{builderName}
	cmd.Env = []string{"GOMAXPROCS=2", noExitSleep}
	cmd.Dir = "/"
	cmd.Stderr = stderr.file
	cmd.ExtraFiles = []*os.File{far}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS, Setsid: true}
	v := &view{Exe: e.exe, Show: e.tools.show, Root: e.root}
	if e.tools.goCache != nil {
		v.GoLibrary = e.tools.goCache.dir
	}
	if e.root {
		v.UID = e.uids()
	} else {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	group, err := newCgroup(e.cgroup)
	if err == nil && group != nil {
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, group.fd()
	}
	if err == nil {
		err = step(cmd.Start(), "creating user and mount namespaces")
	}
	stderr.file.Close()
	far.Close()
	if err != nil {
		near.conn.Close()
		group.close()
		return nil, err
	}
	b := &nsBox{control: near, stderr: stderr, group: group, uid: v.UID, waiting: map[uint64]*process{}, gone: make(chan struct{})}
	stop := context.AfterFunc(ctx, func() { near.conn.Close() })
	defer stop()
	_ = near.conn.SetReadDeadline(time.Now().Add(openTimeout))
	err = b.boot(v, e.tools.boot(role, pyZygote))
	_ = cmd.Wait() // the builder has said what there is to say
	if err != nil {
		near.conn.Close()
		b.reap()
		group.close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if said := stderr.text(); said != "" {
			err = fmt.Errorf("%w (%s)", err, said)
		}
		return nil, err
	}
	_ = near.conn.SetReadDeadline(time.Time{})
	go b.read()
	return b, nil
}

// nsBox is the gateway's end of a container.
type nsBox struct {
	control *control
	stderr  *tail
	group   *cgroup
	pid     int
	uid     int // the candidate's on this machine, where it is not our own; else 0
	seen    seen
	folder  string // that goes with the container; empty: none

	send    sync.Mutex
	mu      sync.Mutex
	seq     uint64
	waiting map[uint64]*process
	broken  bool
	gone    chan struct{} // closed when the reader has ended
}

func (b *nsBox) boot(v *view, boot *boot) error {
	if v != nil {
		if err := b.control.send(order{Op: "view", View: v}); err != nil {
			return step(err, "talking to the builder")
		}
	}
	if err := b.control.send(order{Op: "boot", Boot: boot}); err != nil {
		return step(err, "talking to the builder")
	}
	for {
		var n notice
		if _, err := b.control.receive(&n); err != nil {
			return step(err, "waiting for the container")
		}
		switch n.Event {
		case "init":
			b.pid = n.PID
		case "error":
			return &stepError{n.Step, errors.New(n.Error)}
		case "ready":
			if n.Seen != nil {
				b.seen = *n.Seen
			}
			return nil
		}
	}
}

// read delivers notices until the container is gone.
func (b *nsBox) read() {
	defer close(b.gone)
	for {
		var n notice
		fds, err := b.control.receive(&n)
		closeAll(fds)
		if err != nil {
			break
		}
		if n.Event != "exit" || n.Exit == nil {
			continue
		}
		b.mu.Lock()
		p := b.waiting[n.Seq]
		delete(b.waiting, n.Seq)
		if n.Exit.Broken != "" {
			b.broken = true
		}
		b.mu.Unlock()
		if p == nil {
			continue
		}
		p.exit = *n.Exit
		if n.Exit.Broken != "" {
			p.err = fmt.Errorf("%w: %s", errBoxLost, n.Exit.Broken)
		}
		close(p.done)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = true
	for seq, p := range b.waiting {
		delete(b.waiting, seq)
		p.err = errBoxLost
		close(p.done)
	}
}

func (b *nsBox) start(p *program, files ...*os.File) (*process, error) {
	done := &process{done: make(chan struct{})}
	b.mu.Lock()
	if b.broken {
		b.mu.Unlock()
		return nil, errBoxLost
	}
	b.seq++
	seq := b.seq
	b.waiting[seq] = done
	b.mu.Unlock()
	done.kill = func() { b.kill(done) }
	fds := make([]int, len(files))
	for i, f := range files {
		fds[i] = int(f.Fd())
		if b.uid > 0 {
			// Opening /dev/stdin goes by the pipe's owner.
			_ = unix.Fchown(fds[i], b.uid, b.uid)
		}
	}
	b.send.Lock()
	err := b.control.send(order{Op: "run", Seq: seq, Program: p}, fds...)
	b.send.Unlock()
	if err != nil {
		b.mu.Lock()
		delete(b.waiting, seq)
		b.broken = true
		b.mu.Unlock()
		return nil, fmt.Errorf("%w: %w", errBoxLost, err)
	}
	return done, nil
}

// kill ends the running program. A container that does not report its end in
// time is cut off, which ends everything in it.
func (b *nsBox) kill(p *process) {
	b.send.Lock()
	err := b.control.send(order{Op: "kill"})
	b.send.Unlock()
	if err == nil {
		late := time.NewTimer(stopGrace)
		again := time.NewTicker(100 * time.Millisecond) // the kill may have come before the fork
		defer late.Stop()
		defer again.Stop()
		for {
			select {
			case <-p.done:
				return
			case <-again.C:
				b.send.Lock()
				_ = b.control.send(order{Op: "kill"})
				b.send.Unlock()
				continue
			case <-late.C:
			}
			break
		}
	}
	b.mu.Lock()
	b.broken = true
	b.mu.Unlock()
	b.control.conn.Close()
}

func (b *nsBox) reset() {
	b.send.Lock()
	defer b.send.Unlock()
	_ = b.control.send(order{Op: "reset"}) // a container that is gone holds nothing
}

func (b *nsBox) zygote() string { return b.seen.Zygote }

func (b *nsBox) lost() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.broken
}

// close ends the container and returns when it is gone.
func (b *nsBox) close() {
	b.control.conn.Close()
	<-b.gone
	b.reap()
	b.group.close()
}

// reap waits for init, which ends when its control socket does.
func (b *nsBox) reap() {
	if b.pid <= 0 {
		b.stderr.close()
		return
	}
	late := time.AfterFunc(stopGrace, func() { _ = unix.Kill(b.pid, unix.SIGKILL) })
	for {
		if _, err := unix.Wait4(b.pid, nil, 0, nil); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	late.Stop()
	b.stderr.close()
	if b.folder != "" {
		_ = removeTree(path.Split(b.folder)) // init has, unless it was killed
	}
}

// tail keeps the last words of a container's own processes, for error messages.
type tail struct {
	file *os.File // the write end, until the container has it
	out  *output
}

func newTail() (*tail, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &tail{file: w, out: drain(r, 4096, func() {})}, nil
}

func (t *tail) text() string {
	s, _ := t.out.text()
	return strings.TrimSpace(s)
}

func (t *tail) close() { <-t.out.done }
