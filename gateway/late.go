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
	writing  sync.Mutex       // held by the request that tries again
	mu       sync.Mutex       // of what follows
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

// settle writes what can be written, and fails while anything is left. The request
// that does it may leave: what is written of others goes on. Meanwhile requests that
// come are refused instead of waiting for a disk.
func (l *late) settle(ctx context.Context, j Journal) error {
	why := l.err()
	if why == nil {
		return nil
	}
	if !l.writing.TryLock() {
		return why
	}
	defer l.writing.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	for o, left := l.first(); left; o, left = l.first() {
		if err := j.Settle(ctx, o); err != nil && !errors.Is(err, policy.ErrSettled) {
			return errors.Join(why, err)
		}
		l.drop()
	}
	return nil
}

func (l *late) first() (o policy.Outcome, left bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.outcomes) == 0 {
		return o, false
	}
	return l.outcomes[0], true
}

func (l *late) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outcomes = l.outcomes[1:]
}
