package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// Dollars is an amount as an exact JSON number.
type Dollars pricing.USD

// MarshalJSON writes a plain decimal.
func (d Dollars) MarshalJSON() ([]byte, error) { return []byte(pricing.USD(d).String()), nil }

// UnmarshalJSON reads one.
func (d *Dollars) UnmarshalJSON(text []byte) error {
	return (*pricing.USD)(d).UnmarshalText(text)
}

func orNone(u pricing.USD) *Dollars {
	if u == 0 {
		return nil
	}
	d := Dollars(u)
	return &d
}

// Budget is a budget as the API shows it.
type Budget struct {
	Name       string     `json:"name"`
	Level      string     `json:"level"`  // widest at which it applies: key, team, route or all
	Window     string     `json:"window"` // minute, hour, day, week or month; empty: it never begins anew
	Limit      *Dollars   `json:"limit_usd"`
	Spent      Dollars    `json:"spent_usd"`
	Held       Dollars    `json:"held_usd"`
	Left       *Dollars   `json:"left_usd"` // null without a limit
	Soft       *Dollars   `json:"soft_usd"`
	PerRequest *Dollars   `json:"per_request_usd"`
	Then       string     `json:"then"`
	StartedAt  *time.Time `json:"started_at"`
	ResetsAt   *time.Time `json:"resets_at"`
}

// NewBudget shows b.
func NewBudget(b policy.BudgetState) Budget {
	shown := Budget{
		Name: b.Name, Level: string(b.Level), Window: string(b.Window), Limit: orNone(b.Limit),
		Spent: Dollars(b.Spent), Held: Dollars(b.Held), Soft: orNone(b.Soft), PerRequest: orNone(b.PerRequest), Then: b.Then,
		StartedAt: orNull(b.StartedAt), ResetsAt: orNull(b.ResetsAt),
	}
	if b.Limit > 0 {
		left := Dollars(b.Left)
		shown.Left = &left
	}
	return shown
}

// BudgetList answers GET /api/budgets.
type BudgetList struct {
	Budgets []Budget `json:"budgets"`
}

func (s *Server) listBudgets(c echo.Context) error {
	list := BudgetList{Budgets: []Budget{}}
	for _, b := range s.control.Budgets() {
		list.Budgets = append(list.Budgets, NewBudget(b))
	}
	return c.JSON(http.StatusOK, list)
}

// Team is a team as the API shows it.
type Team struct {
	Name    string   `json:"name"`
	Budgets []string `json:"budgets"`
	Models  []string `json:"models"` // empty: all
	Keys    int      `json:"keys"`   // that are neither revoked nor expired
}

func (s *Server) listTeams(c echo.Context) error {
	keys := map[string]int{}
	for _, k := range s.control.Keys.ListKeys() {
		if k.Revoked.IsZero() && (k.Expires.IsZero() || s.now().Before(k.Expires)) {
			keys[k.Team]++
		}
	}
	teams, list := s.control.Teams(), []Team{}
	for _, name := range slices.Sorted(maps.Keys(teams)) {
		t := teams[name]
		list = append(list, Team{Name: name, Budgets: append([]string{}, t.Budgets...), Models: append([]string{}, t.Models...), Keys: keys[name]})
	}
	return c.JSON(http.StatusOK, map[string]any{"teams": list})
}

// Spend is what requests with something in common came to.
type Spend struct {
	Day      string  `json:"day,omitempty"`
	Key      string  `json:"key,omitempty"`
	Team     string  `json:"team,omitempty"`
	Route    string  `json:"route,omitempty"`
	Model    string  `json:"model,omitempty"`
	Cost     Dollars `json:"cost_usd"` // as far as prices are known
	Requests int64   `json:"requests"`
	Unpriced int64   `json:"unpriced"` // requests of which some price was not known
}

// spend answers GET /api/spend?by=day,team&since=2027-01-01: sums over the
// outcomes that are there and the days that were folded.
func (s *Server) spend(c echo.Context) error {
	since := time.Time{}
	if text := c.QueryParam("since"); text != "" {
		var err error
		if since, err = readTime(text); err != nil {
			return badParam("since", "must be a day such as 2027-01-31 or a time such as 2027-01-31T12:00:00Z, got %.64q", text)
		}
	}
	by := map[string]bool{}
	for _, word := range strings.FieldsFunc(c.QueryParam("by"), func(r rune) bool { return r == ',' }) {
		if !slices.Contains([]string{"day", "key", "team", "route", "model"}, word) {
			return badParam("by", "must be made of day, key, team, route and model, got %.64q", word)
		}
		by[word] = true
	}
	sums := map[Spend]*Spend{}
	err := s.control.Ledger.Spendings(since, func(p policy.Spending) {
		var group Spend
		if by["day"] {
			group.Day = p.At.Format(time.DateOnly)
		}
		if by["key"] {
			group.Key = p.Account.Key
		}
		if by["team"] {
			group.Team = p.Account.Team
		}
		if by["route"] {
			group.Route = p.Route
		}
		if by["model"] {
			group.Model = p.Model
		}
		sum := sums[group]
		if sum == nil {
			copied := group
			sum = &copied
			sums[group] = sum
		}
		sum.Cost += Dollars(p.Cost)
		sum.Requests += p.Requests
		sum.Unpriced += p.Unknown
	})
	if err != nil {
		return s.unreadable(err)
	}
	list := []*Spend{}
	for _, sum := range sums {
		list = append(list, sum)
	}
	slices.SortFunc(list, func(a, b *Spend) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Team, b.Team), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Route, b.Route), cmp.Compare(a.Model, b.Model))
	})
	return c.JSON(http.StatusOK, map[string]any{"spend": list})
}

