package gateway

import (
	"strings"

	"github.com/drover-llm/drover/gateway/search"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// Decision is how a request will be answered.
type Decision struct {
	Route     string   // YAML name, "" when a model was called by name
	Models    []string // YAML names for a direct call, each standing in for the one before it
	Responder Responder
	Ceiling   *pricing.USD // the most that it can spend; nil: no bound is known
	Reason    string       // word of the verify schema
	Text      string       // one sentence for people
	Budget    int          // samples that may be drawn

	Shares   []policy.Share // the budgets that it is charged to
	Limit    int64          // output limit that Drover sets for a client that set none; 0: none
	Warnings []string       // what the budgets changed
	choice   *choice        // what the learned model chose; nil: nothing was to be chosen
	Wanted   string         // the model that budgets replaced by a cheaper one; "": none
}

// way is how an answer that has not come yet will come.
func (d Decision) way() string {
	if _, ok := d.Responder.(cached); ok {
		return "cache"
	}
	if d.Budget > 0 {
		return "search"
	}
	return "direct"
}

// reason is why the request was answered as it was, as a word of the verify schema.
// What cut a search short takes precedence over why it was begun.
func (d Decision) reason(a Answer) string {
	if (a.Way == "direct" || a.Way == "escalated") && a.Model != d.Models[0] {
		return "provider_down"
	}
	if a.Search != nil && a.Search.Winner < 0 && cutShort[a.Search.Stop] {
		return a.Search.Stop
	}
	if a.Audit {
		return reasonAudit
	}
	return d.Reason
}

// cutShort are the ends of a search that are reasons of the verify schema.
var cutShort = map[string]bool{search.StopBudget: true, search.StopDeadline: true, search.StopProvider: true, search.StopRunner: true, search.StopLanguage: true, search.StopNothingSaid: true}

// decide chooses how to answer. It is asked before anything is spent; what it
// refuses costs nothing.
func (g *Gateway) decide(call Call) (Decision, error) {
	name, _ := search.CutSuite(call.Request.Model)
	if !g.Knows(name) {
		return Decision{}, unknownModel(name, g.names(call.Key))
	}
	if !g.allowed(call.Key, name) {
		return Decision{}, modelNotAllowed(name, g.names(call.Key))
	}
	route, ok := g.Routes[name]
	if !ok {
		return g.directly(call, unsearched(call, Decision{Models: []string{name}, Reason: "pinned_model", Text: "The model was called by its name."})), nil
	}
	key, keeps := g.cacheKey(call, name, route)
	if !keeps {
		return g.routed(call, name, route)
	}
	if k, ok := g.caches.of(name).get(key, call.ID, g.Now()); ok {
		return Decision{Route: name, Models: route.Direct, Responder: cached{k}, Ceiling: new(pricing.USD), Reason: call.Task.Reason,
			Text: "An equal request with equal tests was answered and verified before."}, nil
	}
	d, err := g.routed(call, name, route)
	if err == nil {
		d.Responder = keeping{d.Responder, g, key, route}
	}
	return d, err
}

// routed is the decision of a route.
func (g *Gateway) routed(call Call, name string, route RouteConfig) (Decision, error) {
	d := Decision{Route: name, Models: route.Direct, Reason: call.Task.Reason}
	if g.comparable(call, route) {
		return g.compares(call, d, route)
	}
	if why := g.unsearchable(call, route); why != "" {
		if d.Reason == search.ReasonNotCoding && len(route.Otherwise) > 0 {
			d.Models = route.Otherwise
		}
		if d.Reason == search.ReasonTestsGiven {
			d.Reason = why
		}
		d.Text = sentences[d.Reason]
		return g.directly(call, unsearched(call, d)), nil
	}
	plan, err := g.plan(call, route)
	if err != nil {
		return Decision{}, err
	}
	g.expectCosts(call, &plan)
	chosen := g.choose(call, route, plan)
	d.choice = &chosen
	if chosen.Plan.Samples == 0 && call.Task.Spec.Route == search.RouteSearch {
		chosen.pin(policy.Plan{Samples: plan.rungs[0].MaxSamples, LastResort: plan.escalates, Small: plan.rungs[0].Model})
		d.Reason = search.ReasonPinnedRoute
	}
	if chosen.Plan.Samples == 0 {
		d.Reason = "router_predicts_direct"
	}
	if chosen.Explores() {
		d.Reason = "explored"
	}
	d.Text = sentenceOf(chosen.Reason)
	if chosen.Plan.Samples == 0 {
		return g.directly(call, d), nil
	}
	plan.rungs[0].MaxSamples = min(plan.rungs[0].MaxSamples, chosen.Plan.Samples)
	for _, rung := range plan.rungs {
		d.Budget += rung.MaxSamples
	}
	if plan.maxSamples > 0 {
		d.Budget = min(d.Budget, plan.maxSamples)
	}
	d.Responder, d.Ceiling = searched{g, plan, chosen.Belief}, plan.hold()
	return d, nil
}

// sentenceOf makes a sentence of a reason.
func sentenceOf(reason string) string { return strings.ToUpper(reason[:1]) + reason[1:] + "." }

// unsearched says, of a request that asked for a search, why there is none.
func unsearched(call Call, d Decision) Decision {
	if call.Task.Spec.Route != search.RouteSearch {
		return d
	}
	d.Text = "A search was asked for but is not possible: " + strings.ToLower(d.Text[:1]) + d.Text[1:]
	return d
}

// unsearchable is why the request is not searched, in a word; empty when it is.
func (g *Gateway) unsearchable(call Call, route RouteConfig) string {
	switch {
	case !call.Task.Searchable:
		return call.Task.Reason
	case len(route.Search) == 0:
		return "router_predicts_direct"
	case g.Sandbox == nil || g.Sandbox.Down() != "":
		return "runner_down"
	case g.Sandbox.Unsupported(call.Task.Language) != "":
		return "unsupported_language"
	}
	return ""
}

// directly is the decision for one call, and those that stand in for it.
func (g *Gateway) directly(call Call, d Decision) Decision {
	d.Responder = direct{g}
	d.Ceiling = g.ceiling(call, d)
	return d
}

// sentences say the reasons to people.
var sentences = map[string]string{
	"tests_given":            "The request has tests, so cheap samples were tried against them.",
	"no_tests":               "The request has no tests, so the strong model was asked once.",
	"not_coding":             "The request does not ask for code, so it was not searched.",
	"several_choices":        "Several choices were asked for, which only one call can give.",
	"tools_present":          "The request has tools, whose calls cannot be tested.",
	"multimodal":             "The request has images or audio, so it was not searched.",
	"pinned_route":           "The request asked for the direct way.",
	"router_predicts_direct": "The route has no search, so the strong model was asked once.",
	"unsupported_language":   "Tests in this language cannot be run here, so the strong model was asked once.",
	"runner_down":            "Nothing can be tested on this machine at present, so the strong model was asked once.",
}
