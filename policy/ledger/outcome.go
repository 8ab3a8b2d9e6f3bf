package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/drover-llm/drover/policy"
)

// Entry is an outcome and its place in the journal.
type Entry = policy.Entry

// chunkRecords is how many records one read transaction goes through. An open
// read transaction keeps the writer from using freed pages and from growing its
// map, so none is held while a caller looks at an entry.
const chunkRecords = 256

// Outcomes yields all outcomes after sequence number after, 0 for all, in the
// order of the journal. It ends after the first error, also when ctx ends.
// Outcomes that are settled while it runs are seen.
func (l *Ledger) Outcomes(ctx context.Context, after uint64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for {
			var entries []Entry
			last, err := l.chunk(ctx, after, func(_ *journal, seq uint64, k kind, text []byte) error {
				if k != kindOutcome {
					return nil
				}
				e := Entry{Seq: seq}
				if err := decode(seq, text, &e.Outcome); err != nil {
					return err
				}
				entries = append(entries, e)
				return nil
			})
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
			if err != nil {
				yield(Entry{}, fmt.Errorf("reading outcomes after %d: %w", after, err))
				return
			}
			if last == after {
				return
			}
			after = last
		}
	}
}

// Export is Outcomes with those that were imported, as far as f wants them.
func (l *Ledger) Export(ctx context.Context, f policy.Filter) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for e, err := range l.Events(ctx, 0) {
			switch {
			case err != nil:
				yield(Entry{}, err)
				return
			case e.Outcome == nil || e.Feedback != nil || !f.Matches(e.Outcome):
				continue
			}
			if !yield(Entry{Seq: e.Seq, Outcome: *e.Outcome, Imported: e.Imported}, nil) {
				return
			}
		}
	}
}

// chunk hands the next records after after to take, and returns the sequence
// number of the last one that it read.
func (l *Ledger) chunk(ctx context.Context, after uint64, take func(records *journal, seq uint64, k kind, text []byte) error) (last uint64, err error) {
	last = after
	if err := ctx.Err(); err != nil {
		return last, err
	}
	err = l.view(func(tx *bolt.Tx) error {
		records, n := journalOf(tx), 0
		for p, err := range records.after(after) {
			if n++; n > chunkRecords {
				break
			}
			if err != nil {
				return err
			}
			k, text, err := p.open()
			if err != nil {
				return err
			}
			if err := take(records, p.seq, k, text); err != nil {
				return err
			}
			last = p.seq
		}
		return nil
	})
	return last, err
}

// Outcome returns the outcome with this id, also one that was imported, or
// ErrNoOutcome.
func (l *Ledger) Outcome(id string) (e Entry, err error) {
	err = l.view(func(tx *bolt.Tx) error {
		own, err := l.index.outcome(journalOf(tx), id)
		if err != nil {
			return err
		}
		if own != nil {
			e = *own
			return nil
		}
		at := tx.Bucket(bucketImported).Get([]byte(id))
		if at == nil {
			return ErrNoOutcome
		}
		e, err = readEntry(journalOf(tx), at)
		return err
	})
	if err != nil {
		return Entry{}, fmt.Errorf("reading outcome %q: %w", id, err)
	}
	return e, nil
}

// view runs f in a short read transaction.
func (l *Ledger) view(f func(*bolt.Tx) error) error {
	err := guarded(func() error { return l.db.View(f) })
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}

// journalled is a decoded record and its place.
type journalled[T any] struct {
	seq   uint64
	value T
}

// readAt decodes the record at key, which must be of kind want.
func readAt[T any](records *journal, key []byte, want kind) (journalled[T], error) {
	var j journalled[T]
	seq, err := readSeq(key)
	if err != nil {
		return j, err
	}
	j.seq = seq
	p, err := records.get(seq)
	if err != nil {
		return j, err
	}
	k, text, err := p.open()
	if err != nil {
		return j, err
	}
	if k != want {
		return j, fmt.Errorf("record %d: %w (kind %d instead of %d)", seq, errDamaged, k, want)
	}
	return j, decode(seq, text, &j.value)
}

func readSeq(key []byte) (uint64, error) {
	if len(key) != 8 {
		return 0, fmt.Errorf("%w (a sequence number of %d bytes)", errDamaged, len(key))
	}
	return binary.BigEndian.Uint64(key), nil
}
