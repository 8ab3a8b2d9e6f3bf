package ledger

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// day is when the tests take place.
var day = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func usd(n int64) *pricing.USD {
	u := pricing.USD(n)
	return &u
}

func open(t testing.TB, path string) *Ledger {
	t.Helper()
	l, err := Open(path, Options{Now: func() time.Time { return day }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func newLedger(t testing.TB) *Ledger {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "drover.db"))
}

func reopen(t testing.TB, l *Ledger) *Ledger {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, l.Path())
}

func hold(id string) policy.Hold {
	return policy.Hold{ID: id, At: day, Account: policy.Account{Key: "k", Team: "acme"}, Route: "auto", Ceiling: usd(50_000_000)}
}

func outcome(id string) policy.Outcome {
	return policy.Outcome{
		ID: id, At: day, Account: policy.Account{Key: "k", Team: "acme"}, Requested: "auto", Route: "auto",
		Model: "gpt-4o", Reason: "no_tests", Stream: true,
		Calls: []policy.Call{{
			Model: "gpt-4o", Provider: "openai", Usage: pricing.Usage{Prompt: 1200, CachedPrompt: 1000, Completion: 300},
			Cost: usd(7_250_000), Status: 200, Tries: 1, Finish: "stop", Took: 1500 * time.Millisecond,
		}},
		Cost: usd(7_250_000), Status: 200, Took: 1510 * time.Millisecond,
		Tags: map[string]string{"job": "nightly <1>"}, Prices: "2026-02-01",
	}
}

func mustHold(t testing.TB, l *Ledger, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := l.Hold(context.Background(), hold(id)); err != nil {
			t.Fatal(err)
		}
	}
}

func mustSettle(t testing.TB, l *Ledger, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := l.Settle(context.Background(), outcome(id)); err != nil {
			t.Fatal(err)
		}
	}
}

func openIDs(t testing.TB, l *Ledger) []string {
	t.Helper()
	holds, err := l.OpenHolds()
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, h := range holds {
		ids = append(ids, h.ID)
	}
	return ids
}

func outcomeIDs(t testing.TB, l *Ledger, after uint64) []string {
	t.Helper()
	ids := []string{}
	for e, err := range l.Outcomes(context.Background(), after) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.Outcome.ID)
	}
	return ids
}

// check verifies the ledger.
func check(t testing.TB, l *Ledger) Report {
	t.Helper()
	r, err := l.Verify(context.Background(), nil)
	if err != nil || r.Faulty > 0 {
		t.Fatalf("%v: %q", err, r.Faults)
	}
	return r
}

func TestWhatWasSettledIsThereAfterReopening(t *testing.T) {
	l := newLedger(t)
	mustHold(t, l, "a", "b", "c")
	mustSettle(t, l, "c", "a")
	for range 2 {
		e, err := l.Outcome("a")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(outcome("a"), e.Outcome); diff != "" {
			t.Fatalf("outcome differs (-want +got):\n%s", diff)
		}
		holds, err := l.OpenHolds()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]policy.Hold{hold("b")}, holds); diff != "" {
			t.Fatalf("open holds differ (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"c", "a"}, outcomeIDs(t, l, 0)); diff != "" {
			t.Fatalf("outcomes differ (-want +got):\n%s", diff)
		}
		if l.Len() != 2 {
			t.Fatalf("Len is %d", l.Len())
		}
		check(t, l)
		l = reopen(t, l)
	}
}

