package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drover-llm/drover/pricing"
)

// BudgetConfig is one budget. Whoever names it, a key, a team, a route or all,
// draws from the same money: a budget that is to be a team's own has a name of
// its own.
type BudgetConfig struct {
	// Limit is the most that may be spent in one window, in dollars. Without it the budget bounds single requests only.
	Limit pricing.USD `yaml:"limit"`
	// Every says when the money begins anew: minute, hour, day, week (from Monday) or month, by the calendar in UTC. Without it, never.
	Every Every `yaml:"every" jsonschema:"enum=minute,enum=hour,enum=day,enum=week,enum=month"`
	// Soft is the share of the limit at which a warning goes out, from 0 to 1. Default: none.
	Soft float64 `yaml:"soft"`
	// PerRequest is the most that one request may cost, in dollars.
	PerRequest pricing.USD `yaml:"per_request"`
	// Then says what becomes of a request whose worst case does not fit what is left: refuse (the default), or cheapest (answer it by a cheaper model or a smaller search, if one fits).
	Then string `yaml:"then" jsonschema:"enum=refuse,enum=cheapest"`
	// Webhook is a URL that gets a JSON message when the soft share is spent, and when a request is refused for want of money; once a window each, and again where it does not answer or drover was stopped before.
	Webhook string `yaml:"webhook"`
}

// What becomes of a request that does not fit.
const (
	ThenRefuse   = "refuse"
	ThenCheapest = "cheapest"
)

// Validate reports every fault with its path below the budget.
func (c BudgetConfig) Validate(fault func(path, format string, args ...any)) {
	if c.Limit < 0 {
		fault("limit", "must be positive, got %s", c.Limit)
	}
	if c.PerRequest < 0 {
		fault("per_request", "must be positive, got %s", c.PerRequest)
	}
	if c.Limit == 0 {
		switch {
		case c.PerRequest == 0:
			fault("limit", "is missing, or 0; a budget needs a limit above 0, or a per_request, or both")
		case c.Every != Ever || c.Soft > 0:
			fault("limit", "is missing; without it every and soft have no meaning")
		}
	}
	if c.Limit > 0 && c.PerRequest > c.Limit {
		fault("per_request", "must not exceed the limit of %s, got %s", c.Limit, c.PerRequest)
	}
	if !(c.Soft >= 0 && c.Soft < 1) {
		fault("soft", "must be a share between 0 and 1, such as 0.8, got %g", c.Soft)
	}
	switch c.Then {
	case "", ThenRefuse, ThenCheapest:
	default:
		fault("then", "must be refuse or cheapest, got %q", c.Then)
	}
	if scheme, rest, _ := strings.Cut(c.Webhook, "://"); c.Webhook != "" && (scheme != "http" && scheme != "https" || rest == "" || strings.HasPrefix(rest, "/")) {
		fault("webhook", "must be a URL that begins with https:// or http:// and names a host") // which may hold a secret
	}
}

// soft is the amount at which the warning goes out, 0 for never.
func (c BudgetConfig) soft() pricing.USD {
	return pricing.USD(c.Soft * float64(c.Limit)) // a threshold, not money owed
}

// TeamConfig is what the keys of a team share.
type TeamConfig struct {
	// Budgets that everything the team's keys spend is charged to.
	Budgets []string `yaml:"budgets"`
	// Models and routes that the team's keys may use, beside what a key itself is bound to. Default: all.
	Models []string `yaml:"models"`
}

// Level is where in the house a budget applies.
type Level string

// The levels, from the narrowest.
const (
	LevelKey   Level = "key"
	LevelTeam  Level = "team"
	LevelRoute Level = "route"
	LevelAll   Level = "all"
)

// Budgets are all budgets of a configuration and who is under them. A value is
// never changed once it is in use.
type Budgets struct {
	Rules  map[string]BudgetConfig // by name
	Teams  map[string]TeamConfig   // by name
	Routes map[string][]string     // names of budgets by route
	All    []string                // names of the budgets that everything is charged to
}

