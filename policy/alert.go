package policy

import (
	"time"

	"github.com/drover-llm/drover/pricing"
)

// Alert is told once a window: when a budget's soft share is spent, and when it
// refused a request. It holds no secret.
type Alert struct {
	Event    string      `json:"event"` // budget.soft or budget.refused
	Budget   string      `json:"budget"`
	Level    Level       `json:"level"`
	Window   Every       `json:"window,omitempty"`
	Start    *time.Time  `json:"started_at"` // of the window; null for a budget that never begins anew
	ResetsAt *time.Time  `json:"resets_at"`
	Limit    pricing.USD `json:"limit_usd"`
	Spent    pricing.USD `json:"spent_usd"`
	Held     pricing.USD `json:"held_usd"`
	Webhook  string      `json:"-"` // where the configuration wants it
}

// Events of alerts.
const (
	AlertSoft    = "budget.soft"
	AlertRefused = "budget.refused"
)

// Told is the alert as it is journalled once somebody took it, so that a later
// start does not tell it again.
func (a Alert) Told(at time.Time) Change {
	c := Change{At: at, By: "drover", Action: a.Event, Subject: a.Budget, Detail: "ever"}
	if a.Start != nil {
		c.Detail = a.Start.Format(time.RFC3339)
	}
	return c
}

// Configure puts a configuration in force. What was spent and is held stays, by
// the budgets' names. Soft shares that are spent already are told of, once a
// window. At a start told knows which alerts were told before it; nil: the book
// itself knows.
func (b *Book) Configure(c *Budgets, now time.Time, told func(Alert) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.budgets = c
	for name, rule := range c.Rules {
		kind := rule.Every.index()
		w, _ := b.pot(name)[kind].peek(kind, now.Unix())
		if w == nil {
			continue
		}
		if told != nil {
			w.warned = told(b.alert(AlertSoft, name, rule, w))
			w.refused = told(b.alert(AlertRefused, name, rule, w))
		}
		b.warnOf(name, rule, w)
	}
}

// warn tells of the soft shares that a settled hold has spent.
func (b *Book) warn(h Hold) {
	for _, name := range h.Budgets {
		rule, known := b.budgets.Rules[name]
		if !known || rule.Soft == 0 {
			continue
		}
		kind := rule.Every.index()
		if w, _ := b.pot(name)[kind].peek(kind, h.At.Unix()); w != nil {
			b.warnOf(name, rule, w)
		}
	}
}

func (b *Book) warnOf(name string, rule BudgetConfig, w *window) {
	if soft := rule.soft(); soft > 0 && !w.warned && w.spent >= soft {
		w.warned = true
		b.alerts(b.alert(AlertSoft, name, rule, w))
	}
}

// Refused tells of the first request in a window that was refused because the
// budget's money is spent; the Room that it was refused for names the budget. Where
// nothing was spent, the request was too large and not the money gone.
func (b *Book) Refused(name string, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rule, known := b.budgets.Rules[name]
	if !known {
		return
	}
	kind := rule.Every.index()
	if w, _ := b.pot(name)[kind].peek(kind, at.Unix()); w != nil && !w.refused {
		w.refused = true
		b.alerts(b.alert(AlertRefused, name, rule, w))
	}
}

func (b *Book) alert(event, name string, rule BudgetConfig, w *window) Alert {
	a := Alert{Event: event, Budget: name, Level: b.budgets.Level(name), Window: rule.Every, Limit: rule.Limit, Spent: w.spent, Held: w.held, Webhook: rule.Webhook}
	if rule.Every != Ever {
		start, end := time.Unix(w.start, 0).UTC(), time.Unix(w.end, 0).UTC()
		a.Start, a.ResetsAt = &start, &end
	}
	return a
}
