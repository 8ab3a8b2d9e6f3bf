package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/search"
	"github.com/drover-llm/drover/policy"
)

const (
	// auditDepth is how many samples an audit draws at most: with 64 it would cost
	// half as much again as the strong model, with eight about a sixth more.
	auditDepth = 8
	// auditPatience is how long the client of an audit must be willing to wait.
	auditPatience = 30 * time.Second
	// auditRoom is how many requests like the audited one the budgets must still be
	// able to hold beside it.
	auditRoom = 10
)

// audited answers with everything drawn: the samples all at once, whatever
// passes, and the strong model too. Of these, the strong model's answer is handed
// out if it passes the tests, else the first sample that does. It shows how both
// models do on one problem, with nothing cut short by a pass. It cannot show how often
// wrong answers pass: of two that pass and differ one is wrong, but only a hidden
// verdict tells which.
type audited struct{ searched }

// audit makes an audit of the decision, where one is due and harms nobody: the
// hold that was taken for the search covers it, the budgets are not short, the
// client has set no limit to the cost and has time. done takes what came of it,
// or of the request that was none.
func (g *Gateway) audit(call Call, d Decision) (audit Decision, done func(policy.Outcome)) {
	kept, keeps := d.Responder.(keeping)
	responder := d.Responder
	if keeps {
		responder = kept.Responder
	}
	r, ok := responder.(searched)
	if !ok || d.choice == nil {
		return d, func(policy.Outcome) {}
	}
	learn := g.Routes[d.Route].Learn.WithDefaults()
	route := d.Route
	spending := func(expected float64) func(policy.Outcome) {
		return func(o policy.Outcome) { g.audits.spent(route, expected, o) }
	}
	if g.Draw() >= *learn.Audit || !g.auditable(call, d, r.plan) {
		return d, spending(0)
	}
	depth := r.auditDepth(call, g.Routes[d.Route])
	samples, err := r.plan.bounds[0].Mul(int64(depth))
	if err != nil || samples > *r.plan.ceiling {
		return d, spending(0)
	}
	expected := float64(depth)*r.plan.sampleCosts[0].Float64() + r.plan.escalation.cost.Float64()
	if !g.audits.allows(d.Route, expected, *learn.AuditSpend) {
		return d, spending(0)
	}
	rung := r.plan.rungs[0]
	rung.MaxSamples = depth
	r.plan.rungs = []RungConfig{rung}
	r.plan.escalation.repair = false // what was tried is not to change what it says
	choice := *d.choice
	choice.audit, choice.Plan = true, policy.Plan{Samples: depth, LastResort: true, Small: choice.Plan.Small}
	d.choice, d.Reason, d.Responder = &choice, reasonAudit, audited{r}
	if keeps {
		kept.Responder = d.Responder
		d.Responder = kept
	}
	return d, spending(expected)
}

// reasonAudit is the verify schema's word for an answer that was audited.
const reasonAudit = "audit"

// auditable says that an audit may be made of the search.
func (g *Gateway) auditable(call Call, d Decision, p searchPlan) bool {
	switch {
	case !p.escalates, p.ceiling == nil, d.Ceiling == nil, call.Task.Spec.Budget.MaxCost > 0:
		return false
	case !p.due.IsZero() && p.due.Sub(g.Now()) < auditPatience:
		return false
	case len(d.Shares) == 0:
		return true
	}
	beside, err := d.Ceiling.Mul(auditRoom)
	return err == nil && beside <= g.Book.Room(d.Shares, call.At).Left
}

// auditDepth is how many samples an audit of the request draws.
func (r searched) auditDepth(call Call, route RouteConfig) int {
	depth := min(auditDepth, route.Search[0].WithDefaults().MaxSamples)
	if most := call.Task.Spec.Budget.MaxSamples; most > 0 {
		depth = min(depth, most)
	}
	return depth
}

// Respond draws everything.
func (r audited) Respond(ctx context.Context, call Call, d Decision) (Answer, error) {
	result, err := search.Find(ctx, call.Task, r.search(call, everything{}))
	answer := Answer{Way: "search", Warnings: r.plan.warnings, Search: &result, Spent: callsOf(r.g, result)}
	if err != nil {
		answer.Audit = true
		return answer, lostSearch(ctx, err, result)
	}
	call.Out = nil // nothing is handed out before it is judged
	strong, err := r.escalate(ctx, call, d, answer)
	strong.Audit = true
	passed := firstPass(result)
	if passed < 0 || ctx.Err() != nil || err == nil && strong.Report != nil && strong.Report.Verdict == sandbox.Passed && strong.Way == "escalated" {
		return strong, err
	}
	result.Winner = passed
	answer = Answer{Way: "search", Warnings: strong.Warnings, Search: &result, Spent: strong.Spent, Audit: true}
	if strong.Way == "escalated" && err == nil && strong.Report != nil {
		answer.Beside = []policy.Sample{strongSample(strong)}
	}
	return r.hand(answer, result, passed)
}

// firstPass is the index of the first sample that passed, -1 for none.
func firstPass(r search.Result) int {
	for i, s := range r.Samples {
		if s.Verdict == sandbox.Passed {
			return i
		}
	}
	return -1
}

// everything is a Stopper that draws all there is and accepts nothing.
type everything struct{}

func (everything) Next(search.State) search.Move { return search.Move{Samples: auditDepth} }
func (everything) Accept(search.State) bool      { return false }

// audits keep what audits may spend: a share of what all else spends. The sums
// are of searched requests, fade so that the latest thousand or so count, and
// begin anew with the process. They bound a habit and are owed to nobody, hence
// floats.
type audits struct {
	mu     sync.Mutex
	routes map[string]*auditSpending
}

// auditSpending is in dollars.
type auditSpending struct{ audits, others float64 }

// auditFade is what a request leaves of the sums.
const auditFade = 1 - 1./1000

// allows an audit that is expected to cost so much, and counts it as spent.
func (a *audits) allows(route string, expected, share float64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.of(route)
	if s.audits+expected > share*s.others {
		return false
	}
	s.audits += expected
	return true
}

// spent takes in what a request cost; expected is what an audit was counted with.
func (a *audits) spent(route string, expected float64, o policy.Outcome) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.of(route)
	switch {
	case o.Cost == nil:
	case o.Audit:
		s.audits = max(0, s.audits+o.Cost.Float64()-expected)
	default:
		s.others += o.Cost.Float64()
	}
	s.audits, s.others = auditFade*s.audits, auditFade*s.others
}

func (a *audits) of(route string) *auditSpending {
	if a.routes == nil {
		a.routes = map[string]*auditSpending{}
	}
	if a.routes[route] == nil {
		a.routes[route] = &auditSpending{}
	}
	return a.routes[route]
}
