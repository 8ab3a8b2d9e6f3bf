package gateway

import (
	"math"
	"slices"

	"github.com/drover-llm/drover/gateway/search"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// stopper lets policy's index decide how a search goes on.
type stopper struct {
	index   *policy.Index
	reserve pricing.USD // of the ceiling, for the strong model: the search's money is without it
	failed  int         // answers of the strong model
	alone   bool        // nobody answers after the search: it draws one sample, whatever that is worth
}

// newStopper makes the index of one search by what is believed of its models and
// tests.
func (g *Gateway) newStopper(p searchPlan, belief *policy.Belief, compare bool) (*stopper, error) {
	config := policy.IndexConfig{Belief: belief, Rule: p.rule(), Compared: compare}
	if p.escalates {
		// Passes of weak tests are confirmed by further samples where that pays.
		config.Strong, config.StrongTries = p.escalation.cost.Float64(), p.strongTries
	}
	for i, rung := range p.rungs {
		config.Rungs = append(config.Rungs, policy.Rung{Cost: p.expected(i).Float64(), MaxSamples: rung.MaxSamples})
	}
	if config.Strong == 0 && config.Rule.ValueOfCorrect == 0 {
		config.Rule.ValueOfCorrect = 1 // nothing to compare with: the search goes to its limits
	}
	index, err := policy.NewIndex(config)
	if err != nil {
		return nil, err
	}
	return &stopper{index: index, reserve: p.reserve(), failed: p.failed, alone: !p.escalates}, nil
}

// expected is what a sample of a rung is expected to cost, which is never more
// than it can.
func (p searchPlan) expected(rung int) pricing.USD {
	if p.ceiling == nil {
		return p.sampleCosts[rung]
	}
	return min(p.sampleCosts[rung], p.bounds[rung])
}

// Next is what the index wants next.
func (s *stopper) Next(state search.State) search.Move {
	at := s.state(state)
	for {
		step := s.index.Next(at)
		switch step.Move {
		case policy.GoOn:
			return search.Move{Rung: at.Rung, Samples: step.N}
		case policy.Climb:
			at.Rung++
		case policy.Take:
			return search.Move{Take: true}
		default:
			if s.alone && !slices.ContainsFunc(state.Rungs, func(r search.RungState) bool { return r.Drawn > 0 }) {
				return search.Move{Samples: 1}
			}
			return search.Move{Stop: stopWord(step)}
		}
	}
}

// Accept says whether the index takes a pass.
func (s *stopper) Accept(state search.State) bool { return s.index.Accept(s.state(state)).Accept }

func (s *stopper) state(state search.State) policy.State {
	at := policy.State{Rung: state.Rung, Strong: s.failed, Samples: state.Samples, Groups: state.Groups, Alike: state.Alike, Budget: state.Money.Float64() + s.reserve.Float64(), Time: math.Inf(1)}
	if state.Money == math.MaxInt64 {
		at.Budget = math.Inf(1)
	}
	if state.Time < math.MaxInt64 && state.Batch > 0 { // the strong model's time is not in it
		at.Time = float64(state.Time) / float64(state.Batch)
	}
	for _, r := range state.Rungs {
		at.Seen = append(at.Seen, policy.Seen{Failed: r.Failed, Refused: r.Refused})
	}
	return at
}

func stopWord(s policy.Step) string {
	switch s.Why {
	case policy.WhySamples:
		return search.StopSamples
	case policy.WhyBudget:
		return search.StopBudget
	case policy.WhyDeadline:
		return search.StopDeadline
	}
	return search.StopGaveUp
}
