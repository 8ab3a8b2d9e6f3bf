package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// shimName is this binary between a run's fork and its program.
const shimName = "drover-sandbox-shim"

// shim is what the shim is told.
type shim struct {
	Folder string   `json:"folder"` // that the program may write to
	Show   []string `json:"show"`
	Files  int      `json:"files"` // descriptors of the program; the shim reports on the next one
	Limits []limit  `json:"limits"`
	Env    []string `json:"env"` // of the program
}

// startBare makes this process the init of a box without namespaces: orphans of
// a run become its children, and its launcher can end all of them at once.
func (k *container) startBare(b *boot) (*seen, error) {
	var err error
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, step(err, "adopting orphans")
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return nil, step(err, "setting limits")
	}
	if k.watch, err = newSupervisor(); err != nil {
		return nil, err
	}
	k.watch.bare = b.Bare.Folder + "/run"
	k.bare = &bareInit{bareBox: b.Bare, boot: b}
	// Held open: the programs' uid may not be able to walk to it.
	if k.bare.exe, err = unix.Open("/proc/self/exe", unix.O_PATH|unix.O_CLOEXEC, 0); err != nil {
		return nil, step(err, "opening this binary")
	}
	k.launcher = &launcher{calls: make(chan func())}
	ready := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: its rights are those of the programs
		err := b.Bare.confineThread()
		ready <- err
		if err != nil {
			return
		}
		for call := range k.launcher.calls {
			call()
		}
	}()
	if err := <-ready; err != nil {
		return nil, err
	}
	saw := &seen{}
	if len(b.Zygote) == 0 {
		saw.Zygote = "there is no Python interpreter"
	}
	return saw, nil
}

// confineThread gives the calling thread the programs' uid, and a domain outside
// of which it can signal nothing.
func (b *bareBox) confineThread() error {
	if b.UID > 0 {
		id := uintptr(b.UID)
		if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0); errno != 0 {
			return step(errno, "leaving groups")
		}
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, id, id, id); errno != 0 {
			return step(errno, "becoming gid %d", b.UID)
		}
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, id, id, id); errno != 0 {
			return step(errno, "becoming uid %d", b.UID)
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return step(err, "setting no_new_privs")
	}
	if landlockABI() < landlockForUser {
		return nil // root: the uid is the bound
	}
	r, err := newRuleset(false)
	if err != nil {
		return err
	}
	return r.restrict()
}

// bareInit is what an init without namespaces knows.
type bareInit struct {
	*bareBox
	boot *boot
	exe  int
}

func (i *bareInit) run() string { return i.Folder + "/run" }

// place puts the real work folder where the gateway names the container's.
func (i *bareInit) place(s string) string {
	for at, real := range map[string]string{"/w": i.run() + "/w", "/tmp": i.run() + "/tmp"} {
		if s == at || strings.HasPrefix(s, at+"/") {
			return real + s[len(at):]
		}
	}
	return s
}

// makeBox makes a fresh work folder.
func (i *bareInit) makeBox() error {
	if err := i.dropBox(); err != nil {
		return err
	}
	for _, dir := range []string{"", "/w", "/tmp"} {
		err := os.Mkdir(i.run()+dir, 0o700)
		if err == nil && i.UID > 0 {
			err = os.Lchown(i.run()+dir, i.UID, i.UID)
		}
		if err != nil {
			return step(err, "making the work folder")
		}
	}
	return nil
}

// handOver makes a file, and the folders that it lies in, the programs' own. A
// fixed file stays init's where the programs have another uid; else they could
// change it, and nothing here forbids that.
func (i *bareInit) handOver(name string, fixed bool) error {
	if i.UID == 0 {
		return nil
	}
	work := i.run() + "/w/"
	if fixed {
		if err := os.Chmod(work+name, 0o755); err != nil {
			return err
		}
	} else if err := os.Lchown(work+name, i.UID, i.UID); err != nil {
		return err
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if err := os.Lchown(work+dir, i.UID, i.UID); err != nil {
			return err
		}
	}
	return nil
}

// dropBox removes the work folder of a run whose processes are gone.
func (i *bareInit) dropBox() error {
	err := removeTree(i.Folder, "run")
	return step(err, "removing the work folder")
}

