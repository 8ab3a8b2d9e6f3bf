package policy

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/drover-llm/drover/pricing"
)

// Errors of a hold that callers tell apart.
var (
	// ErrBudgetSpent says that a request's worst case does not fit what a budget
	// has left. The error is a *BudgetError.
	ErrBudgetSpent = errors.New("budget spent")
	// ErrNoCeiling refuses a request under a budget whose worst case is not known.
	ErrNoCeiling = errors.New("no ceiling is known")
	errHeld      = errors.New("there is an open hold with this id")
)

// BudgetError says which budget a request does not fit.
type BudgetError struct {
	Budget   string
	Level    Level
	Ceiling  pricing.USD // of the request
	Left     pricing.USD // in the window
	ResetsAt time.Time   // zero: never
}

func (e *BudgetError) Error() string {
	return fmt.Sprintf("holding $%s, budget %s has $%s left: %v", e.Ceiling, e.Budget, e.Left, ErrBudgetSpent)
}

func (e *BudgetError) Unwrap() error { return ErrBudgetSpent }

// Book is the money that is left. A hold takes the worst case of a request out of
// every budget over it, of all or of none, before anything is spent; an outcome
// puts back what it did not cost. One mutex guards all of it, and each step takes
// the same time however much is in the book.
//
// The book is folded from the journal's holds, outcomes and releases: folding
// them again makes the same book, in whatever order those of different requests
// follow each other. A hold belongs to the windows that it was made in, and so
// does the outcome that settles it later.
type Book struct {
	mu      sync.Mutex
	budgets *Budgets
	pots    map[string]*pot
	open    map[string]openHold // by id
	alerts  func(Alert)
}

// openHold is a hold that nothing has ended. A live one was made by this book; the
// others were found in the journal, and are those of requests that a crash cut off.
type openHold struct {
	Hold
	live bool
}

// NewBook returns an empty book. Alerts are handed to alert, which must not
// block; nil drops them.
func NewBook(alert func(Alert)) *Book {
	if alert == nil {
		alert = func(Alert) {}
	}
	return &Book{budgets: &Budgets{}, pots: map[string]*pot{}, open: map[string]openHold{}, alerts: alert}
}

// pot is the pot of a budget, made where there is none.
func (b *Book) pot(name string) *pot {
	p, ok := b.pots[name]
	if !ok {
		p = newPot()
		b.pots[name] = p
	}
	return p
}

// Hold takes h's ceiling out of all of h's budgets, or out of none: then the error
// is a *BudgetError of the first that has not enough, or ErrNoCeiling. Two holds
// that race cannot both have the last dollar. Budgets that the configuration does
// not have any more are charged and never full.
func (b *Book) Hold(h Hold) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, twice := b.open[h.ID]; twice {
		return fmt.Errorf("holding for %q: %w", h.ID, errHeld)
	}
	if h.Ceiling == nil && len(h.Budgets) > 0 {
		return fmt.Errorf("holding for %q: %w", h.ID, ErrNoCeiling)
	}
	at := h.At.Unix()
	for _, name := range h.Budgets {
		rule, known := b.budgets.Rules[name]
		if !known || rule.Limit == 0 {
			continue
		}
		kind := rule.Every.index()
		if left := b.pot(name).left(kind, at, rule.Limit); *h.Ceiling > left {
			_, resets := rule.Every.Window(h.At)
			return &BudgetError{Budget: name, Level: b.budgets.Level(name), Ceiling: *h.Ceiling, Left: left, ResetsAt: resets}
		}
	}
	b.hold(openHold{h, true})
	return nil
}

// hold adds what is held, and keeps it until it is settled.
func (b *Book) hold(h openHold) {
	b.open[h.ID] = h
	for _, name := range h.Budgets {
		b.pot(name).add(h.At.Unix(), 0, h.ceiling(), h.busy())
	}
}

// busy is what h holds for a request under way.
func (h openHold) busy() pricing.USD {
	if h.live {
		return h.ceiling()
	}
	return 0
}

// ceiling is what the budgets hold for h.
func (h Hold) ceiling() pricing.USD {
	if h.Ceiling == nil {
		return 0
	}
	return *h.Ceiling
}

// Settle charges the budgets of o's hold what o cost, in the windows that it was
// held in, and frees the rest. A request of unknown cost is charged its
// whole ceiling. An outcome without an open hold changes nothing.
func (b *Book) Settle(o Outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if h, open := b.close(o.ID, o.charge); open {
		b.warn(h)
	}
}

// Cancel gives a hold back of which nothing was spent: it could not be journalled.
func (b *Book) Cancel(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.close(id, func(Hold) pricing.USD { return 0 })
}

// Release ends a hold as an administrator says.
func (b *Book) Release(r Release) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if h, open := b.close(r.ID, r.charge); open {
		b.warn(h)
	}
}

