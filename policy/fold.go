package policy

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/drover-llm/drover/pricing"
)

// Record is what the journal says about money: a Hold, an Outcome or a Release.
type Record interface{ fold(*Book) }

func (h Hold) fold(b *Book) {
	if _, twice := b.open[h.ID]; !twice {
		b.hold(openHold{Hold: h})
	}
}
func (o Outcome) fold(b *Book) { b.close(o.ID, o.charge) }
func (r Release) fold(b *Book) { b.close(r.ID, r.charge) }

// Fold takes in a record of the journal: what happened, happened, whatever the
// limits are now. Records of one request come in their order.
func (b *Book) Fold(r Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r.fold(b)
}

// Totals are a whole book as a plain value, to be kept in place of the records
// that it was folded from.
type Totals struct {
	Budgets []BudgetTotals `json:"budgets"`
	Open    []Hold         `json:"open"` // that nothing has ended, by id
}

// BudgetTotals are what was spent of one budget by one kind of window. What is
// held follows from the open holds.
type BudgetTotals struct {
	Budget  string        `json:"budget"`
	Every   Every         `json:"every,omitempty"` // empty: Ever
	Windows []WindowTotal `json:"windows"`         // by time
	Shut    *time.Time    `json:"shut,omitempty"`  // start of the latest window that is forgotten
}

// WindowTotal is what was spent in one window.
type WindowTotal struct {
	Start time.Time   `json:"start"` // UTC; the zero time for Ever
	Spent pricing.USD `json:"spent"`
}

// Totals returns the book's, in an order of their own: equal books have equal
// totals.
func (b *Book) Totals() Totals {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := Totals{Budgets: []BudgetTotals{}, Open: []Hold{}}
	for _, id := range slices.Sorted(maps.Keys(b.open)) {
		t.Open = append(t.Open, b.open[id].Hold)
	}
	for _, name := range slices.Sorted(maps.Keys(b.pots)) {
		for kind := range b.pots[name] {
			w := &b.pots[name][kind]
			one := BudgetTotals{Budget: name, Every: everies[kind], Windows: []WindowTotal{}}
			if w.shut != math.MinInt64 {
				shut := time.Unix(w.shut, 0).UTC()
				one.Shut = &shut
			}
			for _, start := range w.starts() {
				if found := w.byStart[start]; found.spent != 0 {
					one.Windows = append(one.Windows, WindowTotal{startTime(everies[kind], start), found.spent})
				}
			}
			if len(one.Windows) > 0 || one.Shut != nil {
				t.Budgets = append(t.Budgets, one)
			}
		}
	}
	return t
}

func startTime(e Every, start int64) time.Time {
	if e == Ever {
		return time.Time{}
	}
	return time.Unix(start, 0).UTC()
}

// Restore fills an empty book from totals, before what follows them in the journal
// is folded.
func (b *Book) Restore(t Totals) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, one := range t.Budgets {
		kind := one.Every.index()
		if kind < 0 {
			continue
		}
		w := &b.pot(one.Budget)[kind]
		if one.Shut != nil {
			w.shut = one.Shut.Unix()
		}
		for _, total := range one.Windows {
			if found := w.at(kind, total.Start.Unix()); found != nil {
				found.spent = total.Spent
			}
		}
	}
	for _, h := range t.Open {
		b.hold(openHold{Hold: h})
	}
}
