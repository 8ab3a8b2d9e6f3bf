package ledger

import (
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"
)

// errNothing rolls back a transaction whose writes were all refused.
var errNothing = errors.New("nothing to commit")

// gather is how long the writer lets writes gather after a commit that several
// shared. Under load most of them come in that time, and then share the next
// commit's syncs instead of waiting for the one after it: measured with 16
// clients, a quarter less processor time a request, and no later an answer. A
// write that comes alone never waits.
const gather = 500 * time.Microsecond

// write is the only goroutine that changes the file.
func (l *Ledger) write() {
	defer close(l.stopped)
	var batch []*write
	for {
		if batch = l.queue.take(batch); len(batch) == 0 {
			return
		}
		l.commit(batch)
		if len(batch) > 1 {
			time.Sleep(gather)
		}
		clear(batch)
	}
}

// commit writes batch in one transaction and tells its callers. If the
// transaction fails, every one of them gets its error, and nothing was written.
func (l *Ledger) commit(batch []*write) {
	refused := make([]error, len(batch))
	t := new(tables)
	err := l.Err()
	if err == nil {
		err = l.transact(func(tx *bolt.Tx) error {
			*t = openTables(tx, l.index)
			if err := t.checkpoint(l); err != nil {
				return err
			}
			for i, w := range batch {
				refused[i] = w.apply(t)
			}
			return t.end()
		})
	}
	if err != nil && !errors.Is(err, errNothing) {
		for _, w := range batch {
			w.finish(err)
		}
		return
	}
	t.growth.keep()
	l.index.spare.end(t)
	l.since = max(l.since, t.since)
	for i, w := range batch {
		if refused[i] == nil && w.folded != nil {
			w.folded()
		}
		w.finish(refused[i])
	}
}

// transact runs f in one transaction. After a failure that leaves the file as
// it was (a full disk), later calls begin afresh. After one that may not, the
// ledger refuses everything from then on.
func (l *Ledger) transact(f func(*bolt.Tx) error) error {
	var id int // stays 0 when the transaction could not begin
	err := guarded(func() error {
		return l.update(func(tx *bolt.Tx) error {
			id = tx.ID()
			return f(tx)
		})
	})
	switch {
	case err == nil:
		l.commits.Add(1)
		return nil
	case errors.Is(err, errNothing):
		return err
	case errors.Is(err, errDamaged):
		return l.refuse(err)
	}
	// If the transaction can be seen although it failed, its last sync did: it
	// may or may not survive a crash, and a second sync could lie.
	seen := guarded(func() error {
		return l.db.View(func(tx *bolt.Tx) error {
			if id != 0 && tx.ID() >= id {
				return fmt.Errorf("the disk may not have kept the last writes, drover must be started again: %w", err)
			}
			return nil
		})
	})
	if seen != nil {
		return l.refuse(seen)
	}
	l.o.Log.Error("ledger cannot write", "path", l.path, "error", err)
	return fmt.Errorf("writing to ledger %s: %w", l.path, err)
}

// refuse makes every later write fail with err.
func (l *Ledger) refuse(err error) error {
	err = fmt.Errorf("ledger %s: %w", l.path, err)
	l.broken.Store(&err)
	l.o.Log.Error("ledger refuses to write", "path", l.path, "error", err)
	return err
}

// tables are what the writer's transaction changes. Their methods keep
// the first error for the writer, which then gives up the whole transaction.
type tables struct {
	tx      *bolt.Tx
	growth  growth
	journal *journal

	err     error
	changed bool
	removed uint64 // records taken out of the journal
	since   uint64 // the last record that is in a checkpoint of this transaction
}

func openTables(tx *bolt.Tx, x *index) tables {
	t := tables{tx: tx, journal: journalOf(tx)}
	x.spare.begin(&t, x)
	return t
}

// end returns the error that decides what becomes of the transaction.
func (t *tables) end() error {
	if t.removed > 0 {
		t.put(t.tx.Bucket(bucketMeta), metaRemoved, seqBytes(removed(t.tx)+t.removed))
	}
	t.growth.flush(t)
	t.keep(t.journal.end())
	if t.err == nil && !t.changed {
		return errNothing
	}
	return t.err
}

// append adds a record to the journal and returns its sequence number.
func (t *tables) append(record []byte) uint64 {
	seq, err := t.journal.append(record)
	t.changed = true
	t.keep(err)
	return seq
}

func (t *tables) put(b *bolt.Bucket, key, value []byte) {
	t.changed = true
	t.keep(b.Put(key, value))
}

func (t *tables) delete(b *bolt.Bucket, key []byte) {
	t.changed = true
	t.keep(b.Delete(key))
}

func (t *tables) keep(err error) {
	if t.err == nil {
		t.err = err
	}
}
