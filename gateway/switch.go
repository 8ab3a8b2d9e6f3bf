package gateway

import (
	"net/http"
	"sync/atomic"
)

// Switch is a handler that hands every request to the gateway that is in force
// when it comes. Requests under way keep the one that they began with.
type Switch struct{ now atomic.Pointer[inForce] }

type inForce struct {
	*Gateway
	handler http.Handler
}

// NewSwitch returns a switch with g in force.
func NewSwitch(g *Gateway) *Switch {
	s := new(Switch)
	s.now.Store(&inForce{g, g.Handler()})
	return s
}

// To puts another configuration in force. What requests share, their places,
// limits' counts and outcomes that the ledger did not take yet, goes on.
func (s *Switch) To(c Config) {
	before := s.now.Load()
	if c.Started.IsZero() {
		c.Started = before.Started
	}
	next := newGateway(c, before.state)
	s.now.Store(&inForce{next, next.Handler()})
}

// Gateway is the one in force.
func (s *Switch) Gateway() *Gateway { return s.now.Load().Gateway }

func (s *Switch) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.now.Load().handler.ServeHTTP(w, r)
}
