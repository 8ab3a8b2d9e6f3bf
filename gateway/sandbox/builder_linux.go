package sandbox

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Names under which this binary runs itself again. They cannot be typed as a
// command by accident, and do nothing without a control socket.
const (
	builderName  = "drover-sandbox-builder"
	initName     = "drover-sandbox-init"
	boxDir       = "/box"   // the one writable mount
	goLibraryDir = "/golib" // Go's compiled library, where there is one
	emptyDir     = "/empty" // while the view is built: the other layer of an overlay
	candidateUID = 1000     // inside the container
	controlFD    = 3
)

// noExitSleep spares builder and init, when built with the race detector, the
// second that it sleeps at exit.
const noExitSleep = "GORACE=atexit_sleep_ms=0"

// view is the file system that a container shows.
type view struct {
	Exe  string   `json:"exe"`  // this binary
	Show []string `json:"show"` // host directories shown read-only at the same place
	Root bool     `json:"root"` // the builder is the machine's root, not that of a user namespace
	UID  int      `json:"uid"`  // host uid of the candidate, when Root

	GoLibrary string `json:"go_library,omitempty"` // host directory shown as goLibraryDir; empty: none
}

// Init makes this binary a container's builder or init when it was started as
// one, and then does not return. It must be the first call of main.
func Init() {
	switch os.Args[0] {
	case builderName:
		os.Exit(runBuilder())
	case initName:
		os.Exit(runInit())
	case shimName:
		os.Exit(runShim())
	}
}

// runBuilder builds the container's view in a mount namespace of its own, starts
// init in all the other namespaces as the gateway's child, and ends. It is a
// step apart because init, mapped to an unprivileged uid, could not read what
// only root may reach (an interpreter under /root), while mounts made by root
// stay locked for init and everything below it.
func runBuilder() int {
	unix.CloseRange(controlFD+1, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
	socket, err := unix.FcntlInt(controlFD, unix.F_DUPFD_CLOEXEC, 10)
	if err != nil {
		return 1
	}
	c, err := controlFrom(socket)
	if err != nil {
		return 1
	}
	var o order
	if _, err := c.receive(&o); err != nil || o.View == nil {
		return 1
	}
	// Held open rather than shown: a mount would tell programs where it lies.
	exe, err := unix.Open(o.View.Exe, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return report(c, step(err, "opening this binary"))
	}
	pid := 0
	if err = o.View.build(); err == nil {
		pid, err = o.View.startInit(exe)
	}
	if err != nil {
		return report(c, err)
	}
	if c.send(notice{Event: "init", PID: pid}) != nil {
		return 1
	}
	return 0
}

func report(c *control, err error) int {
	n := notice{Event: "error", Error: err.Error()}
	var s *stepError
	if errors.As(err, &s) {
		n.Step, n.Error = s.step, s.err.Error()
	}
	_ = c.send(n) // the gateway may be gone; there is nobody else to tell
	return 1
}

// startInit clones init into its namespaces. CLONE_PARENT makes it the
// gateway's child, which can then wait for it, and spares a waiting builder.
func (v *view) startInit(exe int) (int, error) {
	host := 0 // the builder's user namespace maps its own user to 0
	if v.Root {
		host = v.UID
	}
	pid, err := syscall.ForkExec(fmt.Sprintf("/proc/self/fd/%d", exe), []string{initName}, &syscall.ProcAttr{
		Dir:   "/",
		Env:   []string{noExitSleep, "GOMAXPROCS=2", "GOGC=200", "PATH=/usr/local/bin:/usr/bin:/bin"},
		Files: []uintptr{0, 1, 2, controlFD},
		Sys: &syscall.SysProcAttr{
			Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET |
				unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP | unix.CLONE_PARENT,
			UidMappings:                []syscall.SysProcIDMap{{ContainerID: candidateUID, HostID: host, Size: 1}},
			GidMappings:                []syscall.SysProcIDMap{{ContainerID: candidateUID, HostID: host, Size: 1}},
			GidMappingsEnableSetgroups: v.Root,
			Credential:                 &syscall.Credential{Uid: candidateUID, Gid: candidateUID, NoSetGroups: !v.Root},
			// CAP_DAC_OVERRIDE is for an overlay's work folder, which has no permissions;
			// here it reaches the candidate's own files only, no other uid being mapped.
			AmbientCaps: []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SETPCAP, unix.CAP_SYS_PTRACE, unix.CAP_DAC_OVERRIDE},
			Setsid:      true,
		},
	})
	return pid, step(err, "starting init in user, pid, mount, net, ipc, uts and cgroup namespaces")
}