// Share is a budget that applies to a request, and by what.
type Share struct {
	Budget string
	Level  Level
}

// ErrUnknownBudget says that a key, or its team, is under a budget that the
// configuration does not have. Nothing may be spent then: nobody knows how much.
var ErrUnknownBudget = errors.New("unknown budget")

// Over lists the budgets over what the key asks of the route, "" for a model
// that is called by its name: the narrowest first, each of them once.
func (c *Budgets) Over(k Key, route string) ([]Share, error) {
	if c == nil {
		if len(k.Budgets) > 0 {
			return nil, fmt.Errorf("key %s: %w %q", k.ID, ErrUnknownBudget, k.Budgets[0])
		}
		return nil, nil
	}
	var shares []Share
	for _, at := range [...]struct {
		level Level
		names []string
	}{{LevelKey, k.Budgets}, {LevelTeam, c.Teams[k.Team].Budgets}, {LevelRoute, c.Routes[route]}, {LevelAll, c.All}} {
		for _, name := range at.names {
			if _, known := c.Rules[name]; !known {
				return nil, fmt.Errorf("key %s: %w %q", k.ID, ErrUnknownBudget, name)
			}
			if !slices.ContainsFunc(shares, func(s Share) bool { return s.Budget == name }) {
				shares = append(shares, Share{name, at.level})
			}
		}
	}
	return shares, nil
}

// Team is what the keys of a team share, nothing for a team that the configuration
// does not have.
func (c *Budgets) Team(name string) TeamConfig {
	if c == nil {
		return TeamConfig{}
	}
	return c.Teams[name]
}

// Level is the widest level at which the configuration names the budget; of one
// that it does not name, a key may.
func (c *Budgets) Level(budget string) Level {
	if slices.Contains(c.All, budget) {
		return LevelAll
	}
	for _, names := range c.Routes {
		if slices.Contains(names, budget) {
			return LevelRoute
		}
	}
	for _, team := range c.Teams {
		if slices.Contains(team.Budgets, budget) {
			return LevelTeam
		}
	}
	return LevelKey
}

// Names lists the budgets, sorted.
func (c *Budgets) Names() []string {
	if c == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(c.Rules))
}

// Validate reports every fault with its YAML path. models are the models and
// routes that a team can be bound to.
func (c *Budgets) Validate(models []string, fault func(path, format string, args ...any)) {
	for _, name := range c.Names() {
		at := "budgets." + name
		checkName(name, at, fault)
		c.Rules[name].Validate(func(path, format string, args ...any) { fault(at+"."+path, format, args...) })
	}
	c.checkNames("budgets_on_all", c.All, fault)
	for _, route := range slices.Sorted(maps.Keys(c.Routes)) {
		c.checkNames("routes."+route+".budgets", c.Routes[route], fault)
	}
	for _, team := range slices.Sorted(maps.Keys(c.Teams)) {
		checkName(team, "teams."+team, fault)
		c.checkNames("teams."+team+".budgets", c.Teams[team].Budgets, fault)
		for i, model := range c.Teams[team].Models {
			if !slices.Contains(models, model) {
				fault(element("teams."+team+".models", c.Teams[team].Models, i), "there is no model or route %q; there are %s", model, strings.Join(models, ", "))
			}
		}
	}
}

// checkNames reports names of budgets that there are not, or that stand twice.
func (c *Budgets) checkNames(path string, names []string, fault func(path, format string, args ...any)) {
	for i, name := range names {
		if _, known := c.Rules[name]; !known {
			have := "no budgets are configured"
			if len(c.Rules) > 0 {
				have = "the budgets are " + strings.Join(c.Names(), ", ")
			}
			fault(element(path, names, i), "there is no budget %q; %s", name, have)
		} else if slices.Contains(names[:i], name) {
			fault(element(path, names, i), "%q stands here twice", name)
		}
	}
}

// element is the path of one name of a list: a list of one may be written
// without brackets.
func element(path string, list []string, i int) string {
	if len(list) == 1 {
		return path
	}
	return fmt.Sprintf("%s[%d]", path, i)
}
