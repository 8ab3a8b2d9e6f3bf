package ledger

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drover-llm/drover/policy"
)

func TestImportedOutcomesAreNoMoneyOfThisLedger(t *testing.T) {
	l := newLedger(t)
	mustHold(t, l, "own", "open")
	mustSettle(t, l, "own")
	before := l.Totals()
	other := []policy.Outcome{outcome("x"), outcome("own"), outcome("open"), outcome("y")}
	for _, want := range []int{2, 0} {
		if added, err := l.Import(t.Context(), other); err != nil || added != want {
			t.Fatalf("%d added: %v", added, err)
		}
	}
	for range 2 {
		if !sameTotals(before, l.Totals()) || l.Len() != 1 {
			t.Fatal("the book or the count changed")
		}
		err := l.Spendings(day, func(s policy.Spending) {
			if s.Cost != 7_250_000 || s.Requests != 1 {
				t.Error(s)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for e, err := range l.Events(t.Context(), 0) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Imported {
				told = append(told, e.Outcome.ID)
			}
		}
		if diff := cmp.Diff([]string{"x", "y"}, told); diff != "" {
			t.Fatal(diff)
		}
		if e, err := l.Outcome("x"); err != nil || !e.Imported {
			t.Fatal(e, err)
		}
		if r := check(t, l); r.Imported != 2 || r.Outcomes != 1 || r.Spent != 7_250_000 {
			t.Fatalf("%+v", r)
		}
		l = reopen(t, l)
	}
}

func TestPriorsOfOneNameTakeTheEarlierOnesPlace(t *testing.T) {
	l := newLedger(t)
	for _, passed := range []int{3, 4} {
		p := policy.Priors{Name: "evalperf", At: day, By: "ann", Counts: []policy.PassCount{{Model: "llama-3.1-8b", Problem: "HumanEval/1", Samples: 100, Right: passed, Passed: passed}}}
		if err := l.AddPriors(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	l = reopen(t, l)
	tables, err := l.Priors()
	if err != nil || len(tables) != 1 || tables[0].Counts[0].Passed != 4 {
		t.Fatal(tables, err)
	}
	check(t, l)
}
