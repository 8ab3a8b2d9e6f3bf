package gateway

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
		if plan.ceiling == nil || plan.escalates && plan.escalation.bound == nil && call.Request.MaxTokens > 0 {
			return d, r.unbounded(call, plan)
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

// unbounded is why the plan has no ceiling.
func (r searched) unbounded(call Call, plan searchPlan) error {
	models := plan.escalation.models
	for _, rung := range plan.rungs {
		models = append(models[:len(models):len(models)], rung.Model)
	}
	for _, name := range models {
		if _, err := r.g.bound(r.g.sent(call, name), name, false); err != nil {
			return err
		}
	}
	return errUnbounded
}

func (r searched) with(d Decision, plan searchPlan) Decision {
	d.Responder, d.Ceiling = searched{r.g, plan, r.belief}, plan.hold()
	return d
}