// removeTree removes what a program left, folders that it locked included.
func removeTree(parent, name string) error {
	path := parent + "/" + name
	if err := os.RemoveAll(path); err == nil {
		return nil
	}
	root, err := os.OpenRoot(parent)
	if err != nil {
		return err
	}
	defer root.Close()
	_ = unlock(root, name)
	return os.RemoveAll(path)
}

// unlock makes every folder of a tree one that can be emptied.
func unlock(parent *os.Root, name string) error {
	info, err := parent.Lstat(name)
	if err != nil || !info.IsDir() {
		return err
	}
	if err := parent.Chmod(name, 0o700); err != nil {
		return err
	}
	dir, err := parent.OpenRoot(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	entries, err := fs.ReadDir(dir.FS(), ".")
	for _, e := range entries {
		err = errors.Join(err, unlock(dir, e.Name()))
	}
	return err
}

// killAll ends every process of the run at once: the launcher's thread may signal
// the programs' domain, or uid, and nothing else.
func (l *launcher) killAll() {
	done := make(chan struct{})
	l.calls <- func() {
		_ = unix.Kill(-1, unix.SIGKILL) // ESRCH when there is none
		close(done)
	}
	<-done
}

// execBare starts a run through the shim.
func (k *container) execBare(p *program, fds []int) (run, error) {
	i := k.bare
	env := append([]string(nil), p.Env...)
	argv := make([]string, len(p.Argv))
	for n, arg := range p.Argv {
		argv[n] = i.place(arg)
	}
	if len(argv) == 0 {
		if len(i.boot.Zygote) == 0 {
			return run{}, errors.New("there is no Python interpreter")
		}
		spec, err := json.Marshal(map[string]any{"role": p.Role, "work": i.run() + "/w", "files": descriptorLimit, "memory": p.Memory})
		if err != nil {
			return run{}, err
		}
		argv, env = append(append(argv, i.boot.Zygote...), "-c", i.boot.Source, string(spec)), append(env, i.boot.Env...)
	}
	for n, e := range env {
		if name, value, ok := strings.Cut(e, "="); ok {
			env[n] = name + "=" + i.place(value)
		}
	}
	if _, err := lookPath(argv[0], env); err != nil {
		return run{}, err
	}
	said, report, err := os.Pipe()
	if err != nil {
		return run{}, err
	}
	defer said.Close()
	limited := *p
	if i.UID == 0 {
		limited.Procs += tasksOfUser(os.Geteuid()) // the limit counts all that the user has
	}
	order, err := json.Marshal(shim{Folder: i.run(), Show: i.Show, Files: len(fds), Limits: limited.limits(), Env: env})
	if err != nil {
		report.Close()
		return run{}, err
	}
	attr := &syscall.ProcAttr{Dir: "/", Env: []string{noExitSleep}, Sys: &syscall.SysProcAttr{Setsid: true}}
	for _, fd := range fds {
		attr.Files = append(attr.Files, uintptr(fd))
	}
	attr.Files = append(attr.Files, report.Fd())
	pid := 0
	done := make(chan struct{})
	k.launcher.calls <- func() {
		pid, err = syscall.ForkExec(fmt.Sprintf("/proc/self/fd/%d", i.exe), append([]string{shimName, string(order)}, argv...), attr)
		close(done)
	}
	<-done
	report.Close()
	if err != nil {
		return run{}, fmt.Errorf("%w: starting the shim: %w", errBoxLost, err)
	}
	r := run{kill: k.launcher.killAll, wait: func() exit { return waitForAll(pid, k.launcher.killAll) }}
	b, err := io.ReadAll(io.LimitReader(said, 4096))
	why, confined := strings.CutPrefix(string(b), shimConfined)
	switch {
	case err == nil && confined && why == "":
		return r, nil
	case why == "":
		why = "the shim ended early"
	}
	r.kill()
	r.wait()
	if confined {
		if n, err := strconv.Atoi(why); err == nil {
			why = syscall.Errno(n).Error()
		}
		return run{}, fmt.Errorf("starting %s: %s", argv[0], why)
	}
	return run{}, fmt.Errorf("%w: %s", errBoxLost, why)
}

// shimConfined is what the shim says when nothing is left to do but the exec.
const shimConfined = "confined\n"

// runShim confines its thread and becomes the program. What fails is said on the
// descriptor after the program's own, which closes when the program is there.
func runShim() int {
	runtime.LockOSThread()
	var s shim
	if len(os.Args) < 3 || json.Unmarshal([]byte(os.Args[1]), &s) != nil {
		return 1
	}
	unix.CloseRange(uint(s.Files), ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
	if err := s.confine(); err != nil {
		_, _ = unix.Write(s.Files, []byte(err.Error()))
		return 1
	}
	argv := os.Args[2:]
	file, err := lookPath(argv[0], s.Env)
	if err == nil {
		err = s.exec(file, argv, s.Env)
	}
	_, _ = unix.Write(s.Files, []byte(shimConfined+err.Error()))
	return 1
}

// exec sets the limits and becomes the program. In between nothing may allocate
// or start a thread, which the limits are too narrow for.
func (s shim) exec(file string, argv, env []string) error {
	path, err := syscall.BytePtrFromString(file)
	if err != nil {
		return err
	}
	args, err := syscall.SlicePtrFromStrings(argv)
	if err != nil {
		return err
	}
	vars, err := syscall.SlicePtrFromStrings(env)
	if err != nil {
		return err
	}
	said := []byte(shimConfined)
	for i := range s.Limits {
		r := unix.Rlimit{Cur: s.Limits[i].Max, Max: s.Limits[i].Max}
		if _, _, errno := unix.RawSyscall6(unix.SYS_PRLIMIT64, 0, uintptr(s.Limits[i].Resource), uintptr(unsafe.Pointer(&r)), 0, 0, 0); errno != 0 {
			return errno
		}
	}
	_, _, _ = unix.RawSyscall(unix.SYS_WRITE, uintptr(s.Files), uintptr(unsafe.Pointer(&said[0])), uintptr(len(said)))
	_, _, errno := unix.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&args[0])), uintptr(unsafe.Pointer(&vars[0])))
	var text [2]byte // its number: making words of it may be more than the limits leave
	text[0], text[1] = byte('0'+errno/10%10), byte('0'+errno%10)
	_, _, _ = unix.RawSyscall(unix.SYS_WRITE, uintptr(s.Files), uintptr(unsafe.Pointer(&text[0])), 2)
	_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, 1, 0, 0)
	return errno
}

