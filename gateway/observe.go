package gateway

import (
	"errors"

	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// Observer is told what becomes of requests, for metrics. It must not block.
type Observer interface {
	Answered(o policy.Outcome) // each request that was held for, whatever came of it
	Refused(status int)        // each one that was turned away before that
	Saved(amount pricing.USD)  // against the route's first model; may be negative
}

// answered marks the error of a request that has an outcome.
type answered struct{ error }

func (a answered) Unwrap() error { return a.error }

// observeAnswer tells of an outcome, and marks its error.
func (g *Gateway) observeAnswer(o policy.Outcome, err error) error {
	if g.Observer != nil {
		g.Observer.Answered(o)
	}
	if err != nil {
		err = answered{err}
	}
	return err
}

// observeRefusal tells of a request that ended without an outcome.
func (g *Gateway) observeRefusal(status int, err error) {
	if g.Observer != nil && !errors.As(err, new(answered)) {
		g.Observer.Refused(status)
	}
}

// Inflight is how many requests are being answered.
func (g *Gateway) Inflight() int64 { return g.under.Load() }
