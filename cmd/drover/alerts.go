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
)

// alerts sends what budgets tell to their webhooks, beside the requests' way.
type alerts struct {
	queue chan policy.Alert
	http  *http.Client
	log   *slog.Logger
	pause time.Duration // before the second try; it doubles with every further one
}

const (
	alertQueue   = 256 // more are dropped, and said so in the log
	alertTries   = 5
	alertTimeout = 10 * time.Second
)

func newAlerts(log *slog.Logger) *alerts {
	return &alerts{queue: make(chan policy.Alert, alertQueue), http: &http.Client{Timeout: alertTimeout}, log: log, pause: time.Second}
}

// add takes an alert in, and never waits.
func (a *alerts) add(one policy.Alert) {
	select {
	case a.queue <- one:
	default:
		a.log.Error("too many alerts wait for their webhooks, this one is dropped", "event", one.Event, "budget", one.Budget)
	}
}

// send sends one alert after the other until ctx ends.
func (a *alerts) send(ctx context.Context) error {
	defer a.http.CloseIdleConnections()
	for {
		select {
		case <-ctx.Done():
			return nil
		case one := <-a.queue:
			a.log.Warn("budget", "event", one.Event, "budget", one.Budget, "spent", one.Spent.String(), "held", one.Held.String(), "limit", one.Limit.String())
			if one.Webhook != "" {
				a.deliver(ctx, one)
			}
		}
	}
}

// deliver tries a few times.
func (a *alerts) deliver(ctx context.Context, one policy.Alert) {
	text, err := json.Marshal(one)
	if err != nil {
		a.log.Error("encoding an alert", "error", err)
		return
	}
	pause := a.pause
	for try := 1; ; try++ {
		if err = a.post(ctx, one.Webhook, text); err == nil || try == alertTries {
			break
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		pause *= 2
	}
	if err != nil { // without the URL, which may hold a secret
		a.log.Error("a webhook did not take an alert", "budget", one.Budget, "event", one.Event, "tries", alertTries, "error", err)
	}
}

func (a *alerts) post(ctx context.Context, url string, text []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(text))
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
