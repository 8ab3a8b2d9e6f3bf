package policy

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/drover-llm/drover/pricing"
)

var noon = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

const cent = pricing.Dollar / 100

func bookOf(rules map[string]BudgetConfig) *Book {
	b := NewBook(nil)
	b.Configure(&Budgets{Rules: rules}, noon, nil)
	return b
}

func holdOf(id string, at time.Time, ceiling pricing.USD, budgets ...string) Hold {
	return Hold{ID: id, At: at, Ceiling: &ceiling, Budgets: budgets}
}

func outcomeOf(id string, cost pricing.USD) Outcome { return Outcome{ID: id, Cost: &cost} }

func stateOf(t *testing.T, b *Book, name string, at time.Time) BudgetState {
	t.Helper()
	for _, s := range b.States(at) {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no budget %s", name)
	return BudgetState{}
}

func TestWindowsAreCalendarWindowsInUTC(t *testing.T) {
	east := time.FixedZone("UTC+9", 9*3600)
	for _, tt := range []struct {
		every      Every
		at         time.Time
		start, end string
	}{
		{EveryMinute, noon.Add(59 * time.Second), "2026-03-31T12:00:00Z", "2026-03-31T12:01:00Z"},
		{EveryHour, noon.Add(-1), "2026-03-31T11:00:00Z", "2026-03-31T12:00:00Z"},
		{EveryDay, time.Date(2026, 4, 1, 8, 0, 0, 0, east), "2026-03-31T00:00:00Z", "2026-04-01T00:00:00Z"},
		{EveryWeek, time.Date(2026, 4, 5, 23, 59, 59, 0, time.UTC), "2026-03-30T00:00:00Z", "2026-04-06T00:00:00Z"},
		{EveryWeek, time.Date(2026, 4, 6, 0, 0, 0, 0, time.UTC), "2026-04-06T00:00:00Z", "2026-04-13T00:00:00Z"},
		{EveryMonth, noon, "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"},
		{EveryMonth, time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"},
		{EveryDay, time.Date(1969, 12, 31, 23, 0, 0, 0, time.UTC), "1969-12-31T00:00:00Z", "1970-01-01T00:00:00Z"},
	} {
		start, end := tt.every.Window(tt.at)
		if got := [2]string{start.Format(time.RFC3339), end.Format(time.RFC3339)}; got != [2]string{tt.start, tt.end} {
			t.Errorf("%s at %s: %s", tt.every, tt.at, got)
		}
	}
}

func TestHoldRefusesBeyondAnyBudgetAndThenTakesNothing(t *testing.T) {
	b := bookOf(map[string]BudgetConfig{
		"wide": {Limit: 10 * cent, Every: EveryMonth}, "narrow": {Limit: 3 * cent, Every: EveryDay},
	})
	if err := b.Hold(holdOf("a", noon, 2*cent, "wide", "narrow")); err != nil {
		t.Fatal(err)
	}
	err := b.Hold(holdOf("b", noon, 2*cent, "wide", "narrow"))
	var spent *BudgetError
	if !errors.As(err, &spent) || !errors.Is(err, ErrBudgetSpent) || spent.Budget != "narrow" || spent.Left != cent {
		t.Fatal(err)
	}
	if want := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC); !spent.ResetsAt.Equal(want) {
		t.Errorf("resets at %s", spent.ResetsAt)
	}
	if s := stateOf(t, b, "wide", noon); s.Held != 2*cent || s.Left != 8*cent {
		t.Errorf("the refused hold took money: %+v", s)
	}
	if err := b.Hold(Hold{ID: "c", At: noon, Budgets: []string{"wide"}}); !errors.Is(err, ErrNoCeiling) {
		t.Errorf("no ceiling: %v", err)
	}
	b.Settle(outcomeOf("a", cent))
	if s := stateOf(t, b, "narrow", noon); s.Spent != cent || s.Held != 0 || s.Left != 2*cent {
		t.Errorf("after settling: %+v", s)
	}
}

// A hold that ends after midnight is charged to the day that it was made in, and
// a clock that steps back finds that day as spent as it was.
func TestSpentWindowStaysSpentWhenTheClockStepsBack(t *testing.T) {
	b := bookOf(map[string]BudgetConfig{"day": {Limit: cent, Every: EveryDay}})
	midnight := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	before, after := midnight.Add(-time.Second), midnight.Add(time.Second)
	for _, at := range []time.Time{before, after} {
		if err := b.Hold(holdOf(at.String(), at, cent, "day")); err != nil {
			t.Fatal(err)
		}
	}
	b.Settle(outcomeOf(before.String(), cent))
	for range 3 {
		for _, at := range []time.Time{before, after} {
			if err := b.Hold(holdOf("again", at, 1, "day")); !errors.Is(err, ErrBudgetSpent) {
				t.Fatalf("at %s: %v", at, err)
			}
		}
	}
	if s := stateOf(t, b, "day", after); s.Spent != 0 || s.Held != cent {
		t.Errorf("the new day: %+v", s)
	}
	// Windows that are forgotten are shut, not empty.
	for i := range 2 * rememberedWindows {
		at := after.AddDate(0, 0, i+1)
		if err := b.Hold(holdOf(at.String(), at, 1, "day")); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Hold(holdOf("back", before, 1, "day")); !errors.Is(err, ErrBudgetSpent) {
		t.Errorf("a forgotten day: %v", err)
	}
	if n := len(b.pots["day"][EveryDay.index()].byStart); n > rememberedWindows {
		t.Errorf("%d windows are kept", n)
	}
}

func TestChangeOfWindowFindsWhatWasSpent(t *testing.T) {
	b := bookOf(map[string]BudgetConfig{"b": {Limit: cent, Every: EveryHour}})
	for i := range 3 {
		at := noon.Add(time.Duration(i) * time.Hour)
		if err := b.Hold(holdOf(at.String(), at, cent, "b")); err != nil {
			t.Fatal(err)
		}
		b.Settle(outcomeOf(at.String(), cent))
	}
	b.Configure(&Budgets{Rules: map[string]BudgetConfig{"b": {Limit: 5 * cent, Every: EveryDay}}}, noon, nil)
	if s := stateOf(t, b, "b", noon); s.Spent != 3*cent || s.Left != 2*cent {
		t.Errorf("%+v", s)
	}
}

func TestUnsettledHoldCountsUntilItIsReleased(t *testing.T) {
	for _, charge := range []bool{false, true} {
		b := bookOf(map[string]BudgetConfig{"b": {Limit: cent, Every: EveryDay}})
		b.Fold(holdOf("lost", noon, cent, "b"))
		if err := b.Hold(holdOf("next", noon, 1, "b")); !errors.Is(err, ErrBudgetSpent) {
			t.Fatal(err)
		}
		b.Release(Release{ID: "lost", Charge: charge})
		b.Release(Release{ID: "lost", Charge: charge})
		want := pricing.USD(0)
		if charge {
			want = cent
		}
		if s := stateOf(t, b, "b", noon); s.Spent != want || s.Held != 0 {
			t.Errorf("charge %t: %+v", charge, s)
		}
	}
}

func TestAlertsGoOutOnceAWindow(t *testing.T) {
	var got []string
	b := NewBook(func(a Alert) { got = append(got, fmt.Sprint(a.Event, " ", a.Budget, " ", a.Spent, " of ", a.Limit)) })
	rules := &Budgets{Rules: map[string]BudgetConfig{"b": {Limit: 10 * cent, Every: EveryDay, Soft: 0.5}}}
	b.Configure(rules, noon, nil)
	spend := func(id string, at time.Time, cost pricing.USD) {
		if err := b.Hold(holdOf(id, at, 4*cent, "b")); err != nil {
			b.Refused("b", at)
			return
		}
		b.Settle(outcomeOf(id, cost))
	}
	spend("a", noon, 4*cent)
	if got != nil {
		t.Fatalf("at 40 %%: %q", got)
	}
	spend("b", noon, cent)
	spend("c", noon, 2*cent)
	for range 3 {
		spend("d", noon, cent)
	}
	if diff := cmp.Diff([]string{"budget.soft b 0.05 of 0.1", "budget.refused b 0.07 of 0.1"}, got); diff != "" {
		t.Error(diff)
	}
	spend("e", noon.AddDate(0, 0, 1), 0) // a new day is silent
	b.Configure(rules, noon, nil)
	if len(got) != 2 {
		t.Errorf("told again: %q", got)
	}
}

// TestBookNeverExceedsALimit states the law of the whole gateway: in whatever
// order requests hold, settle, are cancelled and lost, at whatever time of a clock
// that steps about, spent and held together stay within every limit, and folding
// the journal makes the same book.
func TestBookNeverExceedsALimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := map[string]BudgetConfig{}
		names := []string{"key", "team", "route", "all"}
		for _, name := range names {
			every := everies[rapid.IntRange(0, len(everies)-1).Draw(t, "every")]
			rules[name] = BudgetConfig{Limit: pricing.USD(rapid.IntRange(1, 1000).Draw(t, "limit")), Every: every}
		}
		b := bookOf(rules)
		var journal []Record
		ceilings := map[string]pricing.USD{}
		for i := range rapid.IntRange(1, 120).Draw(t, "steps") {
			open := func() string {
				ids := make([]string, 0, len(ceilings))
				for n := range i {
					if _, ok := ceilings[fmt.Sprint(n)]; ok {
						ids = append(ids, fmt.Sprint(n))
					}
				}
				if len(ids) == 0 {
					return ""
				}
				return rapid.SampledFrom(ids).Draw(t, "id")
			}
			switch rapid.SampledFrom([]string{"hold", "hold", "hold", "settle", "settle", "cancel", "release"}).Draw(t, "do") {
			case "hold":
				at := noon.Add(time.Duration(rapid.IntRange(-40*24*3600, 40*24*3600).Draw(t, "at")) * time.Second)
				if rapid.Bool().Draw(t, "now") {
					at = noon
				}
				under := names[rapid.IntRange(0, 3).Draw(t, "from"):]
				h := holdOf(fmt.Sprint(i), at, pricing.USD(rapid.IntRange(0, 300).Draw(t, "ceiling")), under...)
				if b.Hold(h) == nil {
					if rapid.IntRange(0, 9).Draw(t, "journal") == 0 {
						b.Cancel(h.ID)
						continue
					}
					journal = append(journal, h)
					ceilings[h.ID] = *h.Ceiling
				}
			case "settle":
				if id := open(); id != "" {
					o := outcomeOf(id, pricing.USD(rapid.IntRange(0, int(ceilings[id])).Draw(t, "cost")))
					if rapid.IntRange(0, 9).Draw(t, "unknown") == 0 {
						o.Cost = nil
					}
					journal = append(journal, o)
					b.Settle(o)
					delete(ceilings, id)
				}
			case "release":
				if id := open(); id != "" {
					r := Release{ID: id, Charge: rapid.Bool().Draw(t, "charge")}
					journal = append(journal, r)
					b.Release(r)
					delete(ceilings, id)
				}
			}
			for name, p := range b.pots {
				kind := rules[name].Every.index()
				for _, w := range p[kind].byStart {
					if w.spent < 0 || w.held < 0 || w.spent+w.held > rules[name].Limit {
						t.Fatalf("%s: spent %s and held %s of %s", name, w.spent, w.held, rules[name].Limit)
					}
				}
			}
		}
		replayed := NewBook(nil)
		cut := rapid.IntRange(0, len(journal)).Draw(t, "checkpoint")
		for _, r := range journal[:cut] {
			replayed.Fold(r)
		}
		restored := NewBook(nil)
		restored.Restore(replayed.Totals())
		for _, r := range journal[cut:] {
			replayed.Fold(r)
			restored.Fold(r)
		}
		if diff := cmp.Diff(b.Totals(), replayed.Totals()); diff != "" {
			t.Fatalf("replayed (-live +replayed):\n%s", diff)
		}
		if diff := cmp.Diff(b.Totals(), restored.Totals()); diff != "" {
			t.Fatalf("from a checkpoint (-live +restored):\n%s", diff)
		}
	})
}

