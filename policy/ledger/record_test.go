package ledger

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/drover-llm/drover/policy"
)

// TestOutcomeSurvivesTheJournal states that encoding/json and the decoder of
// another package agree on every outcome.
func TestOutcomeSurvivesTheJournal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.Make[policy.Outcome]().Draw(t, "outcome")
		want.At = day
		record, err := newRecord(kindOutcome, want)
		if err != nil {
			t.Fatal(err)
		}
		seal(7, record)
		k, text, err := openRecord(7, record)
		if err != nil || k != kindOutcome {
			t.Fatal(k, err)
		}
		var got policy.Outcome
		if err := decode(7, text, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}

// FuzzOpenRecord gives the decoder records whose checksum is right and whose
// content is anything.
func FuzzOpenRecord(f *testing.F) {
	for k, v := range map[kind]any{
		kindHold: hold("a"), kindOutcome: outcome("a"),
		kindKeyCreated: keyRecord{}, kindKeyRevoked: keyRevoked{},
		kindSuite: suite("suite_a", policy.Account{Team: "acme"}), kindFeedback: policy.Feedback{ID: "a", Before: new(bool)},
	} {
		record, err := newRecord(k, v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint64(1), record)
	}
	f.Add(uint64(0), []byte{2, 1})
	f.Fuzz(func(t *testing.T, seq uint64, record []byte) {
		if len(record) >= headerSize {
			seal(seq, record)
		}
		k, text, err := openRecord(seq, record)
		if err != nil {
			return
		}
		var hold policy.Hold
		var outcome policy.Outcome
		var key keyRecord
		switch k {
		case kindHold:
			err = decode(seq, text, &hold)
		case kindOutcome:
			err = decode(seq, text, &outcome)
		case kindKeyCreated:
			err = decode(seq, text, &key)
		}
		if err != nil {
			return
		}
		// What can be read can be written again.
		again, err := newRecord(kindOutcome, outcome)
		if err != nil {
			t.Fatal(err)
		}
		var second policy.Outcome
		if err := decode(seq, again[headerSize:], &second); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(outcome, second, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}
