package gateway

import (
	"encoding/json"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/drover-llm/drover/policy"
)

// keyAnswer is the reply to GET /v1/key: what the key itself may know.
type keyAnswer struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Team      string            `json:"team"`
	Models    []string          `json:"models"` // that it may call
	Tags      map[string]string `json:"tags"`
	ExpiresAt *time.Time        `json:"expires_at"`
	Budgets   []budgetAnswer    `json:"budgets"` // over everything that it asks, the narrowest first; a route may have more
	Limits    *limitsAnswer     `json:"limits"`  // null: none
}

// budgetAnswer is a budget over a key. Amounts are JSON numbers of dollars; those
// of a budget without a limit are null.
type budgetAnswer struct {
	Name       string          `json:"name"`
	Level      policy.Level    `json:"level"`
	Route      string          `json:"route,omitempty"` // of level route: the route that it is over
	Window     *string         `json:"window"`          // null: it never begins anew
	Limit      json.RawMessage `json:"limit_usd"`
	Spent      json.RawMessage `json:"spent_usd"`
	Held       json.RawMessage `json:"held_usd"`
	Left       json.RawMessage `json:"left_usd"`
	PerRequest json.RawMessage `json:"per_request_usd"`
	Then       string          `json:"then"`
	ResetsAt   *time.Time      `json:"resets_at"`
}

// limitsAnswer are a key's limits and what is left of them.
type limitsAnswer struct {
	Of                string `json:"of"` // key or team: whose requests are counted together
	RequestsPerMinute *int64 `json:"requests_per_minute"`
	RequestsLeft      *int64 `json:"requests_left"`
	TokensPerMinute   *int64 `json:"tokens_per_minute"`
	TokensLeft        *int64 `json:"tokens_left"`
	Parallel          *int64 `json:"parallel"`
	UnderWay          int    `json:"under_way"`
}

// key answers GET /v1/key.
func (g *Gateway) key(c echo.Context) error {
	key, err := g.authenticate(c.Request().Header)
	if err != nil {
		return err
	}
	shares, err := g.Budgets.Over(key, "")
	if err != nil {
		g.Log.Warn("request refused", "reason", err)
		return errUnknownBudget
	}
	now := g.Now()
	a := keyAnswer{ID: key.ID, Name: key.Name, Team: key.Team, Models: g.names(key), Tags: key.Tags, Budgets: []budgetAnswer{}, Limits: g.limitsAnswer(key, now)}
	if a.Tags == nil {
		a.Tags = map[string]string{}
	}
	if !key.Expires.IsZero() {
		a.ExpiresAt = new(key.Expires.UTC())
	}
	for _, s := range g.Book.StatesOf(shares, now) {
		a.Budgets = append(a.Budgets, newBudgetAnswer(s))
	}
	for _, route := range a.Models {
		all, err := g.Budgets.Over(key, route)
		if err != nil {
			continue // reported above, or a route's that validation refuses
		}
		for _, s := range g.Book.StatesOf(all, now) {
			if s.Level == policy.LevelRoute {
				b := newBudgetAnswer(s)
				b.Route = route
				a.Budgets = append(a.Budgets, b)
			}
		}
	}
	return answerJSON(c, a)
}

func newBudgetAnswer(s policy.BudgetState) budgetAnswer {
	b := budgetAnswer{Name: s.Name, Level: s.Level, Limit: dollars(nil), Spent: dollars(&s.Spent), Held: dollars(&s.Held), Left: dollars(nil), PerRequest: dollars(nil), Then: s.Then}
	if s.Limit > 0 {
		b.Limit, b.Left = dollars(&s.Limit), dollars(&s.Left)
	}
	if s.PerRequest > 0 {
		b.PerRequest = dollars(&s.PerRequest)
	}
	if s.Window != policy.Ever {
		b.Window, b.ResetsAt = new(string(s.Window)), &s.ResetsAt
	}
	return b
}

func (g *Gateway) limitsAnswer(key policy.Key, now time.Time) *limitsAnswer {
	limits, who, ok := g.limitsOf(key)
	if !ok {
		return nil
	}
	g.limiter.mu.Lock()
	defer g.limiter.mu.Unlock()
	counted := g.limiter.counter(who, now)
	a := &limitsAnswer{Of: "key", UnderWay: counted.running}
	if _, own := g.Limits[key.Team]; own && key.Team != "" && key.Team != defaultLimits {
		a.Of = "team"
	}
	if most := limits.RequestsPerMinute; most > 0 {
		a.RequestsPerMinute, a.RequestsLeft = &most, new(max(most-counted.requests.used(now), 0))
	}
	if most := limits.TokensPerMinute; most > 0 {
		a.TokensPerMinute, a.TokensLeft = &most, new(max(most-counted.tokens.used(now), 0))
	}
	if limits.Parallel > 0 {
		a.Parallel = new(int64(limits.Parallel))
	}
	return a
}
