package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// errDamaged marks a file that cannot be read as a ledger.
var errDamaged = errors.New("not a ledger, or damaged; mend it with drover ledger verify --repair, put a backup in its place with drover ledger restore, or move it aside to begin an empty one")

// errFault marks damage that stopped bbolt in the middle of its work: it may
// hold its own locks for ever.
var errFault = errors.New("fault")

// open fills l.db and everything that is read once from it.
func (l *Ledger) open() error {
	if err := create(l.path, l.o); err != nil {
		return err
	}
	err := guarded(func() error {
		db, err := openFile(l.path, l.o.Wait, &l.file)
		if err != nil {
			return err
		}
		l.db, l.update = db, db.Update
		return l.load()
	})
	switch {
	case err == nil:
		l.warnIfReadable()
		l.sumUp()
		return nil
	case errors.Is(err, errFault) && l.file != nil:
		_ = letGo(l.file)
	case l.db != nil:
		_ = l.db.Close()
	}
	return err
}

// load brings the file to the current format and reads what is kept in memory.
func (l *Ledger) load() error {
	if err := l.checkLength(); err != nil {
		return err
	}
	if err := checkRoots(l.file); err != nil {
		return err
	}
	if err := upgrade(l.db, migrations, l.o); err != nil {
		return err
	}
	return l.db.View(func(tx *bolt.Tx) error {
		l.opened = journalOf(tx).last()
		return errors.Join(l.auth.load(tx), l.index.load(tx), l.loadBook(tx))
	})
}

// checkLength finds a file that was cut off, before reading beyond its end
// becomes a memory fault.
func (l *Ledger) checkLength() error {
	return l.db.View(func(tx *bolt.Tx) error {
		info, err := l.file.Stat()
		if err != nil {
			return err
		}
		if info.Size() < tx.Size() {
			return fmt.Errorf("%w (it is %d bytes long and should be %d)", errDamaged, info.Size(), tx.Size())
		}
		return nil
	})
}

func (l *Ledger) warnIfReadable() {
	if info, err := l.file.Stat(); err == nil && info.Mode().Perm()&0o077 != 0 {
		l.o.Log.Warn("others on this machine may read the ledger", "path", l.path, "mode", info.Mode().Perm().String())
	}
}

// openFile opens path with bbolt, and puts the open file into *file as soon as
// there is one.
func openFile(path string, wait time.Duration, file **os.File) (*bolt.DB, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{
		Timeout:      wait,
		FreelistType: bolt.FreelistMapType,
		// Only addresses are taken, no memory: the file can grow as far as this
		// while somebody reads it, without the writer having to wait for him.
		InitialMmapSize: 64 << 30,
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			f, err := os.OpenFile(name, flag, mode)
			*file = f
			return f, err
		},
	})
	return db, refused(err)
}

// refused is bbolt's error of a file that it does not open.
func refused(err error) error {
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return ErrLocked
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch),
		err != nil && strings.HasPrefix(err.Error(), "file size too small"): // which has no name
		return fmt.Errorf("%w (%w)", errDamaged, err)
	}
	return err
}

// create makes an empty ledger at path where there is no file. It is made under
// another name and linked into place whole, so that a crash leaves either a
// ledger or nothing, and two processes cannot make it twice.
func create(path string, o Options) error {
	switch info, err := os.Stat(path); {
	case err == nil && info.Size() == 0: // bbolt would take it for a new one
		return fmt.Errorf("%w (it is empty: something cut it off)", errDamaged)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	made := f.Name()
	defer os.Remove(made)
	if err := f.Close(); err != nil {
		return err
	}
	db, err := openFile(made, o.Wait, &f)
	if err != nil {
		return err
	}
	err = errors.Join(upgrade(db, migrations, o), db.Close())
	if err != nil {
		return err
	}
	if err := os.Link(made, path); err != nil {
		if _, err := os.Stat(path); err == nil {
			return nil // another process was first
		}
		if err := os.Rename(made, path); err != nil { // the file system knows no links
			return err
		}
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a new name in dir survive a loss of power.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// letGo frees the lock of a file that bbolt can no longer close. The lock is
// given back by hand, since the memory map that remains would keep it.
func letGo(f *os.File) error {
	return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close())
}

// guarded runs f and makes an error of the panics and memory faults by which
// bbolt answers a damaged file.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w (%w: %v)", errDamaged, errFault, p)
		}
	}()
	return f()
}
