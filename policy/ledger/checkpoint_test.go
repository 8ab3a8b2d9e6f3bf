package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// TestBookFromACheckpointIsTheBookFromTheStart states the law: whatever is held,
// settled, released and reopened, the book that is folded from the last
// checkpoint is the one that was there before, and the one that is folded from
// the journal's start.
func TestBookFromACheckpointIsTheBookFromTheStart(t *testing.T) {
	dir := t.TempDir()
	var file int
	rapid.Check(t, func(t *rapid.T) {
		file++
		path := filepath.Join(dir, fmt.Sprintf("%d.db", file))
		var l *Ledger
		begin := func() {
			var err error
			if l, err = Open(path, Options{}); err != nil {
				t.Fatal(err)
			}
			l.db.NoSync, l.every, l.index.full = true, 4, 3
		}
		begin()
		defer func() {
			l.Close()
			os.Remove(path)
		}()
		ids, n := []string{}, 0
		money := rapid.Int64Range(0, 1e12)
		budgets := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"small", "large", "all"}), 0, 3, rapid.ID[string])
		t.Repeat(map[string]func(*rapid.T){
			"hold": func(t *rapid.T) {
				n++
				ids = append(ids, fmt.Sprint(n))
				h := policy.Hold{ID: fmt.Sprint(n), At: day, Ceiling: new(pricing.USD(money.Draw(t, "ceiling"))), Budgets: budgets.Draw(t, "budgets")}
				if err := l.Hold(context.Background(), h); err != nil {
					t.Fatal(err)
				}
			},
			"settle": func(t *rapid.T) {
				if len(ids) == 0 {
					return
				}
				at := rapid.IntRange(0, len(ids)-1).Draw(t, "which")
				o := policy.Outcome{ID: ids[at], At: day, Cost: new(pricing.USD(money.Draw(t, "cost")))}
				ids = append(ids[:at], ids[at+1:]...)
				if err := l.Settle(context.Background(), o); err != nil {
					t.Fatal(err)
				}
			},
			"crash and release": func(t *rapid.T) {
				if len(ids) == 0 {
					return
				}
				r := policy.Release{ID: ids[0], At: day, By: "ann", Charge: rapid.Bool().Draw(t, "charge")}
				if _, err := l.Release(context.Background(), r); err != nil && !errors.Is(err, policy.ErrUnderWay) {
					t.Fatal(err)
				}
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				begin()
				if _, err := l.Release(context.Background(), r); err != nil && !errors.Is(err, policy.ErrUnknownHold) {
					t.Fatal(err)
				}
				ids = ids[1:]
			},
			"reopen": func(t *rapid.T) {
				before := l.Totals()
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				begin()
				if !sameTotals(before, l.Totals()) {
					t.Fatal(cmp.Diff(before, l.Totals()))
				}
			},
			"verify": func(t *rapid.T) {
				if r, err := l.Verify(context.Background(), nil); err != nil || r.Faulty > 0 || r.OpenHolds != len(ids) {
					t.Fatal(r.Faults, r.OpenHolds, len(ids), err)
				}
			},
		})
	})
}

func TestReleaseIsForHoldsThatACrashLeft(t *testing.T) {
	l := newLedger(t)
	mustHold(t, l, "a", "b", "c")
	r := policy.Release{ID: "a", At: day, By: "ann"}
	if _, err := l.Release(t.Context(), r); !errors.Is(err, policy.ErrUnderWay) {
		t.Fatal(err)
	}
	l = reopen(t, l)
	mustSettle(t, l, "c")
	if _, err := l.Release(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Release(t.Context(), r); !errors.Is(err, policy.ErrUnknownHold) {
		t.Fatal(err)
	}
	if _, err := l.Release(t.Context(), policy.Release{ID: "b", At: day, By: "ann", Charge: true}); err != nil {
		t.Fatal(err)
	}
	if open := openIDs(t, l); len(open) != 0 {
		t.Fatal(open)
	}
	changes, err := l.Changes(0, 1)
	if err != nil || len(changes) != 1 || changes[0].Change.Action != "hold.charge" || changes[0].Change.Subject != "b" {
		t.Fatal(changes, err)
	}
	check(t, l)
}
