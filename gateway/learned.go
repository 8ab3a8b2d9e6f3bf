package gateway

import (
	"math"

	"github.com/drover-llm/drover/gateway/search"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// choice is what the learned model decided of a request, and on what.
type choice struct {
	policy.Decision
	features policy.Features
	versions map[string]string
	audit    bool // everything planned is drawn, whatever the decision
}

// choose lets the learned model choose among the plans that a route's search
// allows, at today's prices.
func (g *Gateway) choose(call Call, route RouteConfig, p searchPlan) choice {
	q := policy.Request{
		Features: featuresOf(call), Rule: p.rule(), Strong: g.modelID(route.Direct[0]), Sample: p.sampleCosts[0].Float64(),
		Left: math.Inf(1), Explore: *route.Learn.WithDefaults().Explore,
	}
	if p.escalates {
		q.Escalate = p.escalation.cost.Float64()
	}
	c := choice{features: q.Features, versions: map[string]string{q.Strong.Name: q.Strong.Version}}
	for _, rung := range p.rungs {
		id := g.modelID(rung.Model)
		q.Rungs = append(q.Rungs, id)
		q.Depth = max(q.Depth, rung.MaxSamples)
		c.versions[id.Name] = id.Version
	}
	if q.Escalate == 0 && q.Rule.ValueOfCorrect == 0 {
		q.Rule.ValueOfCorrect = 1
	}
	c.Decision = g.Learned().Decide(q, g.Draw())
	return c
}

// pin puts the plan that a client asked for in place of the chosen one.
func (c *choice) pin(p policy.Plan) {
	c.Plan, c.Best, c.Chances, c.Expected = p, p, []policy.Chance{{Plan: p, Propensity: 1}}, nil
	c.Reason = "the request asked for a search, else " + c.Reason
}

// expectCosts puts what answers of the class took so far, at today's prices, in
// place of the plan's first guesses.
func (g *Gateway) expectCosts(call Call, p *searchPlan) {
	model, class := g.Learned(), featuresOf(call).Class()
	expect := func(name string, guess pricing.USD) pricing.USD {
		t, seen := model.Tokens(name, class)
		if !seen {
			return guess
		}
		cost, err := g.Prices.Cost(name, pricing.Usage{Prompt: int64(t.Prompt + .5), Completion: int64(t.Completion + .5)})
		if err != nil {
			return guess
		}
		return cost
	}
	for i, rung := range p.rungs {
		p.sampleCosts[i] = expect(rung.Model, p.sampleCosts[i])
	}
	if p.escalates {
		p.escalation.cost = expect(p.escalation.models[0], p.escalation.cost)
	}
}

// modelID is a model as the learned model knows it.
func (g *Gateway) modelID(name string) policy.ModelID {
	id := policy.ModelID{Name: name}
	if m := g.Models[name]; m.Client != nil {
		id.Version = m.Client.Model()
	}
	return id
}

// featuresOf are what can be told of a request before anything is spent.
func featuresOf(call Call) policy.Features {
	f := policy.Features{Language: call.Task.Language, Tests: call.Task.Checks(), Source: call.Task.Source}
	for _, m := range call.Request.Messages {
		if m.Role == "user" {
			f.Prompt = len(m.Text())
		}
	}
	f.Cue = call.Task.Source == search.SourcePrompt
	return f
}

// rule is what the route's goal says an answer is worth.
func (p searchPlan) rule() policy.Rule {
	return policy.Rule{
		ValueOfCorrect: p.goal.ValueOfCorrect.Float64(),
		LossOfWrong:    p.goal.LossOfWrong.Float64(),
		MinQuality:     p.goal.MinQuality,
		MustAnswer:     true,
	}
}

// note writes the choice into the outcome.
func (c *choice) note(o *policy.Outcome) {
	if c == nil {
		return
	}
	o.Features, o.Plan, o.Chances, o.Audit, o.Policy, o.Versions = &c.features, &c.Plan, c.Chances, c.audit, c.Version, c.versions
}
