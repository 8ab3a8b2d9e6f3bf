package ledger

import (
	"encoding/json"

	"github.com/drover-llm/drover/policy"
)

// begin takes the book up where the last base left it.
func (v *verification) begin() error {
	v.book = policy.NewBook(nil)
	base, err := readCheckpoint(journalOf(v.tx), metaBase)
	if base != nil && err == nil {
		v.through = base.value.Through
		v.book.Restore(base.value.Totals)
	}
	v.removed = removed(v.tx)
	_, lastErr := readCheckpoint(journalOf(v.tx), metaCheckpoint)
	var openErr error
	v.indexed, v.open, openErr = readOpen(v.tx)
	for _, err := range []error{err, lastErr, openErr} {
		if err != nil {
			v.fault("%v", err)
		}
	}
	return nil
}

// checkpoint compares what was folded from the base with what was journalled.
func (v *verification) checkpoint(seq uint64, text []byte) error {
	var c checkpoint
	if err := decode(seq, text, &c); err != nil {
		return err
	}
	if c.Through == seq-1 && seq > v.through && !sameTotals(v.book.Totals(), c.Totals) {
		v.fault("record %d: the journal up to here does not come to what this checkpoint says", seq)
	}
	return nil
}

// compareBook compares the book that was folded from the base with the one that
// is folded from the last checkpoint, as when the ledger is opened.
func (v *verification) compareBook() {
	l := Ledger{}
	if err := l.loadBook(v.tx); err != nil {
		v.fault("folding the book: %v", err)
		return
	}
	if !sameTotals(v.book.Totals(), l.book.Totals()) {
		v.fault("the book from the last checkpoint is not the one from the start")
	}
}

func sameTotals(a, b policy.Totals) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}
