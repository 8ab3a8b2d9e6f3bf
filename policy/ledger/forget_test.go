package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// chain is a Folder that tells every event and every order of them apart.
type chain struct {
	Sum   [sha256.Size]byte
	Count int
}

func (c *chain) Restore(state []byte) error {
	*c = chain{}
	if state == nil {
		return nil
	}
	return json.Unmarshal(state, c)
}

func (c *chain) Fold(e Event) error {
	e.Seq = 0 // what is forgotten leaves records of its own
	text, err := json.Marshal(e)
	c.Sum, c.Count = sha256.Sum256(append(c.Sum[:], text...)), c.Count+1
	return err
}

func (c *chain) Snapshot() ([]byte, error) { return json.Marshal(c) }

// learned folds what the ledger says was learned, as at a start.
func learned(t interface{ Fatal(...any) }, l *Ledger) chain {
	var c chain
	state, through, err := l.Learned()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Restore(state); err != nil {
		t.Fatal(err)
	}
	for e, err := range l.Events(context.Background(), through) {
		if err == nil {
			err = c.Fold(e)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// spent sums what every account spent from a moment on.
func spent(t interface{ Fatal(...any) }, l *Ledger, since time.Time) map[policy.Account]policy.Spending {
	sums := map[policy.Account]policy.Spending{}
	err := l.Spendings(since, func(s policy.Spending) {
		sum := sums[s.Account]
		sum.Cost, sum.Requests, sum.Unknown = sum.Cost+s.Cost, sum.Requests+s.Requests, sum.Unknown+s.Unknown
		sums[s.Account] = sum
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

// TestForgettingChangesNoBookAndNoModel states the law: whatever is forgotten in
// between, the book, what was learned and what accounts spent are what they would
// be had nothing been forgotten, also after opening again.
func TestForgettingChangesNoBookAndNoModel(t *testing.T) {
	dir := t.TempDir()
	var file int
	rapid.Check(t, func(t *rapid.T) {
		file++
		paths := [2]string{filepath.Join(dir, fmt.Sprintf("%d.db", file)), filepath.Join(dir, fmt.Sprintf("%d-whole.db", file))}
		var ls [2]*Ledger // the second forgets nothing
		hash := rapid.SampledFrom([]func(string) uint64{nil, fewHashes}).Draw(t, "hash")
		begin := func() {
			for i, path := range paths {
				var err error
				if ls[i], err = Open(path, Options{Learn: func() Folder { return new(chain) }, hash: hash}); err != nil {
					t.Fatal(err)
				}
				ls[i].db.NoSync, ls[i].every, ls[i].index.full = true, 7, 8
			}
		}
		begin()
		defer func() {
			for i, l := range ls {
				l.Close()
				os.Remove(paths[i])
			}
		}()
		n, now := 0, day
		t.Repeat(map[string]func(*rapid.T){
			"request": func(t *rapid.T) {
				for range rapid.IntRange(1, 5).Draw(t, "requests") {
					n++
					o := varied(n)
					o.At = now.Add(time.Duration(rapid.IntRange(-30, 2).Draw(t, "hours")) * time.Hour)
					h := hold(o.ID)
					h.At, h.Account, h.Budgets = o.At, o.Account, []string{o.Account.Key}
					open := rapid.IntRange(0, 9).Draw(t, "open") == 0
					for _, l := range ls {
						err := l.Hold(context.Background(), h)
						if !open {
							err = errors.Join(err, l.Settle(context.Background(), o))
						}
						if err != nil {
							t.Fatal(err)
						}
					}
				}
			},
			"feedback": func(t *rapid.T) {
				if n == 0 {
					return
				}
				o := varied(rapid.IntRange(1, n).Draw(t, "about"))
				f := policy.Feedback{ID: o.ID, At: now, Account: o.Account, Source: "ci", Correct: rapid.Bool().Draw(t, "correct")}
				// What was forgotten is not known any more.
				if err := ls[0].Feedback(context.Background(), f); errors.Is(err, policy.ErrUnknownOutcome) {
					return
				}
				if err := ls[1].Feedback(context.Background(), f); err != nil {
					t.Fatal(err)
				}
			},
			"a day passes": func(t *rapid.T) { now = now.Add(24 * time.Hour) },
			"forget": func(t *rapid.T) {
				before := now.Add(-time.Duration(rapid.IntRange(0, 3).Draw(t, "days")) * 24 * time.Hour)
				if _, err := ls[0].Forget(context.Background(), before); err != nil {
					t.Fatal(err)
				}
			},
			"reopen": func(t *rapid.T) {
				if err := errors.Join(ls[0].Close(), ls[1].Close()); err != nil {
					t.Fatal(err)
				}
				begin()
			},
			"compare": func(t *rapid.T) {
				if !sameTotals(ls[0].Totals(), ls[1].Totals()) {
					t.Fatal(cmp.Diff(ls[0].Totals(), ls[1].Totals()))
				}
				since := now.Truncate(24*time.Hour).AddDate(0, 0, -rapid.IntRange(-1, 5).Draw(t, "days"))
				for _, since := range []time.Time{{}, since} {
					if diff := cmp.Diff(spent(t, ls[0], since), spent(t, ls[1], since)); diff != "" {
						t.Fatal(diff)
					}
				}
				whole := map[string]bool{}
				for e, err := range ls[0].Outcomes(context.Background(), 0) {
					if whole[e.Outcome.ID] = true; err != nil {
						t.Fatal(err)
					}
				}
				for i := range n {
					id := varied(i + 1).ID
					if _, err := ls[0].Outcome(id); whole[id] != (err == nil) || err != nil && !errors.Is(err, ErrNoOutcome) {
						t.Fatalf("outcome %s is there: %t; by its id: %v", id, whole[id], err)
					}
				}
				for _, l := range ls {
					if r, err := l.Verify(context.Background(), nil); err != nil || r.Faulty > 0 {
						t.Fatal(r.Faults, err)
					}
				}
				if a, b := learned(t, ls[0]), learned(t, ls[1]); a != b {
					t.Fatalf("learned of %d events and of %d, in this order or another", a.Count, b.Count)
				}
			},
		})
	})
}

func TestForgottenOutcomesLeaveTheirSumsAndTheirRoom(t *testing.T) {
	l := newLedger(t)
	l.db.NoSync, l.index.full = true, 512
	n := 3*512 + 300
	all := settleVaried(t, l, 0, n) // a minute between two
	cutoff := day.Add(24 * time.Hour)
	midnight := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	kept := map[string]bool{}
	for _, o := range all {
		if !o.At.Before(midnight) {
			kept[o.ID] = true
		}
	}
	forgotten, err := l.Forget(t.Context(), cutoff)
	if err != nil || forgotten != n-len(kept) {
		t.Fatal(forgotten, n-len(kept), err)
	}
	for range 2 {
		got := map[string]bool{}
		for _, id := range outcomeIDs(t, l, 0) {
			got[id] = true
		}
		if !maps.Equal(got, kept) || l.Len() != len(kept) {
			t.Fatalf("%d outcomes of %d are there, Len is %d", len(got), len(kept), l.Len())
		}
		entries, _, err := l.Find(t.Context(), policy.Filter{}, 0, n)
		if err != nil || len(entries) != len(kept) {
			t.Fatal(len(entries), err)
		}
		check(t, l)
		l = reopen(t, l)
		l.db.NoSync = true
	}
	if again, err := l.Forget(t.Context(), cutoff); err != nil || again != 0 {
		t.Fatal(again, err)
	}
	want := map[policy.Account]pricing.USD{}
	for _, o := range all {
		if o.Cost != nil {
			want[o.Account] += *o.Cost
		}
	}
	got := map[policy.Account]pricing.USD{}
	for who, s := range spent(t, l, time.Time{}) {
		got[who] = s.Cost
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

// TestFileStopsGrowing goes on for many days with a retention of two: the file
// stays as large as a few days are.
func TestFileStopsGrowing(t *testing.T) {
	l := newLedger(t)
	l.db.NoSync = true
	l.db.AllocSize = 1 << 16
	var sizes []int64
	for d := range 12 {
		var today []policy.Outcome
		for i := range 200 {
			o := varied(d*200 + i)
			o.At = day.Add(time.Duration(d) * 24 * time.Hour)
			today = append(today, o)
		}
		settleInOrder(t, l, today)
		if _, err := l.Forget(t.Context(), day.Add(time.Duration(d-1)*24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(l.Path())
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, info.Size())
	}
	check(t, l)
	if largest := slices.Max(sizes[6:]); largest > sizes[5]*5/4 {
		t.Fatalf("the file goes on growing: %v", sizes)
	}
}

func TestTwoForgetsInOneCommitForgetEachOutcomeOnce(t *testing.T) {
	l := newLedger(t)
	l.db.NoSync, l.index.full = true, 16
	settleVaried(t, l, 0, 24)
	reached, release := stall(l)
	var callers sync.WaitGroup
	callers.Go(func() { mustHold(t, l, "first") })
	reached()
	var forgotten atomic.Int64
	for range 2 {
		callers.Go(func() {
			n, err := l.Forget(context.Background(), day.AddDate(0, 0, 1))
			if forgotten.Add(int64(n)); err != nil {
				t.Error(err)
			}
		})
	}
	queued(l, 2)
	release()
	callers.Wait()
	if forgotten.Load() != 24 || l.Len() != 0 {
		t.Fatal(forgotten.Load(), l.Len())
	}
	check(t, reopen(t, l))
}

// What was said late about the oldest outcomes keeps them until that is old, too. A step
// that saw nothing but such outcomes once ended all forgetting for good.
func TestLateFeedbackDoesNotEndForgetting(t *testing.T) {
	l := newLedger(t)
	l.db.NoSync = true
	early := settleVaried(t, l, 0, forgetStep+50)
	for _, o := range early {
		if err := l.Feedback(t.Context(), policy.Feedback{ID: o.ID, At: day, Account: o.Account, Correct: true}); err != nil {
			t.Fatal(err)
		}
	}
	forget := func() int {
		n, err := l.Forget(t.Context(), day.AddDate(1, 0, 0))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := forget(); n != 0 || l.Len() != len(early) {
		t.Fatalf("%d were forgotten, that somebody spoke of later than of all else", n)
	}
	late := settleVaried(t, l, len(early), len(early)+50)
	if n := forget(); n != len(early)+len(late) || l.Len() != 0 {
		t.Fatalf("%d were forgotten, %d are left", n, l.Len())
	}
	check(t, reopen(t, l))
}
