package sandbox

import (
	"os"

	"golang.org/x/sys/unix"
)

// socketPair returns our end, ready for deadlines, and the far one for a program.
func socketPair() (near, far *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		closeAll(fds[:])
		return nil, nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fds[0]), "near"), os.NewFile(uintptr(fds[1]), "far"), nil
}

// blocking lets another program read the descriptor plainly.
func blocking(f *os.File) { _ = unix.SetNonblock(int(f.Fd()), false) }
