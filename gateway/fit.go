package gateway

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

const (
	// leastTokens is the smallest output limit that Drover sets by itself, and
	// leastCheapest where a budget wants a smaller answer rather than none.
	leastTokens   = 1024
	leastCheapest = 256
	// mostTokens bounds the output limit of a model of which none is known.
	mostTokens = 1 << 17
)

// purse is what the budgets leave for one request.
type purse struct {
	policy.Room
	smaller bool // a smaller plan is better than none
}

// most is what the request may cost.
func (p purse) most() pricing.USD { return p.Cap() }

// least is the smallest output limit that may be set.
func (p purse) least() int64 {
	if p.smaller {
		return leastCheapest
	}
	return leastTokens
}

// budget names the budget that binds.
func (p purse) budget() string {
	if p.perRequest() {
		return p.PerBudget
	}
	return p.LeftIn
}

func (p purse) perRequest() bool { return p.PerRequest > 0 && p.PerRequest <= p.Left }

// fitter is a Responder that can do with less money. Its error is a *tooDear where
// no plan of its fits the purse.
type fitter interface {
	fit(call Call, d Decision, p purse) (Decision, error)
}

// tooDear says that nothing fits.
type tooDear struct{ least pricing.USD } // the smallest plan's worst case

func (e *tooDear) Error() string { return fmt.Sprintf("the worst case of $%s does not fit", e.least) }

// fit keeps a decision within the budgets over the request: as it is, where its
// worst case fits; with the prompt counted instead of measured; with an output
// limit, where the client set none; and, where a budget asks for that instead of a
// refusal, by a cheaper model or a smaller search. What the client allows for the
// request is one more of them.
func (g *Gateway) fit(call Call, d Decision) (Decision, error) {
	shares, err := g.Budgets.Over(call.Key, d.Route)
	if err != nil {
		g.Log.Warn("request refused", "reason", err)
		return d, errUnknownBudget
	}
	d.Shares, d.Limit, d.Warnings = shares, 0, nil
	most := call.Task.Spec.Budget.MaxCost
	if len(shares) == 0 && most == 0 {
		return d, nil
	}
	p := purse{Room: g.Book.Room(shares, call.At)}
	if most > 0 && (p.PerRequest == 0 || most < p.PerRequest) {
		p.PerRequest, p.PerBudget = most, "verify.budget.max_cost_usd"
	}
	p.smaller = p.perRequest() || p.Cheapest
	fitted, err := d.Responder.(fitter).fit(call, d, p)
	var dear *tooDear
	switch {
	case err == nil:
		return fitted, nil
	case errors.As(err, &dear):
		return d, g.noRoom(call, dear.least, p)
	}
	return d, noCeiling(d.Models[0], err)
}

// refusedHold is the error of a request that the book refused although it had been
// fitted to it: concurrent requests took the money on every try.
func (g *Gateway) refusedHold(call Call, d Decision, err error) error {
	var spent *policy.BudgetError
	if !errors.As(err, &spent) {
		return fmt.Errorf("holding for %s: %w", call.ID, err)
	}
	return g.noRoom(call, spent.Ceiling, purse{Room: g.Book.Room(d.Shares, call.At)})
}

// noRoom is the error of a request that does not fit.
func (g *Gateway) noRoom(call Call, least pricing.USD, p purse) error {
	if p.PerRequest > 0 && least > p.PerRequest {
		return budgetTooSmall(p.PerBudget, least, p.PerRequest)
	}
	if least <= p.Left+p.Busy {
		return budgetBusy(p.LeftIn)
	}
	g.Book.Refused(p.LeftIn, call.At)
	return budgetSpent(p.LeftIn, least, p.Left, p.ResetsAt)
}

// fit finds the first model that fits: the decision's own, then, where a smaller
// plan is wanted, the others of the route from dear to cheap.
func (r direct) fit(call Call, d Decision, p purse) (Decision, error) {
	models := d.Models[:1]
	if p.smaller {
		models = slices.Concat(d.Models, r.g.cheaper(d))
	}
	var least *tooDear
	for i, name := range models {
		fitted, err := r.g.fitModel(call, d, p, name)
		var dear *tooDear
		switch {
		case err == nil && i > 0:
			fitted.Reason, fitted.Wanted = reasonBudget, d.Models[0]
			fitted.Models = append([]string{name}, slices.DeleteFunc(slices.Clone(d.Models), func(m string) bool { return m == name })...)
			fitted.Text = fmt.Sprintf("The worst case of %s does not fit what the budget %s leaves, so %s was asked.", d.Models[0], p.budget(), name)
			return fitted, nil
		case err == nil:
			return fitted, nil
		case !errors.As(err, &dear):
			if i == 0 {
				return d, err
			}
		case least == nil || dear.least < least.least:
			least = dear
		}
	}
	return d, least
}

