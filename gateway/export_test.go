package gateway

import (
	"context"

	"github.com/drover-llm/drover/policy"
)

// TakeReplyMemory holds a part of what replies may hold, until it is given back. It
// waits for replies that were read and are not released yet.
func (g *Gateway) TakeReplyMemory(n int64) (give func()) {
	if err := g.replies.Acquire(context.Background(), n); err != nil {
		panic(err)
	}
	return func() { g.replies.Release(n) }
}

// SpentOnOthers lets audits of a route have as much as if its other requests had
// spent so many dollars.
func (g *Gateway) SpentOnOthers(route string, usd float64) {
	g.audits.mu.Lock()
	defer g.audits.mu.Unlock()
	g.audits.of(route).others += usd
}

// Audits are what audits of routes may spend.
type Audits struct{ audits }

// Allows counts an audit in, where it may be made.
func (a *Audits) Allows(route string, expected, share float64) bool {
	return a.allows(route, expected, share)
}

// Spent takes in what a request cost.
func (a *Audits) Spent(route string, expected float64, o policy.Outcome) {
	a.spent(route, expected, o)
}

// Idle reports whether a flight waits for somebody to come back for it.
func (g *Gateway) Idle() bool {
	g.flights.mu.Lock()
	defer g.flights.mu.Unlock()
	for _, flying := range g.flights.flying {
		if flying.idle {
			return true
		}
	}
	return false
}
