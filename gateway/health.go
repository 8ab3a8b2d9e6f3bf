package gateway

import (
	"errors"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"
)

// healthz answers as long as the process does.
func (g *Gateway) healthz(c echo.Context) error {
	return c.JSON(http.StatusOK, map[string]string{"status": "ok"})
}

// readyz says whether requests can be answered: not while stopping, not without
// a ledger, not when the breaker of every model of a route is open. A sandbox that
// is down is told and nothing more: requests are answered then too, with verified:
// null, and another gateway's sandbox is seldom better.
func (g *Gateway) readyz(c echo.Context) error {
	checks := map[string]string{"ledger": "ok", "models": "ok", "sandbox": "ok"}
	ready := true
	fail := func(name, why string) { checks[name], ready = why, false }
	if g.draining.Load() {
		fail("server", "stopping")
	}
	if err := errors.Join(g.Journal.Err(), g.late.err()); err != nil {
		g.Log.Error("ledger", "error", err)
		fail("ledger", "not writable")
	}
	for name, route := range g.Routes {
		if !g.anyHealthy(route.Direct) {
			fail("models", "route "+name+": the circuit breaker of every model is open")
		}
	}
	switch {
	case g.Sandbox == nil:
		checks["sandbox"] = "none: answers are not verified"
	case g.Sandbox.Down() != "":
		checks["sandbox"] = "down: answers are not verified" // why is for drover doctor: this endpoint asks for no key
	}
	status, word := http.StatusOK, "ready"
	if !ready {
		status, word = http.StatusServiceUnavailable, "not ready"
	}
	return c.JSON(status, map[string]any{"status": word, "checks": checks})
}

// anyHealthy reports whether one of the models can be called.
func (g *Gateway) anyHealthy(models []string) bool {
	return slices.ContainsFunc(models, func(name string) bool { return g.Models[name].Client.Healthy() })
}