func TestTimesAreKeptInUTC(t *testing.T) {
	l := newLedger(t)
	h, o := hold("a"), outcome("a")
	east := time.FixedZone("east", 5*3600)
	h.At, o.At = h.At.In(east), o.At.In(east)
	if err := l.Hold(context.Background(), h); err != nil {
		t.Fatal(err)
	}
	if err := l.Settle(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	e, err := l.Outcome("a")
	if err != nil {
		t.Fatal(err)
	}
	if e.Outcome.At != day {
		t.Fatalf("at %v", e.Outcome.At)
	}
}

func TestEveryIDHoldsAndSettlesOnce(t *testing.T) {
	ctx := context.Background()
	l := newLedger(t)
	mustHold(t, l, "a")
	for range 2 { // in the same process, and after reopening
		if err := l.Hold(ctx, hold("a")); !errors.Is(err, ErrHeld) {
			t.Fatalf("second hold: %v", err)
		}
		l = reopen(t, l)
	}
	mustSettle(t, l, "a")
	for range 2 {
		if err := l.Settle(ctx, outcome("a")); !errors.Is(err, ErrSettled) {
			t.Fatalf("second outcome: %v", err)
		}
		if err := l.Hold(ctx, hold("a")); !errors.Is(err, ErrSettled) {
			t.Fatalf("hold after outcome: %v", err)
		}
		if err := l.Settle(ctx, outcome("stray")); !errors.Is(err, ErrNoHold) {
			t.Fatalf("outcome without hold: %v", err)
		}
		if _, err := l.Outcome("stray"); !errors.Is(err, ErrNoOutcome) {
			t.Fatalf("unknown outcome: %v", err)
		}
		if l.Len() != 1 {
			t.Fatalf("Len is %d", l.Len())
		}
		l = reopen(t, l)
	}
}

func TestStrangeBytesDoNotStopTheJournal(t *testing.T) {
	l := newLedger(t)
	mustHold(t, l, "a")
	o := outcome("a")
	o.Requested, o.Tags = "gpt\xff", map[string]string{"\xfe": "1", "\xff": "2", "<&>": "\u2028\x00"}
	if err := l.Settle(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	if ids := outcomeIDs(t, l, 0); len(ids) != 1 {
		t.Fatalf("outcomes: %q", ids)
	}
}

func TestUnfitIDsAreRefused(t *testing.T) {
	l := newLedger(t)
	for _, id := range []string{"", "a\xff", strings.Repeat("x", maxIDLength+1)} {
		if err := l.Hold(context.Background(), hold(id)); err == nil {
			t.Errorf("hold with the id %q accepted", id)
		}
		if err := l.Settle(context.Background(), outcome(id)); err == nil {
			t.Errorf("outcome with the id %q accepted", id)
		}
	}
	mustHold(t, l, strings.Repeat("x", maxIDLength))
}

func TestOutcomesResumesAfterSequenceNumber(t *testing.T) {
	l := newLedger(t)
	const n = 2*chunkRecords + 3 // so that several read transactions are needed
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("id-%04d", i)
	}
	l.db.NoSync = true
	mustHold(t, l, ids...)
	mustSettle(t, l, ids...)
	if diff := cmp.Diff(ids, outcomeIDs(t, l, 0)); diff != "" {
		t.Fatal(diff)
	}
	e, err := l.Outcome(ids[n-3])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ids[n-2:], outcomeIDs(t, l, e.Seq)); diff != "" {
		t.Fatal(diff)
	}
	if got := outcomeIDs(t, l, 1<<64-1); len(got) != 0 {
		t.Fatalf("after the last possible number: %v", got)
	}
}

func TestOutcomesLetsCallersSettleAndStop(t *testing.T) {
	l := newLedger(t)
	mustHold(t, l, "a", "b", "c")
	mustSettle(t, l, "a")
	var seen []string
	for e, err := range l.Outcomes(context.Background(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, e.Outcome.ID)
		if e.Outcome.ID == "b" {
			break
		}
		mustSettle(t, l, "b", "c") // would hang if the loop kept a transaction open
	}
	if diff := cmp.Diff([]string{"a", "b"}, seen); diff != "" {
		t.Fatal(diff)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, err := range l.Outcomes(ctx, 0) {
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled: %v", err)
		}
		return
	}
	t.Fatal("a cancelled read ended without an error")
}

func TestClosedLedgerRefuses(t *testing.T) {
	ctx := context.Background()
	l := newLedger(t)
	mustHold(t, l, "a")
	for range 2 {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, _, keyErr := l.CreateKey(ctx, policy.Key{}, "test")
	_, outcomeErr := l.Outcome("a")
	_, holdsErr := l.OpenHolds()
	for name, err := range map[string]error{
		"Hold": l.Hold(ctx, hold("b")), "Settle": l.Settle(ctx, outcome("a")),
		"CreateKey": keyErr, "Outcome": outcomeErr, "OpenHolds": holdsErr,
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
}
