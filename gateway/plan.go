package gateway

import (
	"fmt"
	"math"
	"time"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/search"
	"github.com/drover-llm/drover/pricing"
)

const (
	// SampleTokens is the output limit of a sample where the client set none: a
	// program that is longer is no quick one to find.
	SampleTokens = 2048
	// typicalTokens is what an answer to a coding problem takes, until more is
	// known.
	typicalTokens = 400
	// wholePatience and streamPatience are how long a client waits unless it says
	// otherwise: the verify schema's defaults.
	wholePatience  = 45 * time.Second
	streamPatience = 2 * time.Minute
	// strongReserve is the time that a search leaves for its escalation.
	strongReserve = 12 * time.Second
)

// searchPlan is what one search may do and spend.
type searchPlan struct {
	rungs       []RungConfig
	goal        GoalConfig
	request     *openai.ChatRequest // with the output limit that the bounds rest on
	bounds      []pricing.USD       // by rung: the most that one sample can cost; 0 where it is not known
	sampleCosts []pricing.USD       // by rung: what one sample is expected to cost
	escalates   bool                // a search that accepts nothing asks the strong model
	escalation  escalation          // valid if it escalates
	strongTries int                 // calls of it, while its answers fail the tests
	failed      int                 // of its answers, so far
	ceiling     *pricing.USD        // of the samples alone; nil: no bound is known
	maxSamples  int
	deadline    time.Time // of the search
	due         time.Time // when the client wants its answer; zero: when it is there
	warnings    []string
}

// plan lays out a search for the task.
func (g *Gateway) plan(call Call, route RouteConfig) (searchPlan, error) {
	spec := call.Task.Spec
	p := searchPlan{goal: route.Goal, request: call.Request, maxSamples: spec.Budget.MaxSamples, strongTries: strongTries(call, route)}
	if call.Request.MaxTokens == 0 {
		p.request = withLimit(call.Request, SampleTokens)
		p.warnings = append(p.warnings, fmt.Sprintf("max_tokens: no limit was set, so samples of a search have at most %d tokens", SampleTokens))
	}
	sent := call.Task.Request(p.request) // with the tests where they are shown
	size, more := sent.Size(), 0
	if !spec.HasTests() { // one call more, for asserts
		size, more = size+search.AssertRoom, 1
	}
	prompt := pricing.Bound(int64(size), int64(len(sent.Messages)+more))
	sum, known := pricing.USD(0), true
	for _, rung := range route.Search {
		rung = rung.WithDefaults()
		if spec.Budget.MaxSamples > 0 {
			rung.MaxSamples = min(rung.MaxSamples, spec.Budget.MaxSamples)
		}
		p.rungs = append(p.rungs, rung)
		one := g.boundAll(sent, size, len(sent.Messages)+more, []string{rung.Model}, call.exact)
		known = known && one != nil
		bound := pricing.USD(0)
		if one != nil {
			bound = *one
		}
		p.bounds = append(p.bounds, bound)
		p.sampleCosts = append(p.sampleCosts, g.typicalCost(rung.Model, prompt))
		all, err := bound.Mul(int64(rung.MaxSamples + more))
		if err == nil {
			sum, err = sum.Add(all)
		}
		known = known && err == nil
	}
	if known {
		p.ceiling = &sum
	}
	if spec.OnFail == "" || spec.OnFail == search.OnFailEscalate {
		p.escalates = true
		p.escalation = g.newEscalation(call, route.Direct, spec.HasTests() && p.rungs[len(p.rungs)-1].Escalate == search.EscalateRepair, 0)
	}
	wait, stated := patience(call, route.Goal)
	p.deadline = call.At.Add(wait)
	if stated {
		p.due = p.deadline
	}
	return p, g.fitPlan(call, &p, spec.Budget.MaxCost, "verify.budget.max_cost_usd")
}

// samplesFirst is how many samples a short budget leaves room for before the
// escalation is cut.
const samplesFirst = 8

