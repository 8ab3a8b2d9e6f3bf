package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Backup writes the whole file as it is at one moment. Requests go on meanwhile;
// the file grows a little, since what is read is not reused before the end.
func (l *Ledger) Backup(ctx context.Context, w io.Writer) error {
	err := l.view(func(tx *bolt.Tx) error {
		_, err := tx.WriteTo(untilDone{ctx, w})
		return err
	})
	if err != nil {
		return fmt.Errorf("backing up ledger %s: %w", l.path, err)
	}
	return nil
}

// untilDone writes until ctx ends.
type untilDone struct {
	ctx context.Context
	w   io.Writer
}

func (u untilDone) Write(b []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.w.Write(b)
}

// Restore puts the backup in the place of the ledger at path, once it is verified.
// A ledger that is there is refused unless replace is set, and is then kept under
// the name that is returned. Restore gives ErrLocked while a server holds it.
func Restore(ctx context.Context, backup, path string, replace bool, o Options) (report Report, kept string, err error) {
	report, kept, err = restore(ctx, backup, path, replace, o)
	if err != nil {
		err = fmt.Errorf("restoring ledger %s: %w", path, err)
	}
	return report, kept, err
}

func restore(ctx context.Context, backup, path string, replace bool, o Options) (report Report, kept string, err error) {
	old, err := lockFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return report, "", err
	default:
		defer old.Close()
		if !replace {
			return report, "", errors.New("there is a ledger already; say --replace to have the backup in its place, it is kept under another name")
		}
	}
	made, err := copyBeside(backup, path)
	if err != nil {
		return report, "", err
	}
	defer os.Remove(made)
	if report, err = verifyFile(ctx, made, o); err != nil {
		return report, "", fmt.Errorf("the backup is not taken: %w", err)
	}
	return putInPlace(report, made, path, "before-restore", old != nil, o)
}

// putInPlace gives a made ledger its name. One that is there is kept under another.
func putInPlace(report Report, made, path, why string, there bool, o Options) (_ Report, kept string, err error) {
	if there {
		kept = fmt.Sprintf("%s.%s-%s", path, why, o.withDefaults().Now().UTC().Format("20060102T150405.000"))
		if err := os.Rename(path, kept); err != nil {
			return report, "", err
		}
	}
	if err := os.Rename(made, path); err != nil {
		if there {
			err = errors.Join(err, os.Rename(kept, path))
		}
		return report, "", err
	}
	return report, kept, syncDir(filepath.Dir(path))
}

// lockFile opens the file of a ledger and takes the lock that a server would hold,
// until it is closed.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrLocked
		}
		return nil, err
	}
	return f, nil
}

// copyBeside copies a file beside path, for its owner only.
func copyBeside(from, path string) (made string, err error) {
	in, err := os.Open(from)
	if err != nil {
		return "", err
	}
	defer in.Close()
	out, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		os.Remove(out.Name())
		return "", err
	}
	return out.Name(), nil
}

// verifyFile opens the ledger at path, migrates it if it is an older one, and
// verifies it. Faults are an error.
func verifyFile(ctx context.Context, path string, o Options) (Report, error) {
	l, err := Open(path, o)
	if err != nil {
		return Report{}, err
	}
	r, err := l.Verify(ctx, nil)
	err = errors.Join(err, l.Close())
	if err == nil && r.Faulty > 0 {
		err = fmt.Errorf("%d faults, the first: %s", r.Faulty, r.Faults[0])
	}
	return r, err
}

// Compact writes the ledger at path anew without the room that is free in it, and
// puts the new file in its place once it is verified. While a ledger serves, free
// room is used again, so the file does not grow; only this makes it smaller.
func Compact(ctx context.Context, path string, o Options) (before, after int64, err error) {
	before, after, err = compact(ctx, path, o)
	if err != nil {
		err = fmt.Errorf("compacting ledger %s: %w", path, err)
	}
	return before, after, err
}

func compact(ctx context.Context, path string, o Options) (before, after int64, err error) {
	if _, err := verifyFile(ctx, path, o); err != nil {
		return 0, 0, err
	}
	o = o.withDefaults()
	var file *os.File
	from, err := openFile(path, o.Wait, &file)
	if err != nil {
		return 0, 0, err
	}
	defer from.Close()
	made := fmt.Sprintf("%s.new-%d", path, o.Now().UnixNano())
	defer os.Remove(made)
	to, err := bolt.Open(made, 0o600, &bolt.Options{Timeout: time.Second, NoSync: true, FreelistType: bolt.FreelistMapType})
	if err != nil {
		return 0, 0, err
	}
	err = guarded(func() error { return bolt.Compact(to, from, 1<<20) })
	if err := errors.Join(err, to.Sync(), to.Close()); err != nil {
		return 0, 0, err
	}
	if _, err := verifyFile(ctx, made, o); err != nil {
		return 0, 0, err
	}
	old, err := os.Stat(path)
	if err != nil {
		return 0, 0, err
	}
	info, err := os.Stat(made)
	if err != nil {
		return 0, 0, err
	}
	if err := os.Rename(made, path); err != nil {
		return 0, 0, err
	}
	return old.Size(), info.Size(), syncDir(filepath.Dir(path))
}
