package ledger

import (
	"errors"
	"fmt"
	"os"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Look is what can be seen of a ledger that nobody holds, without changing it.
type Look struct {
	Format  int   // of the file
	Current int   // format that this code writes; opening an older file migrates it
	Holds   int   // that are open: with nobody serving, all of them were left by a crash
	Size    int64 // of the file, in bytes
}

// LookAt opens the ledger at path for reading only and lets it go again. It
// gives ErrLocked while a process holds it, and fs.ErrNotExist where there is none.
func LookAt(path string, wait time.Duration) (look Look, err error) {
	look.Current = len(migrations) + 1
	err = guarded(func() error {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if look.Size = info.Size(); look.Size == 0 {
			return fmt.Errorf("%w (it is empty: something cut it off)", errDamaged)
		}
		return look.read(path, wait)
	})
	if err != nil {
		return look, fmt.Errorf("looking at ledger %s: %w", path, err)
	}
	return look, nil
}

func (k *Look) read(path string, wait time.Duration) error {
	var file *os.File
	db, err := bolt.Open(path, 0, &bolt.Options{ReadOnly: true, Timeout: wait, OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
		f, err := os.OpenFile(name, flag, mode)
		file = f
		return f, err
	}})
	if err != nil {
		return refused(err)
	}
	l := &Ledger{db: db, file: file}
	if err := l.checkLength(); err != nil {
		return errors.Join(err, db.Close())
	}
	err = checkRoots(file)
	if err == nil {
		err = db.View(k.count)
	}
	return errors.Join(err, db.Close())
}

func (k *Look) count(tx *bolt.Tx) (err error) {
	if k.Format, err = readFormat(tx); err != nil {
		return err
	}
	if k.Format > k.Current {
		return fmt.Errorf("its format is %d and this version of drover knows %d at most; use a newer drover", k.Format, k.Current)
	}
	if k.Format < k.Current {
		if holds := tx.Bucket(bucketHolds); holds != nil {
			k.Holds = holds.Stats().KeyN
		}
		return nil
	}
	x := newIndex(idHash)
	err = x.load(tx)
	k.Holds = len(x.open)
	return err
}