func TestRacingHoldsCannotBothHaveTheLastDollar(t *testing.T) {
	b := bookOf(map[string]BudgetConfig{"b": {Limit: 100 * cent, Every: EveryDay}, "all": {Limit: 90 * cent, Every: EveryMonth}})
	var callers sync.WaitGroup
	for c := range 16 {
		callers.Go(func() {
			for i := range 500 {
				id := fmt.Sprint(c, ".", i)
				if b.Hold(holdOf(id, noon, cent, "b", "all")) != nil {
					continue
				}
				if s := b.States(noon); s[0].Spent+s[0].Held > 90*cent || s[1].Spent+s[1].Held > 90*cent {
					t.Errorf("exceeded: %+v", s)
				}
				b.Settle(outcomeOf(id, pricing.USD(rand.IntN(int(cent)/10))))
			}
		})
	}
	callers.Wait()
	if s := b.States(noon); s[0].Held != 0 || s[0].Spent == 0 {
		t.Errorf("%+v", s)
	}
}

// BenchmarkHoldAndSettle is what a request costs in the book, four levels deep.
func BenchmarkHoldAndSettle(b *testing.B) {
	book := bookOf(map[string]BudgetConfig{
		"key": {Limit: 1e18, Every: EveryHour}, "team": {Limit: 1e18, Every: EveryDay},
		"route": {Limit: 1e18, Every: EveryWeek}, "all": {Limit: 1e18, Every: EveryMonth},
	})
	ids := make([]string, 4096)
	for i := range ids {
		ids[i] = fmt.Sprintf("chatcmpl-%016d", i)
	}
	levels := []string{"key", "team", "route", "all"}
	ceiling, cost := 5*cent, cent
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		h := Hold{ID: ids[i%len(ids)], At: noon, Ceiling: &ceiling, Budgets: levels}
		if err := book.Hold(h); err != nil {
			b.Fatal(err)
		}
		book.Settle(Outcome{ID: h.ID, Cost: &cost})
	}
}
