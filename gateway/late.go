package gateway

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/drover-llm/drover/policy"
)

// late holds the outcomes that the ledger did not take, because its disk was
// full for example. They are tried again before any money is held anew, so that
// nothing is spent while what was spent cannot be written down.
type late struct {
	mu       sync.Mutex
	outcomes []policy.Outcome // at most one for each request that was under way
	why      error
}

// keep takes an outcome in.
func (l *late) keep(o policy.Outcome, why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outcomes, l.why = append(l.outcomes, o), why
}

// err says why there are any.
func (l *late) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.outcomes) == 0 {
		return nil
	}
	return fmt.Errorf("%d outcomes are not journalled yet: %w", len(l.outcomes), l.why)
}

// settle writes what can be written, and fails while anything is left.
func (l *late) settle(ctx context.Context, j Journal) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.outcomes) > 0 {
		if err := j.Settle(ctx, l.outcomes[0]); err != nil {
			return errors.Join(l.why, err)
		}
		l.outcomes = l.outcomes[1:]
	}
	return nil
}
