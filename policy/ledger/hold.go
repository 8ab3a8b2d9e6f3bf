package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	bolt "go.etcd.io/bbolt"

	"github.com/drover-llm/drover/policy"
)

// maxIDLength bounds the ids of holds and outcomes, in bytes.
const maxIDLength = 256

// Hold journals h. When it returns nil, h is on disk. On an error, also when ctx
// ends, it is not and never will be; there is one exception, a commit whose last
// sync failed, and then Err is set and a new start may find h open. ErrHeld and
// ErrSettled refuse an id that was used before.
func (l *Ledger) Hold(ctx context.Context, h policy.Hold) error {
	w := l.holds.Get().(*holdWrite)
	err := w.fill(h)
	if err == nil {
		err = l.queue.do(ctx, w.write)
	}
	if !w.queued {
		w.hold = policy.Hold{}
		l.holds.Put(w)
	}
	if err != nil {
		return fmt.Errorf("holding for %q: %w", h.ID, err)
	}
	return nil
}

// holdWrite is the write of a hold. It is used for one after the other.
type holdWrite struct {
	*write
	hold   policy.Hold
	record []byte
}

func (l *Ledger) newHoldWrite() *holdWrite {
	w := &holdWrite{write: newWrite(nil), record: make([]byte, 0, usualSize)}
	w.apply = func(t *tables) error {
		if err := t.used(w.hold.ID); err != nil {
			return err
		}
		t.growth.hold(w.hold.ID, t.append(w.record))
		return nil
	}
	w.folded = func() { l.book.Fold(&w.hold) }
	return w
}

func (w *holdWrite) fill(h policy.Hold) (err error) {
	w.hold = h
	w.hold.At = h.At.UTC()
	w.record, err = appendEntry(w.record[:0], kindHold, h.ID, &w.hold)
	return err
}

// Settle journals o and closes the hold with the same id. When it returns nil,
// both are on disk. It is never refused for want of room, since Hold bounds what
// is under way, and ctx bounds the wait only: when ctx ends, o is written all
// the same, unless the disk refuses it, and settling again gives ErrSettled.
// ErrNoHold means that nothing was held, or that the ledger has forgotten it.
func (l *Ledger) Settle(ctx context.Context, o policy.Outcome) error {
	w := l.settles.Get().(*settleWrite)
	err := w.fill(o)
	if err == nil {
		err = l.queue.doRegardless(ctx, w.write)
	}
	if !w.queued {
		w.outcome = policy.Outcome{}
		l.settles.Put(w)
	}
	if err != nil {
		return fmt.Errorf("settling %q: %w", o.ID, err)
	}
	return nil
}

// settleWrite is the write of an outcome. It is used for one after the other.
type settleWrite struct {
	*write
	outcome policy.Outcome
	record  []byte
}

func (l *Ledger) newSettleWrite() *settleWrite {
	w := &settleWrite{write: newWrite(nil), record: make([]byte, 0, usualSize)}
	w.apply = func(t *tables) error {
		held, open := t.growth.holdOf(w.outcome.ID)
		if !open {
			return cmp.Or(t.used(w.outcome.ID), ErrNoHold)
		}
		t.growth.settle(t, t.append(w.record), held, &w.outcome)
		return nil
	}
	w.folded = func() { l.book.Fold(&w.outcome) }
	return w
}

func (w *settleWrite) fill(o policy.Outcome) (err error) {
	w.outcome = o
	w.outcome.At = o.At.UTC()
	w.record, err = appendEntry(w.record[:0], kindOutcome, o.ID, &w.outcome)
	return err
}

// appendEntry appends the record of something that has an id.
func appendEntry(b []byte, k kind, id string, v any) ([]byte, error) {
	switch {
	case id == "":
		return b, errors.New("the id is empty")
	case len(id) > maxIDLength:
		return b, fmt.Errorf("the id is %d bytes long, %d are allowed", len(id), maxIDLength)
	case !utf8.ValidString(id):
		return b, errors.New("the id is not valid UTF-8")
	}
	return appendRecord(b, k, v)
}

// OpenHolds returns the holds that no outcome has settled, oldest first: those
// of requests under way, and those of requests that a crash cut off.
func (l *Ledger) OpenHolds() ([]policy.Hold, error) {
	open, err := l.Holds()
	holds := make([]policy.Hold, len(open))
	for i, h := range open {
		holds[i] = h.Hold
	}
	return holds, err
}

// Holds is OpenHolds, and tells the one from the other.
func (l *Ledger) Holds() ([]policy.OpenHold, error) {
	holds := []policy.OpenHold{}
	open := l.index.openHolds() // before the transaction begins, which has them then
	err := l.view(func(tx *bolt.Tx) error {
		records := journalOf(tx)
		for _, seq := range open {
			h, err := readAt[policy.Hold](records, seqBytes(seq), kindHold)
			switch {
			case errors.Is(err, errGone) && !slices.Contains(l.index.openHolds(), seq):
				continue // its outcome came meanwhile, and was forgotten
			case err != nil:
				return err
			}
			holds = append(holds, policy.OpenHold{Hold: h.value, UnderWay: seq > l.opened})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing open holds: %w", err)
	}
	return holds, nil
}