// charge is what an outcome takes of its hold: what was spent, and what may have
// been, of which the ceiling is a bound as well.
func (o Outcome) charge(h Hold) pricing.USD {
	if cost := o.Charge(); cost != nil {
		return max(*o.Cost, min(*cost, h.ceiling()))
	}
	return h.ceiling()
}

func (r Release) charge(h Hold) pricing.USD {
	if r.Charge {
		return h.ceiling()
	}
	return 0
}

// close ends an open hold at what it cost.
func (b *Book) close(id string, cost func(Hold) pricing.USD) (Hold, bool) {
	h, open := b.open[id]
	if !open {
		return Hold{}, false
	}
	delete(b.open, id)
	if len(h.Budgets) > 0 {
		spent := cost(h.Hold)
		for _, name := range h.Budgets {
			b.pot(name).add(h.At.Unix(), spent, -h.ceiling(), -h.busy())
		}
	}
	return h.Hold, true
}

// Room is what the budgets over a request leave for it.
type Room struct {
	Left       pricing.USD // the least that any has left in its window; the largest amount where none has a limit
	LeftIn     string      // the budget that has it, "" for none
	Busy       pricing.USD // what requests under way hold there, and may give back
	ResetsAt   time.Time   // of that budget; zero: never
	PerRequest pricing.USD // the least per_request; 0 for none
	PerBudget  string      // the budget whose it is
	Cheapest   bool        // the budgets that have the least left ask for a cheaper plan instead of a refusal
}

// Cap is the most that the request may cost.
func (r Room) Cap() pricing.USD {
	if r.PerRequest > 0 {
		return min(r.Left, r.PerRequest)
	}
	return r.Left
}

// Room says what budgets leave at a moment. Others may take it before a hold does.
func (b *Book) Room(shares []Share, at time.Time) Room {
	r := Room{Left: math.MaxInt64}
	if len(shares) == 0 {
		return r
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range shares {
		rule := b.budgets.Rules[s.Budget]
		if rule.PerRequest > 0 && (r.PerRequest == 0 || rule.PerRequest < r.PerRequest) {
			r.PerRequest, r.PerBudget = rule.PerRequest, s.Budget
		}
		if rule.Limit == 0 {
			continue
		}
		kind := rule.Every.index()
		left := b.pot(s.Budget).left(kind, at.Unix(), rule.Limit)
		cheapest := rule.Then == ThenCheapest
		switch {
		case left < r.Left:
			r.Left, r.LeftIn, r.Cheapest = left, s.Budget, cheapest
			_, r.ResetsAt = rule.Every.Window(at)
			r.Busy = 0
			if w, _ := b.pot(s.Budget)[kind].peek(kind, at.Unix()); w != nil {
				r.Busy = w.busy
			}
		case left == r.Left: // one that refuses has its way
			r.Cheapest = r.Cheapest && cheapest
		}
	}
	return r
}

// BudgetState is a budget at a moment.
type BudgetState struct {
	Name       string
	Level      Level
	Window     Every
	Limit      pricing.USD // 0: none
	Spent      pricing.USD // in the window, settled
	Held       pricing.USD // in the window, for requests under way and for those that a crash cut off
	Left       pricing.USD // Limit without both, at least 0
	StartedAt  time.Time   // of the window; zero for Ever
	ResetsAt   time.Time   // zero: never
	Soft       pricing.USD // the amount at which a warning goes out; 0: none
	PerRequest pricing.USD // 0: none
	Then       string
}

// States are all budgets of the configuration at now, sorted by name.
func (b *Book) States(now time.Time) []BudgetState {
	b.mu.Lock()
	defer b.mu.Unlock()
	states := make([]BudgetState, 0, len(b.budgets.Rules))
	for _, name := range b.budgets.Names() {
		states = append(states, b.state(Share{name, b.budgets.Level(name)}, now))
	}
	return states
}

// StatesOf are the budgets over a request, in their order.
func (b *Book) StatesOf(shares []Share, now time.Time) []BudgetState {
	b.mu.Lock()
	defer b.mu.Unlock()
	states := make([]BudgetState, 0, len(shares))
	for _, s := range shares {
		states = append(states, b.state(s, now))
	}
	return states
}

func (b *Book) state(s Share, now time.Time) BudgetState {
	rule := b.budgets.Rules[s.Budget]
	state := BudgetState{Name: s.Budget, Level: s.Level, Window: rule.Every, Limit: rule.Limit, Soft: rule.soft(), PerRequest: rule.PerRequest, Then: rule.Then}
	if state.Then == "" {
		state.Then = ThenRefuse
	}
	state.StartedAt, state.ResetsAt = rule.Every.Window(now)
	kind := rule.Every.index()
	if w, _ := b.pot(s.Budget)[kind].peek(kind, now.Unix()); w != nil {
		state.Spent, state.Held = w.spent, w.held
	}
	state.Left = b.pot(s.Budget).left(kind, now.Unix(), rule.Limit)
	return state
}
