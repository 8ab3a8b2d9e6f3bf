package gateway

import "errors"

// fit makes the search as small as the purse wants it: the strong model's answer is
// bounded where the client left that to us, and, where a smaller plan is wanted,
// there are fewer samples and no escalation.
func (r searched) fit(call Call, d Decision, p purse) (Decision, error) {
	var least *tooDear
	route := r.g.Routes[d.Route]
	route.Search = r.plan.rungs // as deep as was decided
	for _, call.exact = range [...]bool{false, true} {
		plan, err := r.g.plan(call, route)
		if err != nil {
			return d, err
		}
		r.g.expectCosts(call, &plan)
		if plan.ceiling == nil || plan.escalates && plan.escalation.bound == nil && !r.g.limitable(call, plan.escalation) {
			_, why := r.g.unbounded(call, plan)
			return d, why
		}
		if hold := plan.hold(); hold != nil && *hold <= p.most() {
			return r.with(d, plan), nil
		}
		if !call.exact {
			continue // count before anything is cut
		}
		if plan.escalates && *plan.ceiling < p.most() {
			if plan.escalation.bound == nil { // no limit is known; one is set
				plan.escalation = r.g.newEscalation(call, plan.escalation.models, false, mostTokens)
			}
			if fit, ok := r.g.fitting(call, plan.escalation, p.most()-*plan.ceiling); ok {
				plan.escalation = fit
				plan.warnings = append(plan.warnings, keepsBudget(fit.models[0], fit.asked.MaxTokens, p))
				return r.with(d, plan), nil
			}
		}
		least = &tooDear{*plan.ceiling}
		if hold := plan.hold(); hold != nil {
			least.least = *hold
		}
		if p.smaller {
			least.least = plan.bounds[0]
			if r.g.fitPlan(call, &plan, p.most(), "the budget "+p.budget()) == nil {
				return r.with(d, plan), nil
			}
		}
	}
	return d, least
}

// unbounded names the first model whose calls make a plan one without a ceiling, and
// says why they do.
func (g *Gateway) unbounded(call Call, plan searchPlan) (model string, why error) {
	models := plan.escalation.models
	for _, rung := range plan.rungs {
		models = append(models[:len(models):len(models)], rung.Model)
	}
	for _, name := range models {
		_, err := g.bound(g.sent(call, name), name, false)
		if errors.Is(err, errNoLimit) && call.Request.MaxTokens == 0 {
			continue // one would be set
		}
		if err != nil {
			return name, err
		}
	}
	return models[0], errUnbounded
}

func (r searched) with(d Decision, plan searchPlan) Decision {
	d.Responder, d.Ceiling = searched{r.g, plan, r.belief}, plan.hold()
	return d
}
