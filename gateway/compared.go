package gateway

import (
	"context"

	"github.com/drover-llm/drover/gateway/search"
	"github.com/drover-llm/drover/policy"
)

const (
	// comparedSamples is how many samples of a request without tests are compared.
	comparedSamples = 8
	// strongChance is how often the strong model is right at once: GPT-4o's share
	// over EvalPerf's tasks.
	strongChance = 0.867
)

// comparable reports whether a request without tests is searched all the same:
// where the route turns it on, and programs can be observed.
func (g *Gateway) comparable(call Call, route RouteConfig) bool {
	t := call.Task
	return route.SearchUntested && t.Reason == search.ReasonNoTests && len(route.Search) > 0 &&
		(t.Language == "" || t.Language == "python") &&
		g.Sandbox != nil && g.Sandbox.Down() == "" && g.Sandbox.Unsupported("python") == ""
}

// compares is the decision to compare samples.
func (g *Gateway) compares(call Call, d Decision, route RouteConfig) (Decision, error) {
	rung := route.Search[0].WithDefaults()
	rung.MaxSamples = min(rung.MaxSamples, comparedSamples)
	route.Search = []RungConfig{rung}
	plan, err := g.plan(call, route)
	if err != nil {
		return Decision{}, err
	}
	d.Budget = plan.rungs[0].MaxSamples
	d.Responder, d.Ceiling = compared{searched{g: g, plan: plan}}, plan.hold()
	d.Text = "The request has no tests, so cheap samples were compared by what they do."
	return d, nil
}

// compared answers a request without tests with a sample of the largest group that
// behaves alike, where that is likely enough to be right; otherwise it asks the
// strong model. Nothing is verified: no test was given.
type compared struct{ searched }

// fit makes it smaller, and leaves it what it is.
func (r compared) fit(call Call, d Decision, p purse) (Decision, error) {
	d, err := r.searched.fit(call, d, p)
	if smaller, ok := d.Responder.(searched); ok {
		d.Responder = compared{smaller}
	}
	return d, err
}

// Respond compares samples, and escalates where they do not agree.
func (r compared) Respond(ctx context.Context, call Call, d Decision) (Answer, error) {
	n := r.plan.rungs[0].MaxSamples
	plan := r.search(call, &rounds{1, n - 1})
	result, agreement, err := search.Agree(ctx, call.Task, plan, search.Prior{A: policy.Llama8B.A, B: policy.Llama8B.B})
	answer := Answer{Way: "search", Warnings: r.plan.warnings, Search: &result, Agreement: &agreement, Spent: callsOf(r.g, result)}
	if err != nil {
		return answer, lostSearch(ctx, err, result)
	}
	best, found := agreement.Best()
	if found && best.Chance >= r.enough() {
		result.Winner, result.Stop = best.Samples[0], search.StopAgreed
		return r.hand(answer, result, result.Winner)
	}
	if r.plan.escalates && ctx.Err() == nil {
		strong, err := r.escalate(ctx, call, d, answer)
		strong.Agreement = &agreement
		if !found || err == nil && r.works(ctx, call, agreement, strong) {
			return strong, err
		}
		answer.Spent, answer.Warnings = strong.Spent, append(strong.Warnings, "the strong model gave no program that runs, so this is the sample that most others agree with")
	}
	switch {
	case found:
		return r.hand(answer, result, best.Samples[0])
	case len(result.Samples) > 0:
		return r.hand(answer, result, 0)
	}
	return answer, noSample(result)
}

// works reports whether the strong model's program does anything. Whichever group
// it agrees with is thereby preferred: its answer behaves as theirs do.
func (r compared) works(ctx context.Context, call Call, a search.Agreement, strong Answer) bool {
	if strong.Reply == nil || len(strong.Reply.Choices) == 0 {
		return false
	}
	_, works, err := a.Join(ctx, call.Task, r.g.Sandbox, string(strong.Reply.Choices[0].AppendText(nil)))
	return works || err != nil
}

// enough is the chance to be right from which on a group of samples is handed
// out: (U+L)/(V+L) as for passes of weak tests, with the strong model as the
// outside option; where answers have no stated worth, as often as it is right.
func (r compared) enough() float64 {
	goal := r.plan.goal
	value, loss := goal.ValueOfCorrect.Float64(), goal.LossOfWrong.Float64()
	if value == 0 {
		return max(goal.MinQuality, strongChance)
	}
	outside := 0.0
	if r.plan.escalates {
		outside = max(0, value*strongChance-r.plan.escalation.cost.Float64())
	}
	return max(goal.MinQuality, (outside+loss)/(value+loss))
}

// rounds is a Stopper of batches of fixed sizes.
type rounds []int

// Next is the next batch.
func (r *rounds) Next(search.State) search.Move {
	if len(*r) == 0 {
		return search.Move{Stop: search.StopSamples}
	}
	n := (*r)[0]
	*r = (*r)[1:]
	return search.Move{Samples: n}
}

// Accept is not asked: nothing has a verdict.
func (*rounds) Accept(search.State) bool { return false }