func (s shim) confine() error {
	if err := os.Chdir(s.Folder + "/w"); err != nil {
		return step(err, "entering the work folder")
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return step(err, "setting no_new_privs")
	}
	r, err := newRuleset(true)
	if err != nil {
		return err
	}
	if err := r.allowPrograms(s.Folder, s.Show); err != nil {
		return err
	}
	if err := r.restrict(); err != nil {
		return err
	}
	return loadFilter(bareRules())
}

// waitForAll reaps the run's processes, its orphans included, and ends those that
// outlive the first.
func waitForAll(first int, kill func()) exit {
	var e exit
	for {
		var status unix.WaitStatus
		var usage unix.Rusage
		pid, err := unix.Wait4(-1, &status, 0, &usage)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil: // there is none left
			return e
		}
		e.CPU += rusageCPU(&usage)
		e.Memory = max(e.Memory, usage.Maxrss<<10)
		if pid == first {
			e.setStatus(status)
			kill()
		}
	}
}

// tasksOfUser counts the threads of a user.
func tasksOfUser(uid int) uint64 {
	entries, _ := os.ReadDir("/proc")
	var n uint64
	for _, e := range entries {
		b, err := os.ReadFile("/proc/" + e.Name() + "/status")
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(b), "\nUid:")
		if f := strings.Fields(rest); len(f) == 0 || f[0] != strconv.Itoa(uid) {
			continue
		}
		_, rest, _ = strings.Cut(string(b), "\nThreads:")
		if f := strings.Fields(rest); len(f) > 0 {
			threads, _ := strconv.ParseUint(f[0], 10, 64)
			n += threads
		}
	}
	return n
}

// folderUse sums what a work folder holds, in bytes and in entries, as far as
// either limit.
func folderUse(dir string, disk, inodes int64) (bytes, entries int64) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, 0
	}
	defer root.Close()
	_ = fs.WalkDir(root.FS(), ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // it went, or nobody may look
		}
		entries++
		if info, err := d.Info(); err == nil {
			if stat, ok := info.Sys().(*syscall.Stat_t); ok {
				bytes += stat.Blocks * 512
			}
		}
		if bytes > disk || entries > inodes {
			return fs.SkipAll
		}
		return nil
	})
	return bytes, entries
}
