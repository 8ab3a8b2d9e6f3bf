package ledger

import (
	"context"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/drover-llm/drover/policy"
)

// Note journals a change that has no record of its own.
func (l *Ledger) Note(ctx context.Context, c policy.Change) error {
	if c.At.IsZero() {
		c.At = l.o.Now()
	}
	c.At = c.At.UTC()
	record, err := newRecord(kindChange, c)
	if err == nil {
		err = l.queue.do(ctx, newWrite(func(t *tables) error {
			t.appendChange(record)
			return nil
		}))
	}
	if err != nil {
		return fmt.Errorf("noting %s: %w", c.Action, err)
	}
	return nil
}

// appendChange adds the record of a change to the journal and to its index.
func (t *tables) appendChange(record []byte) {
	t.put(t.tx.Bucket(bucketChanges), seqBytes(t.append(record)), nil)
}

// Changes returns at most limit changes before sequence number before, 0 for the
// end, newest first.
func (l *Ledger) Changes(before uint64, limit int) ([]policy.ChangeEntry, error) {
	entries := []policy.ChangeEntry{}
	err := l.view(func(tx *bolt.Tx) error {
		records, c := journalOf(tx), tx.Bucket(bucketChanges).Cursor()
		for at, _ := seekBefore(c, before); at != nil && len(entries) < limit; at, _ = c.Prev() {
			seq, err := readSeq(at)
			if err != nil {
				return err
			}
			found, err := records.get(seq)
			if err != nil {
				return err
			}
			change, err := readChange(found)
			if err != nil {
				return err
			}
			entries = append(entries, policy.ChangeEntry{Seq: seq, Change: change})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing changes: %w", err)
	}
	return entries, nil
}

// seekBefore moves c to the last key before sequence number before, 0 for the
// last of all.
func seekBefore(c *bolt.Cursor, before uint64) (key, value []byte) {
	if before > 0 {
		if key, _ := c.Seek(seqBytes(before)); key != nil {
			return c.Prev()
		}
	}
	return c.Last()
}

// readChange reads what a record says that an administrator did.
func readChange(p placed) (c policy.Change, err error) {
	k, text, err := p.open()
	if err != nil {
		return c, err
	}
	seq := p.seq
	switch k {
	case kindChange:
		err = decode(seq, text, &c)
	case kindKeyCreated, kindKeyChanged:
		var r keyRecord
		err = decode(seq, text, &r)
		c = policy.Change{At: r.At, By: r.By, Action: r.Action, Subject: r.Key.ID, Detail: r.Key.String()}
		if k == kindKeyCreated {
			c.At, c.Action = r.Key.Created, "key.create"
		}
	case kindRelease:
		var r release
		err = decode(seq, text, &r)
		c = policy.Change{At: r.At, By: r.By, Action: "hold.release", Subject: r.ID}
		if r.Charge {
			c.Action = "hold.charge"
		}
		if r.Ceiling != nil {
			c.Detail = "$" + r.Ceiling.String()
		}
	case kindKeyRevoked:
		var r keyRevoked
		err = decode(seq, text, &r)
		c = policy.Change{At: r.At, By: r.By, Action: "key.revoke", Subject: r.ID}
	default:
		err = fmt.Errorf("record %d: %w (kind %d is no change)", seq, errDamaged, k)
	}
	return c, err
}
