package ledger

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/drover-llm/drover/policy"
)

// varied is an outcome that differs from others in all that a filter asks for.
func varied(n int) policy.Outcome {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	o := outcome(fmt.Sprintf("chatcmpl-%08d", n))
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	o.At = day.Add(time.Duration(n) * time.Minute)
	o.Account = policy.Account{Key: pick("k1", "k2", "k3"), Team: pick("acme", "rival", "")}
	o.Route, o.Model = pick("auto", "fast", ""), pick("gpt-4o", "llama", "")
	o.Status = []int{200, 200, 429, 503}[r.IntN(4)]
	o.Tags = map[string]string{"job": pick("nightly", "ci"), "n": fmt.Sprint(n % 7)}
	switch r.IntN(3) {
	case 0:
		o.Task = &policy.Task{Verified: new(true)}
	case 1:
		o.Task = &policy.Task{Verified: new(false)}
	}
	if r.IntN(9) == 0 {
		o.Cost = nil
	} else {
		o.Cost = usd(r.Int64N(1e9))
	}
	return o
}

func settleVaried(t testing.TB, l *Ledger, from, to int) (all []policy.Outcome) {
	t.Helper()
	for n := from; n < to; n++ {
		all = append(all, varied(n))
	}
	settleInOrder(t, l, all)
	return all
}

// settleInOrder journals a hold and an outcome for each of all, in their order,
// in few transactions.
func settleInOrder(t interface {
	Helper()
	Fatal(...any)
}, l *Ledger, all []policy.Outcome) {
	t.Helper()
	for some := range slices.Chunk(all, 250) {
		var writes []*write
		for _, o := range some {
			h := hold(o.ID)
			h.At, h.Account, h.Route = o.At, o.Account, o.Route
			held, settled := l.newHoldWrite(), l.newSettleWrite()
			if err := errors.Join(held.fill(h), settled.fill(o)); err != nil {
				t.Fatal(err)
			}
			writes = append(writes, held.write, settled.write)
		}
		for _, w := range writes {
			if !l.queue.put(w) {
				t.Fatal(ErrClosed)
			}
		}
		for _, w := range writes {
			if err := <-w.done; err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestFindIsAFilterOverAllOutcomes states the law: page by page, Find gives what
// a plain filter over the journal does, newest first, whatever lies in blocks,
// and also after opening the ledger again.
func TestFindIsAFilterOverAllOutcomes(t *testing.T) {
	l := newLedger(t)
	l.db.NoSync, l.index.full = true, 512
	all := settleVaried(t, l, 0, 2*512+300)
	check(t, l)
	for range 2 {
		rapid.Check(t, func(t *rapid.T) {
			maybe := func(name string, words ...string) string {
				return rapid.SampledFrom(append(words, "", "", "")).Draw(t, name)
			}
			f := policy.Filter{
				Key: maybe("key", "k1", "k2", "nobody"), Team: maybe("team", "acme", "rival"), Route: maybe("route", "auto", "fast"),
				Model: maybe("model", "gpt-4o"), Verified: maybe("verified", "true", "false", "null"),
				Status: rapid.SampledFrom([]int{0, 0, 200, 429, 999}).Draw(t, "status"),
			}
			if rapid.Bool().Draw(t, "tagged") {
				f.Tags = map[string]string{"job": "ci", "n": fmt.Sprint(rapid.IntRange(0, 8).Draw(t, "n"))}
			}
			if rapid.Bool().Draw(t, "bounded") {
				f.Since = day.Add(time.Duration(rapid.IntRange(0, 1500).Draw(t, "since")) * time.Minute)
				f.Until = f.Since.Add(time.Duration(rapid.IntRange(0, 900).Draw(t, "for")) * time.Minute)
			}
			limit := rapid.IntRange(1, 600).Draw(t, "limit")
			var want, got []string
			for _, o := range slices.Backward(all) {
				if f.Matches(&o) {
					want = append(want, o.ID)
				}
			}
			for next, more := uint64(0), true; more; more = next > 0 {
				var entries []policy.Entry
				var err error
				if entries, next, err = l.Find(context.Background(), f, next, limit); err != nil {
					t.Fatal(err)
				}
				for _, e := range entries {
					got = append(got, e.Outcome.ID)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatal(diff)
			}
		})
		l = reopen(t, l)
		l.db.NoSync = true
	}
}

// TestSpendingsAreWhatOutcomesCost states the law: whatever was asked before and
// has been settled since, the sums are those of the outcomes, from any moment on.
func TestSpendingsAreWhatOutcomesCost(t *testing.T) {
	l := newLedger(t)
	l.db.NoSync, l.index.full = true, 100
	all := settleVaried(t, l, 0, 50) // a minute between two, over eight days in the end
	rapid.Check(t, func(t *rapid.T) {
		if n := len(all); n < 11_000 {
			more := rapid.SampledFrom([]int{0, 30, 700}).Draw(t, "more")
			for i := range more {
				all = append(all, varied(n+i))
			}
			settleInOrder(t, l, all[n:])
		}
		since := day.Add(time.Duration(rapid.IntRange(-10, len(all)+10).Draw(t, "since")) * time.Minute)
		if rapid.Bool().Draw(t, "midnight") {
			since = since.Truncate(24 * time.Hour)
		}
		want := map[policy.Account]policy.Spending{}
		for _, o := range all {
			if o.At.Before(since) {
				continue
			}
			sum := want[o.Account]
			sum.Requests++
			if o.Cost == nil {
				sum.Unknown++
			} else {
				sum.Cost += *o.Cost
			}
			want[o.Account] = sum
		}
		if diff := cmp.Diff(want, spent(t, l, since)); diff != "" {
			t.Fatal(diff)
		}
	})
	check(t, l)
}