// Hold is an open hold as the API shows it.
type Hold struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Key      string    `json:"key"`
	Team     string    `json:"team"`
	Route    string    `json:"route"`
	Ceiling  *Dollars  `json:"ceiling_usd"` // null: no bound was known
	Budgets  []string  `json:"budgets"`
	UnderWay bool      `json:"under_way"` // false: a crash cut its request off, and it counts as spent
}

// NewHold shows h.
func NewHold(h policy.OpenHold) Hold {
	return Hold{
		ID: h.ID, At: h.At, Key: h.Account.Key, Team: h.Account.Team, Route: h.Route,
		Ceiling: (*Dollars)(h.Ceiling), Budgets: append([]string{}, h.Budgets...), UnderWay: h.UnderWay,
	}
}

// HoldList answers GET /api/holds, the oldest first.
type HoldList struct {
	Holds []Hold `json:"holds"`
}

func (s *Server) listHolds(c echo.Context) error {
	holds, err := s.control.Ledger.Holds()
	if err != nil {
		return s.unreadable(err)
	}
	list := HoldList{Holds: []Hold{}}
	for _, h := range holds {
		list.Holds = append(list.Holds, NewHold(h))
	}
	return c.JSON(http.StatusOK, list)
}

// ReleaseRequest is the body of POST /api/holds/{id}.
type ReleaseRequest struct {
	Action string `json:"action"` // release: nothing was spent; charge: the whole ceiling was
}

func (s *Server) release(c echo.Context) error {
	var r ReleaseRequest
	if err := readBody(c, maxBody, &r); err != nil {
		return err
	}
	if r.Action != "release" && r.Action != "charge" {
		return badParam("action", "must be release (nothing was spent) or charge (the whole ceiling was), got %.64q", r.Action)
	}
	id := c.Param("id")
	h, err := s.control.Release(c.Request().Context(), policy.Release{ID: id, At: s.now(), By: s.asker(c), Charge: r.Action == "charge"})
	switch {
	case errors.Is(err, policy.ErrUnknownHold):
		return &apiError{http.StatusNotFound, invalidRequest, "hold_not_found", "id", fmt.Sprintf("there is no open hold with the id %.64q", id)}
	case errors.Is(err, policy.ErrUnderWay):
		return &apiError{http.StatusConflict, invalidRequest, "request_under_way", "id", "the request is being answered; its hold settles by itself"}
	case err != nil:
		return s.unavailable(err)
	}
	return c.JSON(http.StatusOK, map[string]any{"hold": NewHold(policy.OpenHold{Hold: h}), "action": r.Action})
}

func (s *Server) listChanges(c echo.Context) error {
	before, limit, err := readPage(c)
	if err != nil {
		return err
	}
	changes, err := s.control.Ledger.Changes(before, limit)
	if err != nil {
		return s.unreadable(err)
	}
	var next *string
	if len(changes) == limit {
		next = cursor(changes[limit-1].Seq)
	}
	return c.JSON(http.StatusOK, map[string]any{"changes": changes, "next": next})
}

func (s *Server) reload(c echo.Context) error {
	by := s.asker(c)
	if err := s.control.Reload(c.Request().Context(), by); err != nil {
		return &apiError{http.StatusBadRequest, invalidRequest, "configuration_refused", "", "the configuration was not taken, the old one stays in force:\n" + err.Error()}
	}
	return c.JSON(http.StatusOK, map[string]any{"reloaded": true})
}

// note journals a change that was made; that it cannot is logged.
func (s *Server) note(ctx context.Context, c policy.Change) {
	if s.control.Ledger == nil {
		return
	}
	if err := s.control.Ledger.Note(context.WithoutCancel(ctx), c); err != nil {
		s.log.Error("admin: a change is not journalled", "action", c.Action, "by", c.By, "error", err)
	}
}