// build makes the root file system and pivots into it.
func (v *view) build() error {
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		return step(err, "making mounts private")
	}
	// The staging tmpfs goes over /tmp only until the first pivot uncovers it again.
	if err := unix.Mount("drover", "/tmp", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
		return step(err, "mounting a tmpfs on /tmp")
	}
	for _, dir := range []string{"/tmp/old", "/tmp/new", "/tmp" + emptyDir} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	if err := unix.PivotRoot("/tmp", "/tmp/old"); err != nil {
		return step(err, "pivot_root")
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	if err := unix.Mount("drover", "/new", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755,size=4m"); err != nil {
		return step(err, "mounting the root tmpfs")
	}
	if err := v.fill(); err != nil {
		return err
	}
	if err := unix.Mount("", "/new", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV, ""); err != nil {
		return step(err, "making the root read-only")
	}
	if err := os.Chdir("/new"); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return step(err, "pivot_root")
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return step(err, "unmounting the old root")
	}
	return step(os.Chdir("/"), "entering the new root")
}

// systemLinks are directories that most distributions make links into /usr.
var systemLinks = []string{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}

// maxCopied is the size up to which a single file is copied rather than mounted.
const maxCopied = 1 << 20

// etcShown are the parts of /etc that programs need: the loader's cache, and
// which compiler is the default.
var etcShown = []string{"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives"}

