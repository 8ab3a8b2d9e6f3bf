package ledger

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/drover-llm/drover/policy"
)

// suiteDeleted is the journal's record of a deletion.
type suiteDeleted struct {
	ID      string         `json:"id"`
	At      time.Time      `json:"at"`
	Account policy.Account `json:"account"` // who deleted it
}

// suiteKey is a suite's place in its index: those of one owner lie together, and
// nobody finds another's.
func suiteKey(who policy.Account, id string) []byte {
	return append(append([]byte(who.Owner()), 0), id...)
}

// AddSuite journals s, and returns what lies under its id: where the owner has a
// suite of this id already, that one, and nothing is written.
// policy.ErrSuitesFull refuses one too many.
func (l *Ledger) AddSuite(ctx context.Context, s policy.Suite) (policy.Suite, error) {
	s.At = s.At.UTC()
	record, err := appendEntry(nil, kindSuite, s.ID, s)
	if err == nil {
		key := suiteKey(s.Account, s.ID)
		err = l.queue.do(ctx, newWrite(func(t *tables) error {
			if at := t.tx.Bucket(bucketSuites).Get(key); at != nil {
				found, err := readAt[policy.Suite](t.journal, at, kindSuite)
				s = found.value
				return err
			}
			if room, err := t.roomForSuite(s); err != nil || !room {
				return cmp.Or(err, policy.ErrSuitesFull)
			}
			t.put(t.tx.Bucket(bucketSuites), key, seqBytes(t.append(record)))
			return nil
		}))
	}
	if err != nil {
		return policy.Suite{}, fmt.Errorf("adding suite %q: %w", s.ID, err)
	}
	return s, nil
}

// roomForSuite counts what the owner of s has.
func (t *tables) roomForSuite(s policy.Suite) (bool, error) {
	prefix := suiteKey(s.Account, "")
	n, size := 1, len(s.Spec)
	c := t.tx.Bucket(bucketSuites).Cursor()
	for key, at := c.Seek(prefix); bytes.HasPrefix(key, prefix); key, at = c.Next() {
		seq, err := readSeq(at)
		if err != nil {
			return false, err
		}
		p, err := t.journal.get(seq)
		if err != nil {
			return false, err
		}
		n, size = n+1, size+len(p.record)
	}
	return n <= policy.MaxSuites && size <= policy.MaxSuitesSize, nil
}

// Suite returns the suite of this id that the account may use, or
// policy.ErrUnknownSuite.
func (l *Ledger) Suite(who policy.Account, id string) (policy.Suite, error) {
	var found journalled[policy.Suite]
	err := l.view(func(tx *bolt.Tx) (err error) {
		at := tx.Bucket(bucketSuites).Get(suiteKey(who, id))
		if at == nil {
			return policy.ErrUnknownSuite
		}
		found, err = readAt[policy.Suite](journalOf(tx), at, kindSuite)
		return err
	})
	if err != nil {
		return policy.Suite{}, fmt.Errorf("reading suite %q: %w", id, err)
	}
	return found.value, nil
}

// DeleteSuite makes the suite of this id unknown to its owner. The journal keeps
// what outcomes were judged by. policy.ErrUnknownSuite: there is none.
func (l *Ledger) DeleteSuite(ctx context.Context, who policy.Account, id string) error {
	record, err := newRecord(kindSuiteDeleted, suiteDeleted{ID: id, At: l.o.Now().UTC(), Account: who})
	if err == nil {
		key := suiteKey(who, id)
		err = l.queue.do(ctx, newWrite(func(t *tables) error {
			if t.tx.Bucket(bucketSuites).Get(key) == nil {
				return policy.ErrUnknownSuite
			}
			t.append(record)
			t.delete(t.tx.Bucket(bucketSuites), key)
			return nil
		}))
	}
	if err != nil {
		return fmt.Errorf("deleting suite %q: %w", id, err)
	}
	return nil
}
