package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/ledger"
)

// alerts sends what budgets tell to their webhooks, beside the requests' way. What
// a webhook has taken is journalled; what it has not is tried again, and told anew
// by the next start, as long as its window goes on.
type alerts struct {
	queue chan policy.Alert
	http  *http.Client
	note  func(context.Context, policy.Change) error
	log   *slog.Logger
	pause time.Duration // before the second try; it doubles with every further one
}

// untold is an alert that waits for its webhook.
type untold struct {
	policy.Alert
	since, next time.Time
	pause       time.Duration
}

const (
	alertQueue   = 4096            // as many may wait; more are dropped, which the log says
	alertPause   = 5 * time.Minute // the longest one between two tries
	alertFor     = 24 * time.Hour  // then it is given up
	alertTimeout = 10 * time.Second
)

func newAlerts(note func(context.Context, policy.Change) error, log *slog.Logger) *alerts {
	return &alerts{queue: make(chan policy.Alert, alertQueue), http: &http.Client{Timeout: alertTimeout}, note: note, log: log, pause: time.Second}
}

// add takes an alert in, and never waits.
func (a *alerts) add(one policy.Alert) {
	select {
	case a.queue <- one:
	default:
		a.log.Error("too many alerts at a time, this one is dropped", "event", one.Event, "budget", one.Budget)
	}
}

// send sends alerts until ctx ends. A webhook that does not answer keeps others
// waiting for one try.
func (a *alerts) send(ctx context.Context) error {
	defer a.http.CloseIdleConnections()
	var waiting []untold
	timer := time.NewTimer(alertFor)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case one := <-a.queue:
			a.log.Warn("budget", "event", one.Event, "budget", one.Budget, "spent", one.Spent.String(), "held", one.Held.String(), "limit", one.Limit.String())
			now := time.Now()
			waiting = append(waiting, untold{one, now, now, a.pause})
			if len(waiting) > alertQueue {
				a.giveUp(waiting[0], "too many others wait")
				waiting = waiting[1:]
			}
		case <-timer.C:
		}
		next := alertFor
		left := waiting[:0]
		for _, one := range waiting {
			if ctx.Err() == nil && !one.next.After(time.Now()) && a.tell(ctx, &one) {
				continue
			}
			left = append(left, one)
			next = min(next, time.Until(one.next))
		}
		waiting = left
		timer.Reset(next)
	}
}

// tell makes one try, and reports whether no other is to follow. A try that has
// begun outlives ctx, lest a webhook take an alert that nobody writes down.
func (a *alerts) tell(ctx context.Context, one *untold) bool {
	ctx = context.WithoutCancel(ctx)
	if err := a.post(ctx, one.Alert); err != nil { // without the URL, which may hold a secret
		if time.Since(one.since) > alertFor {
			a.giveUp(*one, err.Error())
			return true
		}
		a.log.Warn("a webhook did not take an alert, which is tried again", "budget", one.Budget, "event", one.Event, "in", one.pause, "error", err)
		one.next = time.Now().Add(one.pause)
		one.pause = min(2*one.pause, alertPause)
		return false
	}
	if err := a.note(ctx, one.Told(time.Now())); err != nil {
		a.log.Error("ledger", "error", err) // it may be told twice
	}
	return true
}

func (a *alerts) giveUp(one untold, why string) {
	a.log.Error("an alert was told nobody", "event", one.Event, "budget", one.Budget, "error", why)
}

// alertsTold reads which alerts the journal says were told in the windows that are
// open now.
func alertsTold(journal *ledger.Ledger, budgets *policy.Budgets, now time.Time) (func(policy.Alert) bool, error) {
	since := now
	for _, rule := range budgets.Rules {
		if start, _ := rule.Every.Window(now); start.Before(since) {
			since = start
		}
	}
	type told struct{ event, budget, window string }
	known := map[told]bool{}
	for before, more := uint64(0), true; more; {
		changes, err := journal.Changes(before, 1000)
		if err != nil {
			return nil, fmt.Errorf("reading which alerts were told: %w", err)
		}
		more = len(changes) > 0
		for _, c := range changes {
			before, more = c.Seq, more && !c.Change.At.Before(since)
			known[told{c.Change.Action, c.Change.Subject, c.Change.Detail}] = true
		}
	}
	return func(a policy.Alert) bool {
		c := a.Told(now)
		return known[told{c.Action, c.Subject, c.Detail}]
	}, nil
}

// post sends an alert to its webhook, if it has one.
func (a *alerts) post(ctx context.Context, one policy.Alert) error {
	if one.Webhook == "" {
		return nil
	}
	text, err := json.Marshal(one)
	if err != nil {
		return fmt.Errorf("encoding it: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, one.Webhook, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("the webhook's URL cannot be used")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "drover")
	w, err := a.http.Do(r)
	if err != nil {
		return fmt.Errorf("no answer")
	}
	defer w.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(w.Body, 64<<10))
	if w.StatusCode >= 300 {
		return fmt.Errorf("status %d", w.StatusCode)
	}
	return nil
}
