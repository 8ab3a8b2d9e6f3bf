package ledger

import (
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
	w, err := l.holding(h)
	if err == nil {
		err = l.queue.do(ctx, w)
	}
	if err != nil {
		return fmt.Errorf("holding for %q: %w", h.ID, err)
	}
	return nil
}

// holding is the write of a hold.
func (l *Ledger) holding(h policy.Hold) (*write, error) {
	h.At = h.At.UTC()
	_, record, err := encodeEntry(kindHold, h.ID, &h)
	if err != nil {
		return nil, err
	}
	w := newWrite(func(t *tables) error {
		if err := t.used(h.ID); err != nil {
			return err
		}
		t.growth.hold(h.ID, t.append(record))
		return nil
	})
	w.folded = func() { l.book.Fold(&h) }
	return w, nil
}

// Settle journals o and closes the hold with the same id. When it returns nil,
// both are on disk. It is never refused for want of room, since Hold bounds what
// is under way, and ctx bounds the wait only: when ctx ends, o is written all
// the same, unless the disk refuses it, and settling again gives ErrSettled.
// ErrNoHold means that nothing was held, or that the ledger has forgotten it.
func (l *Ledger) Settle(ctx context.Context, o policy.Outcome) error {
	w, err := l.settling(o)
	if err == nil {
		err = l.queue.doRegardless(ctx, w)
	}
	if err != nil {
		return fmt.Errorf("settling %q: %w", o.ID, err)
	}
	return nil
}

// settling is the write of an outcome.
func (l *Ledger) settling(o policy.Outcome) (*write, error) {
	o.At = o.At.UTC()
	_, record, err := encodeEntry(kindOutcome, o.ID, &o)
	if err != nil {
		return nil, err
	}
	w := newWrite(func(t *tables) error {
		switch err := t.used(o.ID); err {
		case ErrHeld:
			t.appendOutcome(kindOutcome, record, &o)
			return nil
		case nil:
			return ErrNoHold
		default:
			return err
		}
	})
	w.folded = func() { l.book.Fold(&o) }
	return w, nil
}

func encodeEntry(k kind, id string, v any) (key, record []byte, err error) {
	switch {
	case id == "":
		return nil, nil, errors.New("the id is empty")
	case len(id) > maxIDLength:
		return nil, nil, fmt.Errorf("the id is %d bytes long, %d are allowed", len(id), maxIDLength)
	case !utf8.ValidString(id):
		return nil, nil, errors.New("the id is not valid UTF-8")
	}
	record, err = newRecord(k, v)
	return []byte(id), record, err
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
