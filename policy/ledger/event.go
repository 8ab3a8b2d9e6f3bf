package ledger

import (
	"context"
	"fmt"
	"iter"

	"github.com/drover-llm/drover/policy"
)

// Event is a record that something can be learned from. One of its pointers is
// set, of feedback two.
type Event struct {
	Seq      uint64
	Outcome  *policy.Outcome // also beside Feedback, which is about it
	Imported bool            // Outcome was recorded elsewhere
	Feedback *policy.Feedback
	Priors   *policy.Priors
}

// Events yields what can be learned from after sequence number after, 0 for all,
// in the order of the journal: the order in which it was written, so that a fold
// over it can be made again. It ends after the first error, also when ctx ends.
// What is journalled while it runs is seen.
func (l *Ledger) Events(ctx context.Context, after uint64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			var events []Event
			last, err := l.chunk(ctx, after, func(records *journal, seq uint64, k kind, text []byte) error {
				e, relevant, err := l.index.readEvent(records, seq, k, text)
				if relevant && err == nil {
					events = append(events, e)
				}
				return err
			})
			for _, e := range events {
				if !yield(e, nil) {
					return
				}
			}
			if err != nil {
				yield(Event{}, fmt.Errorf("reading events after %d: %w", after, err))
				return
			}
			if last == after {
				return
			}
			after = last
		}
	}
}

// readEvent reads a record that something can be learned from.
func (x *index) readEvent(records *journal, seq uint64, k kind, text []byte) (e Event, relevant bool, err error) {
	e.Seq = seq
	switch k {
	case kindOutcome, kindImported:
		e.Outcome, e.Imported = new(policy.Outcome), k == kindImported
		return e, true, decode(seq, text, e.Outcome)
	case kindPriors:
		e.Priors = new(policy.Priors)
		return e, true, decode(seq, text, e.Priors)
	case kindFeedback:
		e.Feedback = new(policy.Feedback)
		if err := decode(seq, text, e.Feedback); err != nil {
			return e, false, err
		}
		about, err := x.outcome(records, e.Feedback.ID)
		if about == nil || err != nil {
			return e, false, err // forgotten since, together with what was said about it
		}
		e.Outcome = &about.Outcome
		return e, true, nil
	}
	return e, false, nil
}
