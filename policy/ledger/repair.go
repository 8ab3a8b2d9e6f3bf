package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	bolt "go.etcd.io/bbolt"
)

// Repaired is what a repair came to.
type Repaired struct {
	Report  Report            // of the repaired ledger
	Kept    string            // name of the damaged file
	Lost    []uint64          // sequence numbers of records that could not be read, the first of them
	Losses  int               // how many
	removed uint64            // records that had been removed before
	found   map[uint64][]byte // records behind the one that is looked for, by their places
	Root    bool              // one root was damaged: the last transaction may be lost too
}

// maxLost is how many lost records are named.
const maxLost = 100

// Repair saves from the damaged ledger at path every record whose checksum is
// right, makes all indexes anew, and puts the result in its place. The damaged
// file is kept. It says what was lost; a backup that is younger than that is
// better. An error means that nothing was changed.
func Repair(ctx context.Context, path string, o Options) (Repaired, error) {
	r, err := repair(ctx, path, o.withDefaults())
	if errors.Is(err, errDamaged) && r.Report.Records == 0 { // whose advice is what was tried
		return r, fmt.Errorf("repairing ledger %s: not enough of it can be read; put a backup in its place with drover ledger restore --replace, or move it aside to begin an empty one", path)
	}
	if err != nil {
		return r, fmt.Errorf("repairing ledger %s: %w", path, err)
	}
	return r, nil
}

func repair(ctx context.Context, path string, o Options) (r Repaired, err error) {
	lock, err := lockFile(path)
	if err != nil {
		return r, err
	}
	defer lock.Close()
	// The copy is opened, since bbolt takes the lock for itself.
	copied, err := copyBeside(path, path)
	if err != nil {
		return r, err
	}
	defer os.Remove(copied)
	made := copied + ".repaired"
	defer os.Remove(made)
	var file *os.File
	err = guarded(func() error {
		from, err := openFile(copied, o.Wait, &file)
		if err != nil {
			return err
		}
		r.Root = checkRoots(file) != nil
		err = from.View(func(tx *bolt.Tx) error { return checkPages(tx, file) })
		if errors.Is(err, errTwice) {
			return fmt.Errorf("too much is lost for a repair, restore a backup: %w", errors.Join(err, from.Close()))
		}
		to, err := bolt.Open(made, 0o600, &bolt.Options{NoSync: true, FreelistType: bolt.FreelistMapType})
		if err != nil {
			return err
		}
		err = r.save(ctx, from, to, o)
		return errors.Join(err, to.Sync(), to.Close(), from.Close())
	})
	if err != nil {
		if file != nil && errors.Is(err, errFault) {
			_ = letGo(file)
		}
		return r, err
	}
	if r.Report, err = verifyFile(ctx, made, o); err != nil {
		return r, fmt.Errorf("too much is lost for a repair, restore a backup: %w", err)
	}
	r.Report, r.Kept, err = putInPlace(r.Report, made, path, "damaged", true, o)
	return r, err
}

// save copies the records that can be read.
func (r *Repaired) save(ctx context.Context, from, to *bolt.DB, o Options) error {
	var end uint64
	err := to.Update(func(tx *bolt.Tx) error {
		if err := layOut(tx, len(migrations)+1, o.Rand); err != nil {
			return err
		}
		return guarded(func() error {
			return from.View(func(old *bolt.Tx) error {
				end, r.removed = lastRecord(old), removed(old)
				if pepper, err := readPepper(old); err == nil {
					return tx.Bucket(bucketMeta).Put(metaPepper, sealPepper(pepper))
				}
				return errors.New("the secret that keys are hashed with is lost, or it is the ledger of an older drover; restore a backup")
			})
		})
	})
	if err != nil {
		return err
	}
	x := newIndex(o.hash)
	r.found = map[uint64][]byte{}
	for next := uint64(1); next <= end; {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := to.Update(func(tx *bolt.Tx) error {
			t := openTables(tx, x)
			next, err = r.saveSome(from, &t, next, end)
			if err == nil {
				err = t.end()
			}
			if err == nil {
				t.growth.keep()
			}
			return err
		})
		if err != nil && !errors.Is(err, errNothing) {
			return err
		}
	}
	return to.Update(func(tx *bolt.Tx) error { return r.rebase(tx, o) })
}

