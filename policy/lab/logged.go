package lab

import (
	"math"
	"slices"
)

// Logged is one recorded request, seen under another policy.
type Logged struct {
	Weight    float64 // chance of the plan that was followed under the other policy, over its chance then
	Worth     float64 // what it came to, in dollars, at the other policy's prices and values
	Foretold  float64 // what was to be expected of the plan that was followed
	Elsewhere float64 // what was to be expected of the other policy
	Truth     bool    // a hidden verdict told whether the answer was right; else the tests did
	Audit     bool    // no plan was followed, so it is left out but for its cost
	Cost      float64 // dollars, at the other policy's prices
}

// OffPolicy estimates what another policy would have been worth, in dollars a
// request.
type OffPolicy struct {
	Requests  int      `json:"requests"`
	Audits    int      `json:"audits"`     // beside the requests
	AuditCost float64  `json:"audit_cost"` // dollars
	Truths    int      `json:"hidden_verdicts"`
	Effective float64  `json:"effective_requests"`
	Recorded  Estimate `json:"recorded"`
	IPS       Estimate `json:"ips"`
	SNIPS     Estimate `json:"snips"`
	DR        Estimate `json:"dr"`
	Gain      Estimate `json:"gain"` // of DR over what was recorded, paired
	Verdict   string   `json:"verdict"`
}

// mostWeight bounds what one request may count for.
const mostWeight = 20

// enoughRequests is the effective number below which nothing is recommended.
const enoughRequests = 200

// Verdicts of an OffPolicy.
const (
	Recommended = "recommended"
	NotShown    = "not shown"
	Worse       = "worse"
)

// Weigh estimates by inverse propensities (IPS), these made to sum to one
// (SNIPS), and doubly robust (DR, Dudík et al. 2011). Intervals are normal.
func Weigh(rows []Logged) OffPolicy {
	var o OffPolicy
	for _, r := range rows {
		if r.Audit {
			o.Audits++
			o.AuditCost += r.Cost
		}
	}
	rows = slices.DeleteFunc(slices.Clone(rows), func(r Logged) bool { return r.Audit })
	o.Requests, o.Verdict = len(rows), NotShown
	var recorded, ips, dr, gain, weights []float64
	total, squares, weighed := 0.0, 0.0, 0.0
	for _, r := range rows {
		w := min(r.Weight, mostWeight)
		total, squares, weighed = total+w, squares+w*w, weighed+w*r.Worth
		recorded, ips, weights = append(recorded, r.Worth), append(ips, w*r.Worth), append(weights, w)
		robust := r.Elsewhere + w*(r.Worth-r.Foretold)
		dr, gain = append(dr, robust), append(gain, robust-r.Worth)
		if r.Truth {
			o.Truths++
		}
	}
	o.Recorded, o.IPS, o.DR, o.Gain = normal(recorded), normal(ips), normal(dr), normal(gain)
	if total == 0 {
		return o
	}
	o.Effective = total * total / squares
	centre := weighed / total
	var around []float64
	for i, r := range rows {
		around = append(around, weights[i]*(r.Worth-centre)*float64(len(rows))/total)
	}
	spread := normal(around)
	o.SNIPS = Estimate{centre, centre + spread.Low - spread.Value, centre + spread.High - spread.Value}
	switch {
	case o.Effective > enoughRequests && o.Gain.Low > 0:
		o.Verdict = Recommended
	case o.Effective > enoughRequests && o.Gain.High < 0:
		o.Verdict = Worse
	}
	return o
}

// normal is a mean with its 95 % interval.
func normal(values []float64) Estimate {
	n := float64(len(values))
	if n == 0 {
		return Estimate{}
	}
	mean, square := 0.0, 0.0
	for _, v := range values {
		mean += v / n
	}
	for _, v := range values {
		square += (v - mean) * (v - mean)
	}
	half := 1.96 * math.Sqrt(square/max(n-1, 1)/n)
	return Estimate{mean, mean - half, mean + half}
}