func (v *view) fill() error {
	for _, dir := range []string{"/dev", "/etc", "/proc", "/run", "/var", boxDir, "/usr"} {
		if err := os.MkdirAll("/new"+dir, 0o755); err != nil {
			return err
		}
	}
	if err := show("/usr"); err != nil {
		return err
	}
	if err := v.showLocal(); err != nil {
		return err
	}
	for _, dir := range systemLinks {
		if target, err := os.Readlink("/old" + dir); err == nil {
			if err := os.Symlink(target, "/new"+dir); err != nil {
				return err
			}
			continue
		}
		if err := show(dir); err != nil {
			return err
		}
	}
	for _, path := range append(etcShown, "/dev/null", "/dev/full", "/dev/random", "/dev/urandom") {
		if err := show(path); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{
		"passwd":        "candidate:x:1000:1000::/w:/bin/sh\n",
		"group":         "candidate:x:1000:\n",
		"hosts":         "127.0.0.1 localhost\n",
		"nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
	} {
		if err := os.WriteFile("/new/etc/"+name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := makeZero("/new/dev/zero"); err != nil {
		return err
	}
	for name, target := range map[string]string{
		"/tmp": "box/tmp", "/w": "box/w", "/var/tmp": "../box/tmp", "/dev/shm": "../box/shm",
		"/dev/fd": "/proc/self/fd", "/dev/stdin": "/proc/self/fd/0",
		"/dev/stdout": "/proc/self/fd/1", "/dev/stderr": "/proc/self/fd/2",
	} {
		if err := os.Symlink(target, "/new"+name); err != nil {
			return err
		}
	}
	for _, path := range v.Show {
		if underLocal(path) {
			continue
		}
		if err := show(path); err != nil {
			return err
		}
	}
	if v.GoLibrary != "" {
		if err := showAt(v.GoLibrary, goLibraryDir); err != nil {
			return err
		}
	}
	// The machine's /proc is here for init alone, which covers it.
	err := unix.Mount("/old/proc", "/new/proc", "", unix.MS_BIND|unix.MS_REC, "")
	return step(err, "binding /proc")
}

// localShown are the parts of /usr/local that compilers, loaders and interpreters
// of the system search.
var localShown = []string{"/usr/local/include", "/usr/local/lib", "/usr/local/lib64"}

// showLocal covers what an admin has put into /usr/local, but for libraries and
// the tools in use.
func (v *view) showLocal() error {
	const local = "/usr/local"
	if info, err := os.Lstat("/old" + local); err != nil || !info.IsDir() {
		return nil //nolint:nilerr // a link leads to where nothing is shown
	}
	if err := unix.Mount("drover", "/new"+local, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755,size=64k"); err != nil {
		return step(err, "covering %s", local)
	}
	for _, path := range slices.Concat(localShown, v.Show) {
		if !underLocal(path) {
			continue
		}
		if err := show(path); err != nil {
			return err
		}
	}
	err := unix.Mount("", "/new"+local, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV, "")
	return step(err, "making %s read-only", local)
}

// makeZero makes a file that reads as zeros for longer than anyone reads. The
// device itself gives to whoever maps it memory that no limit counts; of this
// file, mapped pages are bounded by the size of the root.
func makeZero(file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY, 0o444)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(1<<50), f.Close())
}

// show makes a host path readable at the same place; what the host lacks is
// left out. Folders made on the way can be walked through but not listed: they
// stand for places such as /root.
func show(path string) error { return showAt(path, path) }

func showAt(path, at string) error {
	info, err := os.Stat("/old" + path)
	if err != nil {
		return nil //nolint:nilerr // what is not there needs no showing
	}
	target := "/new" + at
	if err := makeParents(at); err != nil {
		return err
	}
	if info.IsDir() {
		err = os.Mkdir(target, 0o755)
	} else {
		err = os.WriteFile(target, nil, 0o644)
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		if strings.HasPrefix(path, "/usr/") {
			return nil // inside a mount that shows it already
		}
		return err
	}
	if info.IsDir() && overlayReadOnly("/old"+path, target) {
		return nil
	}
	if info.Mode().IsRegular() && info.Size() <= maxCopied {
		text, err := os.ReadFile("/old" + path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o644)
	}
	return bindReadOnly("/old"+path, target)
}

// overlayReadOnly shows a folder through an overlay of nothing: its files are
// then the container's own to lock, and /proc/self/mountinfo does not name the
// machine's devices. It says false where a plain mount must do: where the kernel
// refuses overlays to this user, or other mounts lie below, which an overlay
// does not show.
func overlayReadOnly(source, target string) bool {
	if strings.ContainsAny(source, ":,\\") || mountsBelow(source) {
		return false
	}
	return unix.Mount("drover", target, "overlay", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV, "lowerdir="+source+":"+emptyDir) == nil
}

// mountsBelow says whether anything is mounted below dir.
func mountsBelow(dir string) bool {
	b, err := os.ReadFile("/old/proc/self/mountinfo")
	if err != nil {
		return true
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 4 && strings.HasPrefix(f[4], dir+"/") {
			return true
		}
	}
	return false
}

func makeParents(path string) error {
	for i := 1; i < len(path); i++ {
		if path[i] != '/' {
			continue
		}
		switch err := os.Mkdir("/new"+path[:i], 0o111); {
		case err == nil, errors.Is(err, os.ErrExist):
		case errors.Is(err, unix.EROFS):
			return nil
		default:
			return err
		}
	}
	return nil
}

func bindReadOnly(source, target string) error {
	if err := unix.Mount(source, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return step(err, "binding %s", strings.TrimPrefix(target, "/new"))
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID}
	if !strings.HasPrefix(target, "/new/dev/") {
		attr.Attr_set |= unix.MOUNT_ATTR_NODEV
	}
	err := unix.MountSetattr(unix.AT_FDCWD, target, unix.AT_RECURSIVE, &attr)
	return step(err, "making %s read-only (mount_setattr, Linux 5.12)", strings.TrimPrefix(target, "/new"))
}
