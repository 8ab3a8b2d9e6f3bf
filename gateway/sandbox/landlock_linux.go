package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// landlockEngine confines programs without namespaces: by Landlock, a narrower
// seccomp filter, resource limits and a supervisor, and as root by a uid of their
// own. It is weaker than ns (see the package's documentation), and only ever
// used where the configuration names it.
type landlockEngine struct {
	exe    string
	uids   func() int // nil for a plain user
	tools  *tools
	folder string // ours alone; every box has its folder below
	lock   *os.File
}

// What Landlock must offer: truncation (3) for anyone, and the scope of signals
// (6) where programs have the uid of the gateway itself.
const (
	landlockForRoot = 3
	landlockForUser = 6
)

func newLandlockEngine(t *tools) (*landlockEngine, error) {
	abi, need := landlockABI(), landlockForUser
	e := &landlockEngine{tools: t}
	var err error
	if os.Geteuid() == 0 {
		need = landlockForRoot
		if e.uids, err = slotUIDs(); err != nil {
			return nil, err
		}
	}
	if abi < need {
		return nil, &stepError{"confining by Landlock", fmt.Errorf("the kernel offers version %d of it, %d is needed here", abi, need)}
	}
	if e.exe, err = os.Executable(); err != nil {
		return nil, fmt.Errorf("finding this binary: %w", err)
	}
	if e.folder, e.lock, err = lockedFolder(os.TempDir()); err != nil {
		return nil, step(err, "making the folder of work folders")
	}
	if e.uids != nil {
		// Their uids pass through it; none can list it.
		if err := os.Chmod(e.folder, 0o711); err != nil {
			return nil, step(err, "making the folder of work folders")
		}
	}
	for _, l := range t.languages {
		if l.missing == "" && len(l.Compile) > 0 {
			l.missing = "the landlock engine runs no compilers"
		}
	}
	return e, nil
}

func (e *landlockEngine) close() error {
	defer e.lock.Close()
	return os.RemoveAll(e.folder)
}

// bareBox says how init works without namespaces.
type bareBox struct {
	Folder string   `json:"folder"` // of this box
	UID    int      `json:"uid"`    // of its programs; 0: init's own
	Show   []string `json:"show"`   // what they may read outside the system's folders
}

func (e *landlockEngine) open(ctx context.Context, role string) (box, error) {
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
	boot := e.tools.boot(role, pyOnce)
	boot.Bare = &bareBox{Show: e.tools.show}
	if e.uids != nil {
		boot.Bare.UID = e.uids()
	}
	boot.Bare.Folder, err = os.MkdirTemp(e.folder, "box-")
	if err == nil {
		err = os.Chmod(boot.Bare.Folder, 0o711)
	}
	cmd := exec.Command(e.exe)
	cmd.Args = []string{initName}
	cmd.Env = []string{noExitSleep, "GOMAXPROCS=2", "GOGC=200", "PATH=/usr/local/bin:/usr/bin:/bin"}
	cmd.Dir = "/"
	cmd.Stderr = stderr.file
	cmd.ExtraFiles = []*os.File{far}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err == nil {
		err = step(cmd.Start(), "starting init")
	}
	stderr.file.Close()
	far.Close()
	if err != nil {
		near.conn.Close()
		return nil, err
	}
	b := &nsBox{control: near, stderr: stderr, pid: cmd.Process.Pid, uid: boot.Bare.UID, waiting: map[uint64]*process{}, gone: make(chan struct{}), folder: boot.Bare.Folder}
	_ = cmd.Process.Release() // it is waited for by its pid
	stop := context.AfterFunc(ctx, func() { near.conn.Close() })
	defer stop()
	_ = near.conn.SetReadDeadline(time.Now().Add(openTimeout))
	if err := b.boot(nil, boot); err != nil {
		near.conn.Close()
		b.reap()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	_ = near.conn.SetReadDeadline(time.Time{})
	go b.read()
	return b, nil
}

// landlockABI is the version of Landlock in this kernel; 0 without it.
func landlockABI() int {
	v, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(v)
}

const (
	landlockRead  = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	landlockFiles = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE
	landlockWrite = landlockRead | landlockFiles | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE |
		unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_FIFO |
		unix.LANDLOCK_ACCESS_FS_MAKE_SYM | unix.LANDLOCK_ACCESS_FS_REFER
	landlockAll = landlockWrite | unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK
)

// ruleset is what a Landlock domain allows.
type ruleset struct {
	fd  int
	all uint64 // rights that need a rule
}

// newRuleset allows nothing of what this kernel's version can refuse.
func newRuleset(files bool) (*ruleset, error) {
	abi := landlockABI()
	var attr struct{ fs, net, scoped uint64 }
	if files {
		attr.fs = landlockAll
		if abi >= 5 {
			attr.fs |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
		}
		if abi >= 4 {
			attr.net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
		}
	}
	if abi >= 6 {
		attr.scoped = unix.LANDLOCK_SCOPE_SIGNAL | unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
	}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno != 0 {
		return nil, step(errno, "making a Landlock ruleset")
	}
	return &ruleset{int(fd), attr.fs}, nil
}

// allow gives rights to a path; one that is not there needs none.
func (r *ruleset) allow(path string, rights uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return step(err, "opening %s", path)
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return step(err, "looking at %s", path)
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= landlockFiles
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights & r.all, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(r.fd), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return step(errno, "allowing %s by Landlock", path)
	}
	return nil
}

// restrict puts the calling thread under the rules, for good.
func (r *ruleset) restrict() error {
	defer unix.Close(r.fd)
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(r.fd), 0, 0); errno != 0 {
		return step(errno, "confining by Landlock")
	}
	return nil
}

// allowPrograms lets a program read what the system's interpreters need, and
// write to its own folder.
func (r *ruleset) allowPrograms(folder string, show []string) error {
	paths := append([]string{"/etc/ssl/openssl.cnf"}, etcShown...)
	paths = append(append(paths, localShown...), show...)
	for _, dir := range systemLinks {
		if _, err := os.Readlink(dir); err != nil { // a link leads into /usr
			paths = append(paths, dir)
		}
	}
	// All of /usr but what an admin has put into /usr/local.
	entries, err := os.ReadDir("/usr")
	if err != nil {
		return step(err, "reading /usr")
	}
	for _, entry := range entries {
		if entry.Name() != "local" {
			paths = append(paths, filepath.Join("/usr", entry.Name()))
		}
	}
	for _, path := range paths {
		if err := r.allow(path, landlockRead); err != nil {
			return err
		}
	}
	for path, rights := range map[string]uint64{
		"/dev/null": unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE,
		"/dev/full": unix.LANDLOCK_ACCESS_FS_READ_FILE, "/dev/random": unix.LANDLOCK_ACCESS_FS_READ_FILE, "/dev/urandom": unix.LANDLOCK_ACCESS_FS_READ_FILE,
		folder: landlockWrite,
	} {
		if err := r.allow(path, rights); err != nil {
			return err
		}
	}
	return nil
}
