package sandbox

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	folderPrefix = "drover-sandbox-"
	folderLock   = "lock"
)

// lockedFolder makes a folder under parent that is ours alone. The lock in it
// goes with this process, however that ends: a folder whose lock can be had is
// nobody's any more. It removes those first.
func lockedFolder(parent string) (folder string, lock *os.File, err error) {
	sweepFolders(parent)
	if folder, err = os.MkdirTemp(parent, folderPrefix); err != nil {
		return "", nil, err
	}
	// The lock gets its name when it is held, so that no sweep finds it free before.
	early := filepath.Join(folder, ".lock")
	lock, err = os.OpenFile(early, os.O_CREATE|os.O_RDWR|os.O_EXCL, 0o600)
	if err == nil {
		if err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
			err = os.Rename(early, filepath.Join(folder, folderLock))
		}
	}
	if err != nil {
		if lock != nil {
			lock.Close()
		}
		_ = os.RemoveAll(folder)
		return "", nil, err
	}
	return folder, lock, nil
}

// sweepFolders removes the folders of this user's processes that are dead. What
// is another user's, has no lock, or is not a plain folder stays.
func sweepFolders(parent string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if !entry.IsDir() || !strings.HasPrefix(entry.Name(), folderPrefix) {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			continue
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != os.Geteuid() {
			continue
		}
		folder := filepath.Join(parent, entry.Name())
		lock, err := os.OpenFile(filepath.Join(folder, folderLock), os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
		if err != nil {
			continue
		}
		if unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			_ = os.RemoveAll(folder) // what cannot be removed now is tried at the next start
		}
		lock.Close()
	}
}
