package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"

	"github.com/drover-llm/drover/configs"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/lab"
	"github.com/drover-llm/drover/pricing"
)

type simulateCmd struct {
	recordedFlags
	Since moment `help:"Only outcomes of then or later: a day, a time, or how long ago, such as 30d. Default: all." placeholder:"WHEN"`
	JSON  bool   `name:"json" help:"Print one JSON object."`
}

func (simulateCmd) Help() string {
	return "Weighs the recorded outcomes by how likely the configuration would have followed the same plans. Answers count as right by a hidden verdict where there is one, else by their own tests, which favours weak tests. Forecasts are made for each half of the outcomes by what the other half taught."
}

// estimate weighs what was recorded; skipped is how many outcomes could not be
// compared.
func (c simulateCmd) estimate(ctx context.Context) (report lab.OffPolicy, skipped int, err error) {
	config, journal, _, err := c.open(ctx)
	if err != nil {
		return report, 0, err
	}
	defer journal.Close()
	prices, err := config.Table()
	if err != nil {
		return report, 0, err
	}
	var outcomes []policy.Outcome
	truth := map[string]bool{}
	halves := [2]*policy.Learner{policy.NewLearner(), policy.NewLearner()}
	for e, err := range journal.Events(ctx, 0) {
		switch {
		case err != nil:
			return report, 0, err
		case e.Feedback != nil:
			truth[e.Outcome.ID] = e.Feedback.Correct
		case e.Outcome != nil && e.Outcome.Plan != nil && e.Outcome.Features != nil && !e.Outcome.At.Before(c.Since.Time):
			halves[len(outcomes)%2].Outcome(*e.Outcome)
			outcomes = append(outcomes, *e.Outcome)
		case e.Priors != nil:
			for _, l := range halves {
				l.Priors(*e.Priors, pairings(config))
			}
		}
	}
	models := [2]*policy.Model{halves[1].Model(), halves[0].Model()} // of the other half
	var rows []lab.Logged
	for i, o := range outcomes {
		row, ok := c.row(config, prices, models[i%2], o, truth)
		if !ok {
			skipped++
			continue
		}
		rows = append(rows, row)
	}
	return lab.Weigh(rows), skipped, nil
}

// Run estimates and gives a verdict.
func (c simulateCmd) Run(ctx context.Context) error {
	report, skipped, err := c.estimate(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"config": c.Config, "skipped": skipped, "estimate": report})
	}
	fmt.Printf("%s against %s: %s.\n", c.Config, plural(report.Requests, "recorded request"), report.Verdict)
	fmt.Printf("Effective number %.0f (more than 200 are needed to recommend); %d with a hidden verdict; %d not comparable. %s, which cost $%.6f, left out.\n", report.Effective, report.Truths, skipped, plural(report.Audits, "audit"), report.AuditCost)
	for _, e := range []struct {
		name string
		lab.Estimate
	}{{"recorded", report.Recorded}, {"IPS", report.IPS}, {"SNIPS", report.SNIPS}, {"DR", report.DR}, {"gain by DR", report.Gain}} {
		fmt.Printf("  %-12s $%.6f a request (95 %%: %.6f to %.6f)\n", e.name, e.Value, e.Low, e.High)
	}
	return nil
}

// row is an outcome under the configuration; false where its route is not there
// any more, where nothing was judged, or where prices are not known.
func (c simulateCmd) row(config *configs.Config, prices pricing.Table, model *policy.Model, o policy.Outcome, truth map[string]bool) (lab.Logged, bool) {
	route, ok := config.Routes[o.Route]
	if !ok || len(route.Search) == 0 || len(route.Direct) == 0 || o.Status != 200 {
		return lab.Logged{}, false
	}
	row := lab.Logged{Audit: o.Audit}
	right, known := truth[o.ID]
	row.Truth = known
	if !known {
		if o.Task == nil || o.Task.Verified == nil {
			return row, false
		}
		right = *o.Task.Verified
	}
	cost := 0.0
	for _, call := range o.Calls {
		usd, err := prices.Cost(call.Model, call.Usage)
		if err != nil {
			return row, false
		}
		cost += usd.Float64()
	}
	if row.Cost = cost; o.Audit {
		return row, true
	}
	// Where no value is stated an answer is due anyway, and only cost counts.
	rule := policy.Rule{ValueOfCorrect: route.Goal.ValueOfCorrect.Float64(), LossOfWrong: route.Goal.LossOfWrong.Float64(), MinQuality: route.Goal.MinQuality, MustAnswer: true}
	worth := func(right, cost float64) float64 {
		return rule.ValueOfCorrect*right - rule.LossOfWrong*(1-right) - cost
	}
	if right {
		row.Worth = worth(1, cost)
	} else {
		row.Worth = worth(0, cost)
	}
	id := func(name string) policy.ModelID { return policy.ModelID{Name: name, Version: config.Models[name].Name} }
	class := o.Features.Class()
	expect := func(name string) float64 {
		t, seen := model.Tokens(name, class)
		if !seen {
			t = policy.Tokens{Prompt: float64(typical.Prompt), Completion: float64(typical.Completion)}
		}
		usd, err := prices.Cost(name, pricing.Usage{Prompt: int64(t.Prompt), Completion: int64(t.Completion)})
		if err != nil {
			return math.NaN()
		}
		return usd.Float64()
	}
	q := policy.Request{Features: *o.Features, Rule: rule, Strong: id(route.Direct[0]), Left: math.Inf(1), Explore: *route.Learn.WithDefaults().Explore}
	for _, rung := range route.Search {
		q.Rungs = append(q.Rungs, id(rung.Model))
		q.Depth = max(q.Depth, rung.WithDefaults().MaxSamples)
	}
	q.Sample, q.Escalate = expect(route.Search[0].Model), expect(route.Direct[0])
	if math.IsNaN(q.Sample + q.Escalate) {
		return row, false
	}
	d := model.Decide(q, 1)
	logged := 0.0
	for _, chance := range o.Chances {
		if chance.Plan == *o.Plan {
			logged = chance.Propensity
		}
	}
	if logged == 0 {
		return row, false
	}
	for i, chance := range d.Chances {
		value := worth(d.Expected[i].Right, d.Expected[i].Cost)
		row.Elsewhere += chance.Propensity * value
		if chance.Plan == *o.Plan {
			row.Foretold = value
			if logged > 0 {
				row.Weight = chance.Propensity / logged
			}
		}
	}
	return row, true
}
