package lab

import (
	"errors"
	"math"
	"math/rand/v2"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Estimate is a figure with its 95 % interval. Those of a replay are of paired
// bootstraps over problems.
type Estimate struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// ReplayReport is what a replay came to. All of it is replayed from recorded pass
// counts; no model was asked.
type ReplayReport struct {
	Replayed    bool    `json:"replayed"` // always
	Small       string  `json:"small"`
	Strong      string  `json:"strong"`
	Problems    int     `json:"problems"`
	TestHalf    int     `json:"test_half"`
	Depth       int     `json:"depth"`
	Replacement bool    `json:"with_replacement"`
	Orders      int     `json:"orders"`
	Seed        uint64  `json:"seed"`
	SampleUSD   float64 `json:"sample_usd"`
	StrongUSD   float64 `json:"strong_usd"`
	FalsePass   float64 `json:"false_pass"`

	StrongAccuracy float64        `json:"strong_accuracy"` // one answer
	SmallAccuracy  float64        `json:"small_accuracy"`
	Families       []FamilyReport `json:"families"`
	OverCascade    Estimate       `json:"aiq_over_cascade"` // the policy's AIQ less the best static cascades', paired
	AsGood         Estimate       `json:"cost_at_strong_accuracy"`
	CascadeAsGood  float64        `json:"cascade_cost_at_strong_accuracy"`
	At985          float64        `json:"cost_at_985"`            // infinite: null
	AtTenth        Estimate       `json:"accuracy_at_0103"`       // at .103 of the strong model's cost
	TenthLimit     float64        `json:"accuracy_at_0103_limit"` // by who knows the test half, but not which problem is at hand
	AsGoodLimit    float64        `json:"cost_at_strong_accuracy_limit"`
	Learning       LearningReport `json:"learning"`
	Aims           []Aim          `json:"aims"`
}

// FamilyReport is a family of policies: its front over the cost of one call of
// the strong model.
type FamilyReport struct {
	Name  string      `json:"name"`
	AIQ   Estimate    `json:"aiq"`
	APGR  float64     `json:"apgr"`         // average over costs from 0 to 1 of the share of the gap from small to strong that is closed
	CPT   [3]*float64 `json:"cpt_50_80_95"` // null: not reached
	Front []Point     `json:"front"`
}

// LearningReport is a mean over the orders, audits left out.
type LearningReport struct {
	Requests       int     `json:"requests"`
	Accuracy       float64 `json:"accuracy"`
	Cost           float64 `json:"cost"` // over always asking the strong model
	StrongAccuracy float64 `json:"strong_accuracy"`
	StaticAccuracy float64 `json:"static_accuracy"` // of the cascade that is best on the tuning half
	StaticCost     float64 `json:"static_cost"`

	// After the last request, on all test problems.
	EndAccuracy        Estimate `json:"end_accuracy"`
	EndCost            Estimate `json:"end_cost"`
	EndStrong          Estimate `json:"end_strong_accuracy"`
	EndStatic          Estimate `json:"end_static_accuracy"`
	OverStrong         Estimate `json:"end_accuracy_over_strong"`       // paired
	FixedOverStrong    Estimate `json:"end_fixed_accuracy_over_strong"` // paired
	WorstAgainstStrong float64  `json:"worst_against_strong"`           // lowest accuracy less the strong model's, over the orders
	StaticBelow        float64  `json:"static_below_strong"`            // share of orders in which the cascade ends below the strong model
	FixedAccuracy      float64  `json:"fixed_accuracy"`                 // of the cascade that draws all it may
	FixedBelow         float64  `json:"fixed_below_strong"`
	PolicyBelow        float64  `json:"policy_below_strong"`
	Unanswered         float64  `json:"unanswered"`

	Hopeless     float64 `json:"hopeless_requests"` // share about problems that neither model ever got right
	HopelessCost float64 `json:"cost_of_hopeless"`  // of one of them, over a call of the strong model

	RegretClosed     Estimate     `json:"regret_closed"`    // share of the gap from cascade to clairvoyant, after the last request
	RegretClosable   float64      `json:"regret_closable"`  // the same share by who knows the test half, but not which problem is at hand
	ECEPasses        float64      `json:"ece_passes"`       // of the forecast that the next sample passes
	ECEAccepted      float64      `json:"ece_accepted"`     // of the forecast that an accepted answer is right
	ECEPassesNoise   float64      `json:"ece_passes_noise"` // by how much other problems of the kind would move its parts
	ECEAcceptedNoise float64      `json:"ece_accepted_noise"`
	BrierPasses      float64      `json:"brier_passes"`
	BrierAccepted    float64      `json:"brier_accepted"`
	Violations       float64      `json:"floor_violations"`  // share of requests
	Explored         float64      `json:"explored_requests"` // share
	ExploredSpend    float64      `json:"explored_spend"`    // share
	Audits           float64      `json:"audited_requests"`  // share
	AuditSpend       float64      `json:"audit_spend"`       // over all other spending
	Curve            []CurvePoint `json:"curve"`
	BinsPasses       []Point      `json:"calibration_passes"`
	BinsAccepted     []Point      `json:"calibration_accepted"`
}

// CurvePoint is the policy after so many requests, on all test problems.
type CurvePoint struct {
	Requests int     `json:"requests"`
	Accuracy float64 `json:"accuracy"`
	Cost     float64 `json:"cost"`
	Regret   float64 `json:"regret_closed"`
}

func (r *Replay) report(orders []*order) *ReplayReport {
	out := &ReplayReport{Replayed: true, Small: r.Small, Strong: r.Strong, Problems: len(r.tasks), TestHalf: len(orders[0].test), Depth: r.depth,
		Replacement: r.Replacement, Orders: r.Orders, Seed: r.Seed, SampleUSD: r.sample, StrongUSD: r.escalate, FalsePass: r.FalsePass}
	for _, t := range r.tasks {
		out.StrongAccuracy += t.strong.rate() / float64(len(r.tasks))
		out.SmallAccuracy += t.small.rate() / float64(len(r.tasks))
	}
	whole := r.scores(orders, nil)
	rng := rand.New(rand.NewPCG(r.Seed, 1<<32))
	var aiq [families][]float64
	var over, asGood, tenth []float64
	var ends []learned
	weights := make([]float64, len(r.tasks))
	for range r.Bootstraps {
		resample(weights, rng)
		ends = append(ends, endOf(orders, weights))
		s := r.scores(orders, weights)
		for f := range aiq {
			aiq[f] = append(aiq[f], s.aiq[f])
		}
		over = append(over, s.aiq[familyPolicy]-s.aiq[familyCascade])
		asGood = append(asGood, s.asGood)
		tenth = append(tenth, s.tenth)
	}
	estimate := func(value float64, values []float64) Estimate {
		low, high := interval(values)
		return Estimate{value, low, high}
	}
	for f, name := range familyNames {
		family := FamilyReport{Name: name, AIQ: estimate(whole.aiq[f], aiq[f]), APGR: (whole.aiq[f] - out.SmallAccuracy) / (out.StrongAccuracy - out.SmallAccuracy)}
		for i, share := range []float64{.5, .8, .95} {
			if c := reach(whole.front[f], out.SmallAccuracy+share*(out.StrongAccuracy-out.SmallAccuracy)); !math.IsInf(c, 1) {
				family.CPT[i] = &c
			}
		}
		for _, p := range whole.front[f] {
			family.Front = append(family.Front, Point{X: p.cost, Y: p.accuracy})
		}
		out.Families = append(out.Families, family)
	}
	out.OverCascade = estimate(whole.aiq[familyPolicy]-whole.aiq[familyCascade], over)
	out.AsGood, out.AtTenth = estimate(whole.asGood, asGood), estimate(whole.tenth, tenth)
	out.CascadeAsGood = reach(whole.front[familyCascade], whole.strong)
	out.At985 = reach(whole.front[familyPolicy], .985)
	out.TenthLimit, out.AsGoodLimit = at(whole.front[familyInformed], .103), reach(whole.front[familyInformed], whole.strong)
	r.learning(out, orders, ends)
	out.Aims = r.aims(out)
	return out
}

// endOf is the end of learning, averaged over the orders.
func endOf(orders []*order, weights []float64) learned {
	var mean learned
	for _, o := range orders {
		end := weighted(o.learnt.end, o.weights(weights))
		mean.add(&end, 1/float64(len(orders)))
	}
	return mean
}

// weights of the test half's tasks, out of those of all; nil: all alike.
func (o *order) weights(of []float64) []float64 {
	if of == nil {
		return nil
	}
	own, total := make([]float64, len(o.test)), 0.0
	for i, t := range o.test {
		own[i] = of[t]
		total += of[t]
	}
	if total == 0 {
		return nil
	}
	return own
}

// scores are the figures of the fronts over resampled problems, averaged over
// the orders. The front is that of the averages: every policy has its mean over
// the orders.
type scores struct {
	aiq    [families]float64
	front  [families][]xy
	asGood float64
	tenth  float64
	strong float64
}

func (r *Replay) scores(orders []*order, weights []float64) scores {
	var s scores
	var points [families][]xy
	for _, o := range orders {
		of := o.weights(weights)
		for f, rows := range o.fronts {
			if points[f] == nil {
				points[f] = make([]xy, len(rows))
			}
			own := make([]xy, len(rows))
			for i, row := range rows {
				own[i] = meanOf(row, of)
				points[f][i].cost += own[i].cost / float64(len(orders))
				points[f][i].accuracy += own[i].accuracy / float64(len(orders))
			}
			s.aiq[f] += area(front(own)) / float64(len(orders))
		}
	}
	for f := range points {
		s.front[f] = front(points[f])
	}
	s.strong = points[familyMix][1].accuracy
	s.asGood = reach(s.front[familyPolicy], s.strong)
	s.tenth = at(s.front[familyPolicy], .103)
	return s
}

func (r *Replay) learning(out *ReplayReport, orders []*order, ends []learned) {
	l := &out.Learning
	l.Requests = r.Requests
	n := float64(len(orders))
	var all forecasts
	l.WorstAgainstStrong = math.Inf(1)
	for _, o := range orders {
		g := o.learnt
		l.Accuracy += g.policyMean.accuracy / n
		l.Cost += g.policyMean.cost / n
		l.StrongAccuracy += g.strongMean.accuracy / n
		l.StaticAccuracy += g.staticMean.accuracy / n
		l.StaticCost += g.staticMean.cost / n
		l.Violations += g.violations / n
		l.Explored += g.explored / n
		l.ExploredSpend += g.exploredCost / n
		l.Audits += float64(g.audits) / float64(r.Requests) / n
		l.AuditSpend += g.auditCost / g.cost / n
		all.passes, all.accepted = append(all.passes, g.log.passes...), append(all.accepted, g.log.accepted...)
		end := g.curve[len(g.curve)-1]
		l.FixedBelow += one(end.Fixed < end.StrongAccuracy) / n
		l.WorstAgainstStrong = min(l.WorstAgainstStrong, end.Accuracy-end.StrongAccuracy)
		l.StaticBelow += one(end.StaticAccuracy < end.StrongAccuracy) / n
		l.PolicyBelow += one(end.Accuracy < end.StrongAccuracy) / n
	}
	whole := endOf(orders, nil)
	for to, figure := range map[*Estimate]func(e *learned) float64{
		&l.EndAccuracy:     func(e *learned) float64 { return e.Accuracy },
		&l.EndCost:         func(e *learned) float64 { return e.Cost },
		&l.EndStrong:       func(e *learned) float64 { return e.StrongAccuracy },
		&l.EndStatic:       func(e *learned) float64 { return e.StaticAccuracy },
		&l.OverStrong:      func(e *learned) float64 { return e.Accuracy - e.StrongAccuracy },
		&l.FixedOverStrong: func(e *learned) float64 { return e.Fixed - e.StrongAccuracy },
		&l.RegretClosed:    func(e *learned) float64 { return closed(e.Utility, e.StaticUtility, e.Clairvoyant) },
	} {
		values := make([]float64, len(ends))
		for i := range ends {
			values[i] = figure(&ends[i])
		}
		low, high := interval(values)
		*to = Estimate{figure(&whole), low, high}
	}
	l.FixedAccuracy, l.Unanswered = whole.Fixed, whole.Unanswered
	if l.Hopeless = whole.Hopeless; l.Hopeless > 0 {
		l.HopelessCost = whole.HopelessCost / whole.Hopeless
	}
	l.RegretClosable = closed(whole.Limit, whole.StaticUtility, whole.Clairvoyant)
	for i := range orders[0].learnt.curve {
		var mean learned
		for _, o := range orders {
			mean.add(&o.learnt.curve[i], 1/n)
		}
		l.Curve = append(l.Curve, CurvePoint{orders[0].learnt.curve[i].Requests, mean.Accuracy, mean.Cost, closed(mean.Utility, mean.StaticUtility, mean.Clairvoyant)})
	}
	rng := rand.New(rand.NewPCG(r.Seed, 1<<33))
	judged := func(all []judgement) (ece, noise, brier float64, bins []Point) {
		c := newCalibration(all)
		if len(all) > 0 {
			bins, _ = c.bins(nil)
		}
		return c.error(), c.noise(len(r.tasks), min(r.Bootstraps, 100), rng), c.brier(), bins
	}
	l.ECEPasses, l.ECEPassesNoise, l.BrierPasses, l.BinsPasses = judged(all.passes)
	l.ECEAccepted, l.ECEAcceptedNoise, l.BrierAccepted, l.BinsAccepted = judged(all.accepted)
}

// closed is the share of the way from the cascade to the clairvoyant.
func closed(policy, cascade, clairvoyant float64) float64 {
	return (policy - cascade) / (clairvoyant - cascade)
}

// MarshalJSON writes figures that there are none of as null.
func (r *ReplayReport) MarshalJSON() ([]byte, error) {
	type plain ReplayReport
	return json.Marshal((*plain)(r), json.WithMarshalers(json.MarshalToFunc(func(e *jsontext.Encoder, f float64) error {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return e.WriteToken(jsontext.Null)
		}
		return errors.ErrUnsupported
	})))
}