// rebase journals what the saved records come to: nothing can be folded from
// before a gap.
func (r *Repaired) rebase(tx *bolt.Tx, o Options) error {
	var l Ledger
	if err := l.loadBook(tx); err != nil {
		return err
	}
	c := checkpoint{At: o.Now().UTC(), Base: true, Through: journalOf(tx).last(), Totals: l.book.Totals()}
	base, err := readCheckpoint(journalOf(tx), metaBase)
	if err != nil {
		return err
	}
	if base != nil {
		c.Learned, c.LearnedThrough = base.value.Learned, base.value.LearnedThrough
	}
	t := openTables(tx, newIndex(o.hash))
	t.put(tx.Bucket(bucketMeta), metaRemoved, seqBytes(uint64(r.Losses)))
	r.Losses -= int(min(r.removed, uint64(r.Losses))) // what was removed is not lost
	if err := t.putCheckpoint(c, metaBase, metaCheckpoint); err != nil {
		return err
	}
	return t.end()
}

// leastRecord is how many bytes of the file a record takes at least.
const leastRecord = 32

// lastRecord is the sequence number of the last record, as far as can be told: that
// of the last one that is whole, and of as many lost ones behind it as the file has
// room for. A flipped bit in the number that the journal says would otherwise be
// billions of lost records.
func lastRecord(tx *bolt.Tx) (end uint64) {
	journal := tx.Bucket(bucketJournal)
	if journal == nil {
		return 0
	}
	said := journal.Sequence()
	_ = guarded(func() error {
		c := journal.Cursor()
		for at, value := c.Last(); at != nil; at, value = c.Prev() {
			first, err := readSeq(at)
			if err != nil {
				continue
			}
			if whole, _ := salvaged(first, value); len(whole) > 0 {
				end = whole[len(whole)-1].seq
				return nil
			}
		}
		return nil
	})
	if room := uint64(tx.Size()) / leastRecord; said < end || said-end > room {
		return end
	}
	return said
}

// look takes in what can be read of the value at a key of the journal, if there is one.
// Each key is asked for by itself: a cursor would stop at the first page that is damaged.
func (r *Repaired) look(from *bolt.DB, key uint64) error {
	return guarded(func() error {
		return from.View(func(tx *bolt.Tx) error {
			value := tx.Bucket(bucketJournal).Get(seqBytes(key))
			if value == nil {
				return nil
			}
			whole, damaged := salvaged(key, value)
			for _, p := range whole {
				r.found[p.seq] = bytes.Clone(p.record)
			}
			for _, seq := range damaged {
				r.lost(seq)
			}
			return nil
		})
	})
}

func (r *Repaired) lost(seq uint64) {
	if len(r.Lost) < maxLost {
		r.Lost = append(r.Lost, seq)
	}
}

// saveSome copies up to 4,096 records from next on, and returns the one after.
func (r *Repaired) saveSome(from *bolt.DB, t *tables, next, end uint64) (uint64, error) {
	last := min(end, next+4095)
	for ; next <= last; next++ {
		if err := r.look(from, next); err != nil {
			r.lost(next)
		}
		record := r.found[next]
		delete(r.found, next)
		k, text, err := openRecord(next, record)
		if err != nil {
			r.Losses++
			continue
		}
		t.keep(t.journal.add(placed{next, record}))
		if err := t.reindex(next, k, text); err != nil {
			return next, err
		}
	}
	t.changed = true // also where none of them is whole
	t.keep(t.journal.bucket.SetSequence(last))
	return next, nil
}
