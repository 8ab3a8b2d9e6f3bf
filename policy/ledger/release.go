package ledger

import (
	"context"
	"fmt"

	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// release is the journal's record of a policy.Release.
type release struct {
	policy.Release
	Hold    uint64       `json:"hold"`              // sequence number of the hold
	Ceiling *pricing.USD `json:"ceiling,omitempty"` // of the hold, for whoever reads what administrators did; nil: not known
}

// Release ends a hold that a crash left open, as an administrator says, and
// returns the hold. When it returns nil, that is on disk. policy.ErrUnknownHold:
// there is none; policy.ErrUnderWay: it was made since the ledger was opened.
func (l *Ledger) Release(ctx context.Context, r policy.Release) (policy.Hold, error) {
	r.At = r.At.UTC()
	var h journalled[policy.Hold]
	w := newWrite(func(t *tables) error {
		seq, open := t.growth.holdOf(r.ID)
		switch {
		case !open:
			return policy.ErrUnknownHold
		case seq > l.opened:
			return policy.ErrUnderWay
		}
		var err error
		if h, err = readAt[policy.Hold](t.journal, seqBytes(seq), kindHold); err != nil {
			return err
		}
		record, err := newRecord(kindRelease, release{Release: r, Hold: h.seq, Ceiling: h.value.Ceiling})
		if err != nil {
			return err
		}
		t.appendChange(record)
		t.growth.release(r.ID)
		return nil
	})
	w.folded = func() { l.book.Fold(r) }
	if err := l.queue.do(ctx, w); err != nil {
		return policy.Hold{}, fmt.Errorf("releasing the hold of %q: %w", r.ID, err)
	}
	l.o.Log.Info("hold released", "id", r.ID, "key", h.value.Account.Key, "charged", r.Charge, "by", r.By)
	return h.value, nil
}
