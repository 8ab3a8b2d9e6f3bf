package ledger

import (
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/drover-llm/drover/policy"
)

// indexes are the buckets that can be made anew from the journal.
var indexes = [][]byte{
	bucketKeys, bucketSuites, bucketFeedback,
	bucketChanges, bucketImported, bucketPriors, bucketDays, bucketRows, bucketNames,
}

// indexAnew empties the indexes and fills them from the journal, inside one
// transaction.
func indexAnew(tx *bolt.Tx) error {
	for _, name := range indexes {
		if err := tx.DeleteBucket(name); err != nil && tx.Bucket(name) != nil {
			return err
		}
		if _, err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	if err := tx.Bucket(bucketMeta).Delete(metaOpen); err != nil {
		return err
	}
	x := newIndex(idHash)
	t := openTables(tx, x)
	for p, err := range t.journal.after(0) {
		if err != nil {
			return err
		}
		k, text, err := p.open()
		if err != nil {
			return err
		}
		if err := t.reindex(p.seq, k, text); err != nil {
			return err
		}
		if len(t.growth.rows) == x.full {
			t.growth.write(&t, p.seq)
			t.growth.keep()
			t.growth = growth{x: x, holds: map[string]uint64{}}
		}
		if t.err != nil {
			return t.err
		}
	}
	if len(t.growth.rows) > 0 {
		t.growth.write(&t, t.journal.last())
	}
	return t.err
}

// reindex does to the indexes what the record at seq once did.
func (t *tables) reindex(seq uint64, k kind, text []byte) error {
	at := seqBytes(seq)
	switch k {
	case kindHold:
		var h policy.Hold
		if err := decode(seq, text, &h); err != nil {
			return err
		}
		t.growth.hold(h.ID, seq)
	case kindOutcome, kindImported:
		var o policy.Outcome
		if err := decode(seq, text, &o); err != nil {
			return err
		}
		if k == kindImported {
			t.growth.add(t, seq, k, 0, &o)
			t.put(t.tx.Bucket(bucketImported), []byte(o.ID), at)
			return nil
		}
		held, _ := t.growth.holdOf(o.ID)
		t.growth.settle(t, seq, held, &o)
	case kindKeyCreated, kindKeyChanged:
		r := new(keyRecord)
		if err := decode(seq, text, r); err != nil {
			return err
		}
		t.put(t.tx.Bucket(bucketChanges), at, nil)
		return t.putKey(r)
	case kindKeyRevoked:
		var gone keyRevoked
		if err := decode(seq, text, &gone); err != nil {
			return err
		}
		t.put(t.tx.Bucket(bucketChanges), at, nil)
		sealed := t.tx.Bucket(bucketKeys).Get([]byte(gone.ID))
		if sealed == nil {
			return nil // its creation was lost
		}
		r, err := openKey(gone.ID, sealed)
		if err != nil {
			return err
		}
		r.Key.Revoked = gone.At
		return t.putKey(r)
	case kindSuite:
		var s policy.Suite
		if err := decode(seq, text, &s); err != nil {
			return err
		}
		t.put(t.tx.Bucket(bucketSuites), suiteKey(s.Account, s.ID), at)
	case kindSuiteDeleted:
		var gone suiteDeleted
		if err := decode(seq, text, &gone); err != nil {
			return err
		}
		t.delete(t.tx.Bucket(bucketSuites), suiteKey(gone.Account, gone.ID))
	case kindFeedback:
		var f policy.Feedback
		if err := decode(seq, text, &f); err != nil {
			return err
		}
		t.put(t.tx.Bucket(bucketFeedback), feedbackKey(f.ID, f.Source), at)
	case kindPriors:
		var p policy.Priors
		if err := decode(seq, text, &p); err != nil {
			return err
		}
		t.put(t.tx.Bucket(bucketPriors), []byte(p.Name), at)
	case kindChange:
		t.put(t.tx.Bucket(bucketChanges), at, nil)
	case kindRelease:
		var r release
		if err := decode(seq, text, &r); err != nil {
			return err
		}
		t.put(t.tx.Bucket(bucketChanges), at, nil)
		t.growth.release(r.ID)
	case kindCheckpoint:
		var c checkpoint
		if err := decode(seq, text, &c); err != nil {
			return err
		}
		meta := t.tx.Bucket(bucketMeta)
		if last, err := readCheckpoint(t.journal, metaCheckpoint); err != nil || last == nil || last.value.Through <= c.Through {
			t.put(meta, metaCheckpoint, at)
		}
		if c.Base {
			t.put(meta, metaBase, at)
		}
	case kindDay:
		var d dayRecord
		if err := decode(seq, text, &d); err != nil {
			return err
		}
		t.put(t.tx.Bucket(bucketDays), []byte(d.Day), at)
	default:
		return fmt.Errorf("record %d: kind %d has no index", seq, k)
	}
	return nil
}