// reasonBudget is the verify schema's word for an answer that a budget decided.
const reasonBudget = "budget_spent"

// cheaper are the models of the decision's route that are not asked already, the
// dear ones first.
func (g *Gateway) cheaper(d Decision) []string {
	route, ok := g.Routes[d.Route]
	if !ok {
		return nil
	}
	var names []string
	add := func(name string) {
		if !slices.Contains(d.Models, name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range slices.Concat(route.Otherwise, route.Direct) {
		add(name)
	}
	for _, rung := range slices.Backward(route.Search) {
		add(rung.Model)
	}
	return names
}

// fitModel keeps one call of a model within the purse.
func (g *Gateway) fitModel(call Call, d Decision, p purse, name string) (Decision, error) {
	if _, err := g.serving([]string{name}, call.Request); err != nil {
		return d, err
	}
	sent := g.sent(call, name)
	for _, exact := range [...]bool{false, true} {
		cost, err := g.bound(sent, name, exact)
		if errors.Is(err, errNoLimit) {
			break // one is set below
		}
		if err != nil {
			return d, err
		}
		if cost <= p.most() {
			d.Ceiling = g.withOthers(call, d, p, name, cost)
			return d, nil
		}
		if exact && call.Request.MaxTokens > 0 || sent.N == 0 {
			return d, &tooDear{cost}
		}
	}
	limit, cost, err := g.fitLimit(sent, name, p)
	if err != nil {
		return d, err
	}
	d.Limit, d.Ceiling = limit, &cost
	d.Warnings = append(slices.Clone(d.Warnings), keepsBudget(name, limit, p))
	return d, nil
}

// keepsBudget tells of an output limit that Drover set.
func keepsBudget(model string, tokens int64, p purse) string {
	return fmt.Sprintf("max_tokens: no limit was set, so an answer of %s has at most %d tokens, which keeps the budget %s", model, tokens, p.budget())
}

// withOthers is a ceiling with room for the models that stand in for the one that
// is asked, as far as they fit; what does not is asked only if the first cost less.
func (g *Gateway) withOthers(call Call, d Decision, p purse, name string, cost pricing.USD) *pricing.USD {
	for _, other := range d.Models {
		if other == name {
			continue
		}
		more, err := g.bound(g.sent(call, other), other, false)
		if err == nil && more <= p.most()-cost {
			cost += more
		}
	}
	return &cost
}

// fitLimit is the largest output limit with which a call fits, and its worst case.
func (g *Gateway) fitLimit(sent *openai.ChatRequest, name string, p purse) (int64, pricing.USD, error) {
	prompt, err := g.promptBound(sent, name)
	if err != nil {
		return 0, 0, err
	}
	if sent.Size() > exactFrom {
		prompt = min(prompt, g.promptCount(sent, name))
	}
	worst := func(limit int64) (pricing.USD, error) {
		all := limit * int64(sent.N)
		return g.price(name, prompt, all+beyondLimit(sent, all))
	}
	least, high := p.least(), g.Models[name].MaxOutput
	if high == 0 {
		high = mostTokens
	}
	least = min(least, high)
	cost, err := worst(least)
	if err != nil {
		return 0, 0, err
	}
	if cost > p.most() {
		return 0, 0, &tooDear{cost}
	}
	low := least // fits
	for low < high {
		middle := low + (high-low+1)/2
		if cost, err := worst(middle); err == nil && cost <= p.most() {
			low = middle
		} else {
			high = middle - 1
		}
	}
	cost, err = worst(low)
	return low, cost, err
}

// fits reports whether a call of the model fits an amount; nil is no bound.
func (g *Gateway) fits(call Call, name string, left *pricing.USD) bool {
	if left == nil {
		return true
	}
	sent := g.sent(call, name)
	for _, exact := range [...]bool{false, true} {
		if cost, err := g.bound(sent, name, exact); err == nil && cost <= *left {
			return true
		}
	}
	return false
}

// rest is what calls leave of a ceiling, taken at the most that they can have cost.
func rest(ceiling *pricing.USD, calls []policy.Call) *pricing.USD {
	if ceiling == nil {
		return nil
	}
	spent := policy.Outcome{Calls: calls, Cost: total(calls)}.Charge()
	if spent == nil {
		return new(pricing.USD)
	}
	return new(max(*ceiling-*spent, 0))
}

func number(n int64) jsontext.Value { return strconv.AppendInt(nil, n, 10) }

// budgets are the names of the shares.
func (d Decision) budgets() []string {
	if len(d.Shares) == 0 {
		return nil
	}
	names := make([]string, len(d.Shares))
	for i, s := range d.Shares {
		names[i] = s.Budget
	}
	return names
}
