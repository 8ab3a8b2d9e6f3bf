package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drover-llm/drover/configs"
	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// worstPrompt is the prompt, in tokens, that worst cases are told for.
const worstPrompt = 1000

// explainMoney says in words what budgets and limits do, and what the worst that a
// request can cost means for them.
func explainMoney(b *strings.Builder, c *configs.Config, table pricing.Table) {
	fmt.Fprintf(b, "\nWorst cases (prompts of %d tokens, without max_tokens; more is held before a request is sent than it will cost):\n", worstPrompt)
	worst := map[string]pricing.USD{}
	for _, name := range slices.Sorted(maps.Keys(c.Routes)) {
		cost, parts, known := worstCase(c, table, c.Routes[name])
		if !known {
			fmt.Fprintf(b, "  A request to %s has none that is known: a price, or how long an answer can be, is not. Under a budget, Drover sets the length.\n", name)
			continue
		}
		worst[name] = cost
		fmt.Fprintf(b, "  A request to %s costs at most $%s: %s.\n", name, cost, parts)
	}
	money := c.Money()
	b.WriteString("\nBudgets:\n")
	if len(money.Rules) == 0 {
		b.WriteString("  none: keys spend without a limit.\n")
	}
	for _, name := range money.Names() {
		explainBudget(b, c, money, name, worst)
	}
	if len(c.Limits) > 0 {
		b.WriteString("\nLimits:\n")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Limits)) {
		explainLimits(b, name, c.Limits[name])
	}
}

// worstCase is the most that a request to the route costs, and of what it is made.
func worstCase(c *configs.Config, table pricing.Table, route gateway.RouteConfig) (sum pricing.USD, parts string, known bool) {
	var words []string
	add := func(times int, model string, completion int64) bool {
		cost, err := table.Cost(model, pricing.Usage{Prompt: worstPrompt, Completion: completion})
		if err == nil {
			cost, err = cost.Mul(int64(times))
		}
		if err == nil {
			sum, err = sum.Add(cost)
		}
		what := "one answer of " + model
		if times > 1 {
			what = fmt.Sprintf("%d samples of %s", times, model)
		}
		words = append(words, fmt.Sprintf("$%s for %s with %d tokens", cost, what, completion))
		return err == nil
	}
	for _, rung := range route.Search {
		rung = rung.WithDefaults()
		if !add(rung.MaxSamples, rung.Model, gateway.SampleTokens) {
			return 0, "", false
		}
	}
	for _, model := range route.Direct {
		limit := c.MaxOutput(model)
		if limit == 0 || !add(1, model, limit) {
			return 0, "", false
		}
	}
	return sum, strings.Join(words, ", "), true
}

// explainBudget says what a budget is over, and what happens at its ends.
func explainBudget(b *strings.Builder, c *configs.Config, money *policy.Budgets, name string, worst map[string]pricing.USD) {
	rule := money.Rules[name]
	fmt.Fprintf(b, "  %s", name)
	switch {
	case rule.Limit > 0 && rule.Every != policy.Ever:
		fmt.Fprintf(b, ": $%s every %s (UTC)", rule.Limit, rule.Every)
	case rule.Limit > 0:
		fmt.Fprintf(b, ": $%s in all, for good", rule.Limit)
	default:
		b.WriteString(": no limit in all")
	}
	if rule.PerRequest > 0 {
		fmt.Fprintf(b, ", at most $%s a request", rule.PerRequest)
	}
	fmt.Fprintf(b, ", over %s.\n", over(money, name))
	for _, route := range slices.Sorted(maps.Keys(worst)) {
		cost := worst[route]
		if rule.PerRequest > 0 && cost > rule.PerRequest {
			fmt.Fprintf(b, "    The worst case of %s is made to fit $%s: shorter answers, fewer samples, a cheaper model; what cannot is refused (400 budget_too_small).\n", route, rule.PerRequest)
			cost = rule.PerRequest
		}
		switch {
		case rule.Limit > 0 && cost > rule.Limit:
			fmt.Fprintf(b, "    The worst case of %s is more than all of it: answers are made shorter where the client set no max_tokens; what cannot is refused.\n", route)
		case rule.Limit > 0 && cost > 0:
			fmt.Fprintf(b, "    %s of the worst case of %s fit at one time; what they do not spend is given back when they end.\n", plural(int(rule.Limit/cost), "request"), route)
		}
	}
	if rule.Limit == 0 {
		return
	}
	if rule.Soft > 0 {
		fmt.Fprintf(b, "    At %g %% a warning goes out", rule.Soft*100)
		if rule.Webhook != "" {
			b.WriteString(", to its webhook too")
		}
		b.WriteString(".\n")
	}
	if rule.Then == policy.ThenCheapest {
		b.WriteString("    A request that does not fit what is left is answered by a cheaper model or a smaller search, as long as one fits; then refused (429 insufficient_quota).\n")
	} else {
		b.WriteString("    A request that does not fit what is left is refused (429 insufficient_quota).\n")
	}
	for _, model := range slices.Sorted(maps.Keys(c.Models)) {
		if _, _, known := c.Price(model); !known {
			fmt.Fprintf(b, "    Under it, %s cannot be asked: its price is not known.\n", model)
		}
	}
}

// over says who draws from a budget.
func over(money *policy.Budgets, name string) string {
	if slices.Contains(money.All, name) {
		return "everything"
	}
	var who []string
	for _, team := range slices.Sorted(maps.Keys(money.Teams)) {
		if slices.Contains(money.Teams[team].Budgets, name) {
			who = append(who, "team "+team)
		}
	}
	for _, route := range slices.Sorted(maps.Keys(money.Routes)) {
		if slices.Contains(money.Routes[route], name) {
			who = append(who, "route "+route)
		}
	}
	if who == nil {
		return "the keys that were made with --budget " + name
	}
	return strings.Join(who, ", ") + ", and the keys that were made with --budget " + name
}

func explainLimits(b *strings.Builder, name string, l gateway.LimitConfig) {
	who := "The keys of team " + name + " together"
	if name == "default" {
		who = "Each key of a team without limits of its own"
	}
	var parts []string
	for _, one := range []struct {
		n    int64
		what string
	}{{l.RequestsPerMinute, "requests in 60 seconds"}, {l.TokensPerMinute, "tokens in 60 seconds"}, {int64(l.Parallel), "requests at one time"}} {
		if one.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", one.n, one.what))
		}
	}
	then := "Beyond that there is a 429 with Retry-After"
	if l.Queue > 0 {
		then = fmt.Sprintf("Beyond that a request waits up to %v for its turn, then there is a 429 with Retry-After", l.Queue)
	}
	fmt.Fprintf(b, "  %s may send %s. %s.\n", who, strings.Join(parts, ", "), then)
}