// fitPlan keeps the plan within most, 0 for no limit, which the named field sets. The
// escalation goes before the samples, but for the first few.
func (g *Gateway) fitPlan(call Call, p *searchPlan, most pricing.USD, field string) error {
	if most == 0 {
		return nil
	}
	if p.escalates && p.escalation.bound == nil && call.Request.MaxTokens == 0 { // no limit is known; one is set
		p.escalation = g.newEscalation(call, p.escalation.models, p.escalation.repair, mostTokens)
	}
	if p.ceiling == nil || p.escalates && p.escalation.bound == nil {
		return noCeiling(g.unbounded(call, *p))
	}
	one := p.bounds[0]
	if one > most {
		e := openai.BadRequest(field, "%s is too small: one sample might cost $%s", field, one)
		e.Code = "budget_too_small"
		return e
	}
	if p.escalates {
		few, err := one.Mul(samplesFirst)
		if err != nil {
			few = one
		}
		fit, ok := g.fitting(call, p.escalation, most-min(few, *p.ceiling))
		if !ok {
			fit, ok = g.fitting(call, p.escalation, most-one)
		}
		switch {
		case !ok:
			p.escalates = false
			p.warnings = append(p.warnings, fmt.Sprintf("%s: a call of %s might cost $%s, so a failed search does not escalate", field, p.escalation.models[0], *p.escalation.bound))
		case fit.asked.MaxTokens != call.Request.MaxTokens:
			p.warnings = append(p.warnings, fmt.Sprintf("max_tokens: an answer of %s has at most %d tokens, which keeps %s", fit.models[0], fit.asked.MaxTokens, field))
		}
		p.escalation = fit
	}
	left := most
	if p.escalates {
		left -= *p.escalation.bound
	}
	*p.ceiling = min(*p.ceiling, left)
	return nil
}

// hold is what the whole plan may spend, nil when no bound is known.
func (p searchPlan) hold() *pricing.USD {
	switch {
	case p.ceiling == nil, p.escalates && p.escalation.bound == nil:
		return nil
	case !p.escalates:
		return new(*p.ceiling)
	}
	sum, err := p.ceiling.Add(*p.escalation.bound)
	if err != nil {
		return nil
	}
	return &sum
}

// open reports whether the strong model may be asked, again if it has failed.
func (p searchPlan) open() bool { return p.escalates && p.failed < p.strongTries }

// reserve is the money that the escalation may take, 0 where there is none or it
// is not known.
func (p searchPlan) reserve() pricing.USD {
	if !p.open() || p.escalation.bound == nil {
		return 0
	}
	return *p.escalation.bound
}

// money is the ceiling of the samples, the largest amount where there is none.
func (p searchPlan) money() pricing.USD {
	if p.ceiling == nil {
		return math.MaxInt64
	}
	return *p.ceiling
}

// typicalCost is what a call is expected to cost: a token has about four bytes.
func (g *Gateway) typicalCost(model string, promptBound int64) pricing.USD {
	cost, err := g.Prices.Cost(model, pricing.Usage{Prompt: promptBound / 4, Completion: typicalTokens})
	if err != nil {
		return 0
	}
	return cost
}

// withLimit returns the request with an output limit, where it has none.
func withLimit(q *openai.ChatRequest, tokens int64) *openai.ChatRequest {
	copied := *q
	copied.Object = q.Object.Clone()
	copied.MaxTokens = tokens
	if q.Endpoint() == openai.Chat { // of the two, the model's host gets the one that it knows
		copied.Set("max_tokens", number(tokens))
		copied.Set("max_completion_tokens", number(tokens))
	}
	return &copied
}

// patience is how long the client waits: what it says, at most what its SDK
// announced, and what the route allows. stated is false when nobody said so and
// the schema's default is taken, which ends a search but not a strong model at
// work.
func patience(call Call, goal GoalConfig) (wait time.Duration, stated bool) {
	wait = wholePatience
	if call.Request.Stream {
		wait = streamPatience
	}
	if goal.MaxLatency > 0 {
		wait, stated = goal.MaxLatency, true
	}
	if d := call.Task.Spec.Budget.Deadline; d > 0 {
		wait, stated = d, true
	}
	announced := call.Patience.First
	if call.Request.Stream { // which shows that it lives until it ends
		announced = call.Patience.Whole
	}
	if d := announced - announced/10; d > 0 && d < wait {
		wait, stated = d, true
	}
	return wait, stated
}
