package ledger

import (
	"encoding/binary"
	"encoding/json"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/drover-llm/drover/policy"
)

// checkpointRecords is after how many records the next checkpoint is journalled:
// so many at most are folded when the ledger is opened.
const checkpointRecords = 1 << 16

// checkpoint is the record of what the journal comes to up to a record of it.
// What is folded from there is what would be folded from the start, bit for bit.
type checkpoint struct {
	At      time.Time     `json:"at"`
	Through uint64        `json:"through"` // the last record that is in it
	Totals  policy.Totals `json:"totals"`
	// Base says that outcomes up to Through were forgotten. Nothing can be folded
	// from before the last base.
	Base bool `json:"base,omitempty"`
	// Learned is what was learned up to LearnedThrough, nil before outcomes were
	// forgotten; of a base only.
	Learned        json.RawMessage `json:"learned,omitempty"`
	LearnedThrough uint64          `json:"learned_through,omitempty"`
}

// money reads what a record says about money, nil for nothing.
func money(seq uint64, k kind, text []byte) (policy.Record, error) {
	switch k {
	case kindHold:
		h := new(policy.Hold)
		err := decode(seq, text, h)
		return h, err
	case kindOutcome:
		o := new(policy.Outcome)
		err := decode(seq, text, o)
		return o, err
	case kindRelease:
		var r release
		err := decode(seq, text, &r)
		return r.Release, err
	}
	return nil, nil
}

// readCheckpoint reads the one that a key of meta points at, nil for none.
func readCheckpoint(records *journal, pointer []byte) (*journalled[checkpoint], error) {
	at := records.bucket.Tx().Bucket(bucketMeta).Get(pointer)
	if at == nil {
		return nil, nil
	}
	c, err := readAt[checkpoint](records, at, kindCheckpoint)
	return &c, err
}

// loadBook folds the book from the last checkpoint.
func (l *Ledger) loadBook(tx *bolt.Tx) error {
	l.book, l.since = policy.NewBook(nil), 0
	c, err := readCheckpoint(journalOf(tx), metaCheckpoint)
	if err != nil {
		return err
	}
	if c != nil {
		l.book.Restore(c.value.Totals)
		l.since = c.value.Through
	}
	return foldBook(tx, l.book, l.since)
}

// foldBook folds what the journal says about money after after.
func foldBook(tx *bolt.Tx, book *policy.Book, after uint64) error {
	for p, err := range journalOf(tx).after(after) {
		if err != nil {
			return err
		}
		k, text, err := p.open()
		if err != nil {
			return err
		}
		r, err := money(p.seq, k, text)
		if err != nil {
			return err
		}
		if r != nil {
			book.Fold(r)
		}
	}
	return nil
}

// Totals are what the journal comes to: what every budget has spent and which
// holds are open. A policy.Book that is restored from them is as it was when the
// last record was written.
func (l *Ledger) Totals() policy.Totals { return l.book.Totals() }

// checkpoint journals the book when enough was written since the last time. It
// is called before anything else of a transaction is written, when the book is
// what the journal comes to.
func (t *tables) checkpoint(l *Ledger) error {
	if t.journal.last() < l.since+l.every {
		return nil
	}
	last, err := readCheckpoint(t.journal, metaCheckpoint)
	if err != nil {
		return err
	}
	c := checkpoint{At: l.o.Now().UTC(), Through: t.journal.last(), Totals: l.book.Totals()}
	if last != nil && !last.value.Base {
		t.remove(last.seq)
	}
	return t.putCheckpoint(c, metaCheckpoint)
}

// putCheckpoint journals c and lets pointers of meta point at it.
func (t *tables) putCheckpoint(c checkpoint, pointers ...[]byte) error {
	record, err := newRecord(kindCheckpoint, c)
	if err != nil {
		return err
	}
	at := seqBytes(t.append(record))
	for _, pointer := range pointers {
		t.put(t.tx.Bucket(bucketMeta), pointer, at)
	}
	t.since = max(t.since, c.Through)
	return nil
}

// remove takes a record out of the journal: of an outcome that is forgotten, or
// one that a later record stands for.
func (t *tables) remove(seq uint64) {
	t.changed = true
	t.journal.remove(seq)
	t.removed++
}

// removed is how many records are gone from the journal.
func removed(tx *bolt.Tx) uint64 {
	if n := tx.Bucket(bucketMeta).Get(metaRemoved); len(n) == 8 {
		return binary.BigEndian.Uint64(n)
	}
	return 0
}
