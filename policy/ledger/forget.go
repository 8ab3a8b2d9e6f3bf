package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/drover-llm/drover/policy"
)

// Folder is a belief that is folded from events, such as the model of what is
// learned. When outcomes are forgotten, what it had come to is journalled first.
type Folder interface {
	Restore(state []byte) error // what Snapshot returned; nil: begin anew
	Fold(e Event) error
	Snapshot() ([]byte, error) // JSON
}

// forgetStep is how many outcomes one transaction forgets: requests come between.
const forgetStep = 512

// forgetSight is how many a step looks at when those before are all kept because of
// what was said about them later.
const forgetSight = 64 * forgetStep

// Forget folds the outcomes that arrived before the day of before into sums by
// day, account, route and model, and takes them, their holds and what was said
// about them out of the journal. It journals first what they came to, so that
// the book and what was learned stay as they were, bit for bit. Outcomes that
// somebody gave feedback on since are kept until that is old enough too.
func (l *Ledger) Forget(ctx context.Context, before time.Time) (forgotten int, err error) {
	y, m, d := before.UTC().Date()
	cutoff := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	for {
		var n int
		err := l.queue.do(ctx, newWrite(func(t *tables) (err error) {
			n, err = l.forget(t, cutoff)
			return err
		}))
		if err != nil {
			return forgotten, fmt.Errorf("forgetting outcomes before %s: %w", cutoff.Format(time.DateOnly), err)
		}
		if forgotten += n; n == 0 {
			break
		}
	}
	if forgotten > 0 {
		l.o.Log.Info("outcomes forgotten", "before", cutoff.Format(time.DateOnly), "outcomes", forgotten)
	}
	return forgotten, nil
}

