package ledger

import (
	"bytes"
	"context"
	"fmt"

	"github.com/drover-llm/drover/policy"
)

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
		o, err := t.outcome(f.ID)
		switch {
		case err != nil:
			return err
		case o == nil || o.Outcome.Account.Owner() != f.Account.Owner():
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
		t.put(t.tx.Bucket(bucketFeedback), key, seqBytes(t.append(record)))
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
	c := t.tx.Bucket(bucketFeedback).Cursor()
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
