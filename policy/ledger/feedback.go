package ledger

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	bolt "go.etcd.io/bbolt"

	"github.com/drover-llm/drover/policy"
)

// FeedbackEntry is a hidden verdict, its place in the journal, and the outcome
// that it is about.
type FeedbackEntry struct {
	Seq      uint64          `json:"seq"`
	Feedback policy.Feedback `json:"feedback"`
	Outcome  Entry           `json:"outcome"`
}

// feedbackKey is the place of a source's last word in its index: those about one
// outcome lie together.
func feedbackKey(id, source string) []byte {
	return append(append([]byte(id), 0), source...)
}

// Feedback journals f. Its Before is set to what the same source said last; the
// same word again is not journalled again. policy.ErrUnknownOutcome: there is no
// outcome of this id, or it is another owner's. policy.ErrFeedbackFull: too many
// sources have spoken.
func (l *Ledger) Feedback(ctx context.Context, f policy.Feedback) error {
	f.At = f.At.UTC()
	err := l.queue.do(ctx, newWrite(func(t *tables) error {
		at := outcomeAt(t.outcomes, f.ID)
		if at == nil {
			return policy.ErrUnknownOutcome
		}
		o, err := readAt[policy.Outcome](t.journal, at, kindOutcome)
		switch {
		case err != nil:
			return err
		case o.value.Account.Owner() != f.Account.Owner():
			return policy.ErrUnknownOutcome
		}
		key := feedbackKey(f.ID, f.Source)
		last, sources, err := t.feedbackOn(f)
		switch {
		case err != nil:
			return err
		case last != nil && last.Correct == f.Correct:
			return nil
		case last != nil:
			f.Before = &last.Correct
		case sources >= policy.MaxFeedbackSources:
			return policy.ErrFeedbackFull
		}
		record, err := newRecord(kindFeedback, f)
		if err != nil {
			return err
		}
		t.put(t.feedback, key, t.append(record))
		return nil
	}))
	if err != nil {
		return fmt.Errorf("recording feedback on %q: %w", f.ID, err)
	}
	return nil
}

// feedbackOn returns the last word of f's source about its outcome, nil for
// none, and how many sources have spoken.
func (t *tables) feedbackOn(f policy.Feedback) (last *policy.Feedback, sources int, err error) {
	prefix, own := feedbackKey(f.ID, ""), feedbackKey(f.ID, f.Source)
	c := t.feedback.Cursor()
	for key, at := c.Seek(prefix); bytes.HasPrefix(key, prefix); key, at = c.Next() {
		sources++
		if bytes.Equal(key, own) {
			found, err := readAt[policy.Feedback](t.journal, at, kindFeedback)
			if err != nil {
				return nil, 0, err
			}
			last = &found.value
		}
	}
	return last, sources, nil
}

// Feedbacks yields all feedback after sequence number after, 0 for all, in the
// order of the journal, each with its outcome. Where a source changed its mind,
// both words come, the later one with its Before: whoever folds them takes the
// earlier one back. It ends after the first error, also when ctx ends.
func (l *Ledger) Feedbacks(ctx context.Context, after uint64) iter.Seq2[FeedbackEntry, error] {
	return func(yield func(FeedbackEntry, error) bool) {
		for {
			var entries []FeedbackEntry
			last, err := l.chunk(ctx, after, func(tx *bolt.Tx, seq uint64, k kind, text []byte) error {
				if k != kindFeedback {
					return nil
				}
				e := FeedbackEntry{Seq: seq}
				if err := decode(seq, text, &e.Feedback); err != nil {
					return err
				}
				at := outcomeAt(tx.Bucket(bucketOutcomes), e.Feedback.ID)
				if at == nil {
					return nil // forgotten since
				}
				o, err := readAt[policy.Outcome](tx.Bucket(bucketJournal), at, kindOutcome)
				if err != nil {
					return err
				}
				e.Outcome = Entry{Seq: o.seq, Outcome: o.value}
				entries = append(entries, e)
				return nil
			})
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
			if err != nil {
				yield(FeedbackEntry{}, fmt.Errorf("reading feedback after %d: %w", after, err))
				return
			}
			if last == after {
				return
			}
			after = last
		}
	}
}