// Learned is what was learned of outcomes that were forgotten since: the state of
// Options.Learn through a record, nil and 0 before any was. Events after it are
// to be folded on top.
func (l *Ledger) Learned() (state []byte, through uint64, err error) {
	err = l.view(func(tx *bolt.Tx) error {
		base, err := readCheckpoint(journalOf(tx), metaBase)
		if base != nil && err == nil && base.value.Learned != nil {
			state, through = base.value.Learned, base.value.LearnedThrough
		}
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("reading what was learned: %w", err)
	}
	return state, through, nil
}

// forget is one step of Forget: all is read before anything is written.
func (l *Ledger) forget(t *tables, cutoff time.Time) (int, error) {
	base, err := readCheckpoint(t.journal, metaBase)
	if err != nil {
		return 0, err
	}
	if base == nil {
		base = &journalled[checkpoint]{}
	}
	c := checkpoint{At: l.o.Now().UTC(), Base: true}
	var gone []forgotten
	for most := forgetStep; len(gone) == 0 && most <= forgetSight; most *= 4 {
		old, err := t.rowsOlder(nanoseconds(cutoff), most)
		if err != nil || len(old) == 0 {
			return 0, err
		}
		c.Through = base.value.Through
		for _, r := range old {
			c.Through = max(c.Through, r.seq)
		}
		if gone, err = t.forgettable(old, c.Through); err != nil {
			return 0, err
		}
		if len(old) < most {
			break
		}
	}
	if len(gone) == 0 {
		return 0, nil
	}
	if err := l.foldThrough(t.journal, base.value, &c); err != nil {
		return 0, err
	}
	last, err := readCheckpoint(t.journal, metaCheckpoint)
	if err != nil {
		return 0, err
	}
	days := map[string]*dayRecord{}
	for _, f := range gone {
		if !f.entry.Imported {
			if err := t.addDay(days, &f.entry.Outcome); err != nil {
				return 0, err
			}
		}
	}
	t.keep(t.replace(base, last, c, days, gone))
	return len(gone), t.err
}

// forgettable looks up those of old, at most forgetStep, of which nobody spoke after
// through.
func (t *tables) forgettable(old []row, through uint64) (gone []forgotten, err error) {
	for _, r := range old {
		f, err := t.lookUp(r, through)
		if err != nil {
			return nil, err
		}
		if f.spoken {
			continue
		}
		if gone = append(gone, f); len(gone) == forgetStep {
			break
		}
	}
	return gone, nil
}

// replace takes outcomes out and puts in what they came to. Its error gives up the
// whole transaction.
func (t *tables) replace(base, last *journalled[checkpoint], c checkpoint, days map[string]*dayRecord, gone []forgotten) error {
	for _, f := range gone {
		t.take(f)
	}
	if err := t.putDays(days); err != nil {
		return err
	}
	if base.seq > 0 {
		t.remove(base.seq)
	}
	pointers := [][]byte{metaBase}
	if last == nil || last.value.Base || last.value.Through <= c.Through {
		if last != nil && !last.value.Base {
			t.remove(last.seq)
		}
		pointers = append(pointers, metaCheckpoint)
	}
	if err := t.putCheckpoint(c, pointers...); err != nil {
		return err
	}
	return t.dropRows(gone)
}

// foldThrough fills c with what the journal comes to through c.Through.
func (l *Ledger) foldThrough(records *journal, base checkpoint, c *checkpoint) error {
	book := policy.NewBook(nil)
	book.Restore(base.Totals)
	var learner Folder
	if l.o.Learn != nil {
		learner = l.o.Learn()
		if err := learner.Restore(base.Learned); err != nil {
			return fmt.Errorf("restoring what was learned: %w", err)
		}
	}
	after := base.Through
	if learner != nil {
		after = min(after, base.LearnedThrough)
	}
	for p, err := range records.after(after) {
		if err != nil {
			return err
		}
		seq := p.seq
		if seq > c.Through {
			break
		}
		k, text, err := p.open()
		if err != nil {
			return err
		}
		if seq > base.Through {
			r, err := money(seq, k, text)
			if err != nil {
				return err
			}
			if r != nil {
				book.Fold(r)
			}
		}
		if learner == nil || seq <= base.LearnedThrough {
			continue
		}
		e, relevant, err := l.index.readEvent(records, seq, k, text)
		if err == nil && relevant {
			err = learner.Fold(e)
		}
		if err != nil {
			return err
		}
	}
	c.Totals = book.Totals()
	c.Learned, c.LearnedThrough = base.Learned, base.LearnedThrough
	if learner != nil {
		state, err := learner.Snapshot()
		if err != nil {
			return fmt.Errorf("keeping what was learned: %w", err)
		}
		c.Learned, c.LearnedThrough = state, c.Through
	}
	return nil
}

// forgotten is an outcome that is to be forgotten, and what goes with it.
type forgotten struct {
	entry    policy.Entry
	hold     uint64   // its hold, 0 where that was lost, and of what was imported
	feedback [][]byte // keys of the index, and places
	spoken   bool     // somebody gave feedback after through: it is kept
}

// lookUp reads what is to be known of an outcome before it is forgotten.
func (t *tables) lookUp(r row, through uint64) (f forgotten, err error) {
	if f.entry, err = readEntry(t.journal, seqBytes(r.seq)); err != nil {
		return f, err
	}
	f.hold = r.held
	prefix := feedbackKey(f.entry.Outcome.ID, "")
	c := t.tx.Bucket(bucketFeedback).Cursor()
	for key, at := c.Seek(prefix); bytes.HasPrefix(key, prefix); key, at = c.Next() {
		f.feedback = append(f.feedback, bytes.Clone(key), bytes.Clone(at))
		f.spoken = f.spoken || binary.BigEndian.Uint64(at) > through
	}
	return f, nil
}

// take takes an outcome out of the journal and of the indexes by its id.
func (t *tables) take(f forgotten) {
	t.remove(f.entry.Seq)
	if f.entry.Imported {
		t.delete(t.tx.Bucket(bucketImported), []byte(f.entry.Outcome.ID))
	}
	if f.hold > 0 {
		t.remove(f.hold)
	}
	for i := 0; i < len(f.feedback); i += 2 {
		t.delete(t.tx.Bucket(bucketFeedback), f.feedback[i])
		t.remove(binary.BigEndian.Uint64(f.feedback[i+1]))
	}
}

// rowsOlder finds outcomes of before cutoff, at most so many.
func (t *tables) rowsOlder(cutoff int64, most int) (old []row, err error) {
	c := t.tx.Bucket(bucketRows).Cursor()
	for key, value := c.First(); key != nil && len(old) < most; key, value = c.Next() {
		b, err := openBlock(value)
		if err != nil {
			return nil, err
		}
		for i := 0; i < b.n && b.earliest < cutoff && len(old) < most; i++ {
			if r := b.row(i); r.at < cutoff {
				old = append(old, r)
			}
		}
	}
	for _, r := range t.growth.x.tail {
		if _, gone := t.growth.drop[r.seq]; r.at < cutoff && !gone && len(old) < most {
			old = append(old, r)
		}
	}
	return old, nil
}

// dropRows takes the rows of outcomes out of the index.
func (t *tables) dropRows(gone []forgotten) error {
	if t.growth.drop == nil {
		t.growth.drop = map[uint64]uint64{}
	}
	drop := t.growth.drop
	var holds []uint64
	for _, f := range gone {
		drop[f.entry.Seq] = t.growth.x.hash(f.entry.Outcome.ID)
		holds = append(holds, f.hold)
	}
	if err := t.dropHolds(holds); err != nil {
		return err
	}
	type rewritten struct {
		key  []byte
		rows []row
	}
	var changed []rewritten
	rows := t.tx.Bucket(bucketRows)
	err := rows.ForEach(func(key, value []byte) error {
		b, err := openBlock(value)
		if err != nil {
			return err
		}
		left := make([]row, 0, b.n)
		for i := range b.n {
			if _, gone := drop[b.seq(i)]; !gone {
				left = append(left, b.row(i))
			}
		}
		if len(left) < b.n {
			changed = append(changed, rewritten{bytes.Clone(key), left})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, c := range changed {
		t.delete(rows, c.key)
		if n := len(c.rows); n > 0 {
			t.put(rows, seqBytes(c.rows[n-1].seq), encodeBlock(c.rows))
		}
	}
	return nil
}
