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
	// sampleTokens is the output limit of a sample where the client set none: a
	// program that is longer is no quick one to find.
	sampleTokens = 2048
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
	strong      string              // model that a failed search escalates to
	escalates   bool
	strongBound pricing.USD // 0 where it is not known
	strongCost  pricing.USD
	ceiling     *pricing.USD // of the samples alone; nil: no bound is known
	maxSamples  int
	deadline    time.Time
	warnings    []string
}

// plan lays out a search for the task.
func (g *Gateway) plan(call Call, route RouteConfig) (searchPlan, error) {
	spec := call.Task.Spec
	p := searchPlan{goal: route.Goal, request: limited(call.Request), strong: route.Direct[0], maxSamples: spec.Budget.MaxSamples}
	p.escalates = spec.OnFail == "" || spec.OnFail == search.OnFailEscalate
	if call.Request.MaxTokens == 0 {
		p.warnings = append(p.warnings, fmt.Sprintf("max_tokens: no limit was set, so samples of a search have at most %d tokens", sampleTokens))
	}
	prompt := pricing.Bound(int64(p.request.Size()), int64(len(p.request.Messages)))
	sum, known := pricing.USD(0), true
	for _, rung := range route.Search {
		rung = rung.WithDefaults()
		if spec.Budget.MaxSamples > 0 {
			rung.MaxSamples = min(rung.MaxSamples, spec.Budget.MaxSamples)
		}
		p.rungs = append(p.rungs, rung)
		bound, err := g.Prices.Cost(rung.Model, pricing.Usage{Prompt: prompt, Completion: p.request.MaxTokens})
		known = known && err == nil
		p.bounds = append(p.bounds, bound)
		p.sampleCosts = append(p.sampleCosts, g.typicalCost(rung.Model, prompt))
		all, err := bound.Mul(int64(rung.MaxSamples))
		if err == nil {
			sum, err = sum.Add(all)
		}
		known = known && err == nil
	}
	if known {
		p.ceiling = &sum
	}
	if p.escalates {
		p.strongCost = g.typicalCost(p.strong, prompt)
		limit, _ := outputLimit(call.Request, g.Models[p.strong])
		p.strongBound, _ = g.Prices.Cost(p.strong, pricing.Usage{Prompt: prompt, Completion: limit})
	}
	p.deadline = call.At.Add(patience(call, route.Goal))
	return p, p.fit(spec.Budget.MaxCost)
}

// fit keeps the plan within what the client allows, the escalation first.
func (p *searchPlan) fit(most pricing.USD) error {
	if most == 0 {
		return nil
	}
	if p.ceiling == nil || p.escalates && p.strongBound == 0 {
		return openai.BadRequest("verify.budget.max_cost_usd", "verify.budget.max_cost_usd cannot be kept: the price or the output limit of a model of this route is not known")
	}
	if p.escalates && p.strongBound+p.bounds[0] > most {
		p.escalates = false
		p.warnings = append(p.warnings, fmt.Sprintf("verify.budget.max_cost_usd: a call of %s might cost $%s, so a failed search does not escalate", p.strong, p.strongBound))
		p.strongBound = 0
	}
	left := most - p.strongBound
	if left < p.bounds[0] {
		e := openai.BadRequest("verify.budget.max_cost_usd", "verify.budget.max_cost_usd is too small: one sample might cost $%s", p.bounds[0])
		e.Code = "budget_too_small"
		return e
	}
	*p.ceiling = min(*p.ceiling, left)
	return nil
}

// hold is what the whole plan may spend, nil when no bound is known.
func (p searchPlan) hold() *pricing.USD {
	if p.ceiling == nil || p.escalates && p.strongBound == 0 {
		return nil
	}
	return new(*p.ceiling + p.strongBound)
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

// limited returns the request with an output limit.
func limited(q *openai.ChatRequest) *openai.ChatRequest {
	if q.MaxTokens > 0 {
		return q
	}
	copied := *q
	copied.Object = q.Object.Clone()
	copied.MaxTokens = sampleTokens
	copied.Set("max_tokens", []byte(fmt.Sprint(sampleTokens)))
	return &copied
}

// patience is how long the client waits: what it says, at most what its SDK
// announced, and what the route allows.
func patience(call Call, goal GoalConfig) time.Duration {
	wait := wholePatience
	if call.Request.Stream {
		wait = streamPatience
	}
	if goal.MaxLatency > 0 {
		wait = min(wait, goal.MaxLatency)
	}
	if d := call.Task.Spec.Budget.Deadline; d > 0 {
		wait = d
	}
	if call.Patience > 0 && !call.Request.Stream {
		wait = min(wait, call.Patience-call.Patience/10)
	}
	return wait
}
