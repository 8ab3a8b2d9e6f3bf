package ledger

import (
	"context"
	"runtime"
	"sync"

	"github.com/drover-llm/drover/policy"
)

// openedRecord is a record of the journal whose checksum was looked at. What it says
// of money, and its outcome, are decoded; the rest is not.
type openedRecord struct {
	placed
	kind    kind
	text    []byte // valid in its transaction
	money   policy.Record
	outcome *policy.Outcome
	err     error
}

// open fills r from where it lies.
func (r *openedRecord) open() {
	if r.err != nil {
		return
	}
	if r.kind, r.text, r.err = r.placed.open(); r.err != nil {
		return
	}
	switch r.kind {
	case kindOutcome, kindImported:
		r.outcome = new(policy.Outcome)
		if r.err = decode(r.seq, r.text, r.outcome); r.kind == kindOutcome {
			r.money = r.outcome
		}
	default:
		r.money, r.err = money(r.seq, r.kind, r.text)
	}
}

// openedTogether is how many records are opened by one goroutine at a time.
const openedTogether = 512

// opened hands each all records of the journal in their order, some at a time. They
// are decoded by as many goroutines as there are processors, which is most of the
// work of reading them.
func opened(ctx context.Context, records *journal, each func(some []openedRecord)) error {
	type part struct {
		records []openedRecord
		err     error
		done    chan struct{}
	}
	var parts []*part
	var decoding sync.WaitGroup
	defer decoding.Wait() // they read the transaction's memory
	finish := func(most int) error {
		for ; len(parts) > most; parts = parts[1:] {
			<-parts[0].done
			if err := parts[0].err; err != nil {
				return err
			}
			each(parts[0].records)
		}
		return ctx.Err()
	}
	next := &part{done: make(chan struct{})}
	begin := func() {
		p := next
		next = &part{done: make(chan struct{})}
		decoding.Go(func() {
			defer close(p.done)
			p.err = guarded(func() error {
				for i := range p.records {
					p.records[i].open()
				}
				return nil
			})
		})
		parts = append(parts, p)
	}
	for p, err := range records.after(0) {
		if next.records = append(next.records, openedRecord{placed: p, err: err}); len(next.records) < openedTogether {
			continue
		}
		begin()
		if err := finish(2 * runtime.GOMAXPROCS(0)); err != nil {
			return err
		}
	}
	begin()
	return finish(0)
}
