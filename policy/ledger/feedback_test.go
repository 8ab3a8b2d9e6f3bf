package ledger

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drover-llm/drover/policy"
)

func feedbacks(t testing.TB, l *Ledger) (all []Event) {
	t.Helper()
	for e, err := range l.Events(context.Background(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Feedback != nil {
			all = append(all, e)
		}
	}
	return all
}

func TestFeedbackIsReadWithItsOutcome(t *testing.T) {
	l := newLedger(t)
	mustHold(t, l, "a", "b", "c")
	mustSettle(t, l, "a", "b")
	say := func(id, source string, correct bool) {
		t.Helper()
		if err := l.Feedback(t.Context(), policy.Feedback{ID: id, At: day, Account: acme, Source: source, Correct: correct}); err != nil {
			t.Fatal(err)
		}
	}
	say("b", "ci", true)
	say("a", "", false)
	say("b", "review", false)
	say("b", "ci", true) // nothing new
	say("b", "ci", false)
	l = reopen(t, l)
	var got []string
	for _, e := range feedbacks(t, l) {
		before := "nothing"
		if e.Feedback.Before != nil {
			before = fmt.Sprint(*e.Feedback.Before)
		}
		got = append(got, fmt.Sprintf("%s %q %t after %s", e.Outcome.ID, e.Feedback.Source, e.Feedback.Correct, before))
	}
	want := []string{`b "ci" true after nothing`, `a "" false after nothing`, `b "review" false after nothing`, `b "ci" false after true`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	check(t, l)
}

func TestFeedbackOnWhatIsNotOursIsRefused(t *testing.T) {
	l := newLedger(t)
	mustHold(t, l, "a", "held")
	mustSettle(t, l, "a")
	for _, f := range []policy.Feedback{{ID: "none", Account: acme}, {ID: "held", Account: acme}, {ID: "a", Account: rival}, {ID: "a", Account: loner}} {
		if err := l.Feedback(t.Context(), f); !errors.Is(err, policy.ErrUnknownOutcome) {
			t.Errorf("%+v: %v", f, err)
		}
	}
	if all := feedbacks(t, l); len(all) > 0 {
		t.Fatalf("%+v", all)
	}
}

func TestSourcesOfFeedbackAreBounded(t *testing.T) {
	l := newLedger(t)
	mustHold(t, l, "a")
	mustSettle(t, l, "a")
	for i := range policy.MaxFeedbackSources + 1 {
		err := l.Feedback(t.Context(), policy.Feedback{ID: "a", Account: acme, Source: fmt.Sprint(i)})
		if want := i == policy.MaxFeedbackSources; errors.Is(err, policy.ErrFeedbackFull) != want {
			t.Fatalf("source %d: %v", i, err)
		}
	}
	if err := l.Feedback(t.Context(), policy.Feedback{ID: "a", Account: acme, Source: "3", Correct: true}); err != nil {
		t.Fatal(err) // one that has spoken may speak again
	}
	check(t, l)
}
