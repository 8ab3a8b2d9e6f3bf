package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/drover-llm/drover/policy/ledger"
)

// retainEvery is how often outcomes that are too old are looked for.
const retainEvery = time.Hour

// retention is how long the configuration in force keeps outcomes, 0 for ever.
func (f *inForce) retention() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.config.Retention.Outcomes
}

// retain forgets outcomes that are older than keep says, until ctx ends; 0 keeps
// all. The ledger's own file is never the reason to stop serving.
func retain(ctx context.Context, l *ledger.Ledger, keep func() time.Duration, log *slog.Logger) error {
	tick := time.NewTicker(retainEvery)
	defer tick.Stop()
	for {
		if d := keep(); d > 0 {
			if _, err := l.Forget(ctx, time.Now().Add(-d)); err != nil && ctx.Err() == nil {
				log.Error("ledger", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
