package gateway

import (
	"errors"
	"time"

	"github.com/drover-llm/drover/policy"
)

// Observer is told what becomes of requests, for metrics. It must not block.
type Observer interface {
	Answered(o policy.Outcome)  // each request that was held for, whatever came of it
	Refused(status int)         // each one that was turned away before that
	Decided(took time.Duration) // how a request is to be answered, before money is held
	Overhead(d time.Duration)   // of a request that was not searched: what no call to a model took
}

// answered marks the error of a request that has an outcome.
type answered struct{ error }

func (a answered) Unwrap() error { return a.error }

// observeAnswer tells of an outcome, and marks its error.
func (g *Gateway) observeAnswer(o policy.Outcome, err error) error {
	if g.Observer != nil {
		g.Observer.Answered(o)
		if len(o.Samples) == 0 { // those are drawn beside each other
			g.Observer.Overhead(overhead(o))
		}
	}
	if err != nil {
		err = answered{err}
	}
	return err
}

// observeDecision tells how long it took since begin to decide.
func (g *Gateway) observeDecision(begin time.Time) {
	if g.Observer != nil {
		g.Observer.Decided(g.Now().Sub(begin))
	}
}

// observeRefusal tells of a request that ended without an outcome.
func (g *Gateway) observeRefusal(status int, err error) {
	if g.Observer != nil && !errors.As(err, new(answered)) {
		g.Observer.Refused(status)
	}
}

// Inflight is how many requests are being answered.
func (g *Gateway) Inflight() int64 { return g.under.Load() }
