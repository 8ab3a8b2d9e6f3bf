package gateway

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// healthz answers as long as the process does.
func (g *Gateway) healthz(c echo.Context) error {
	return c.JSON(http.StatusOK, map[string]string{"status": "ok"})
}

// readyz says whether requests can be answered: not while stopping, not without
// a ledger, not when the breaker of every model of a route is open.
func (g *Gateway) readyz(c echo.Context) error {
	checks := map[string]string{"ledger": "ok", "models": "ok"}
	ready := true
	fail := func(name, why string) { checks[name], ready = why, false }
	if g.stopping() {
		fail("server", "stopping")
	}
	if err := g.Journal.Err(); err != nil {
		g.Log.Error("ledger", "error", err)
		fail("ledger", "not writable")
	}
	if !g.anyHealthy() {
		fail("models", "the circuit breaker of every model is open")
	}
	status, word := http.StatusOK, "ready"
	if !ready {
		status, word = http.StatusServiceUnavailable, "not ready"
	}
	return c.JSON(status, map[string]any{"status": word, "checks": checks})
}

// anyHealthy reports whether some model can be called.
func (g *Gateway) anyHealthy() bool {
	for _, m := range g.Models {
		if m.Client.Healthy() {
			return true
		}
	}
	return len(g.Models) == 0
}
