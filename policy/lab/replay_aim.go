package lab

import "math"

// Aim is what a policy has to reach in a replay, and whether it did.
type Aim struct {
	Name    string   `json:"name"`
	Value   Estimate `json:"value"`    // its interval is NaN, null in JSON, where there is none
	AtLeast *float64 `json:"at_least"` // or
	AtMost  *float64 `json:"at_most"`
	Limit   *float64 `json:"limit,omitempty"` // what can be reached on these problems by who knows the test half, but not which problem is at hand
	Verdict string   `json:"verdict"`
}

// Verdicts of an Aim.
const (
	AimHolds      = "holds"                        // with its whole interval, where it has one
	AimAsEstimate = "holds, its interval does not" // only the estimate does
	AimOutOfReach = "out of reach on this table"   // the limit does not reach it either
	AimUncertain  = "too few problems to tell"     // a calibration error that is within its noise
	AimMissed     = "missed"
	AimOfTable    = "the table has none" // what is asked about is not in the table
)

func single(x float64) Estimate { return Estimate{x, math.NaN(), math.NaN()} }

// judge gives the verdict.
func (a Aim) judge() Aim {
	reaches := func(x float64) bool { return a.AtLeast != nil && x >= *a.AtLeast || a.AtMost != nil && x <= *a.AtMost }
	far := a.Value.Low
	if a.AtMost != nil {
		far = a.Value.High
	}
	switch {
	case reaches(a.Value.Value) && (math.IsNaN(far) || reaches(far)):
		a.Verdict = AimHolds
	case reaches(a.Value.Value):
		a.Verdict = AimAsEstimate
	case a.Limit != nil && !reaches(*a.Limit):
		a.Verdict = AimOutOfReach
	default:
		a.Verdict = AimMissed
	}
	return a
}

// aims are what is asked of the policy: under strong tests of its front, under weak
// ones of what it learned to do.
func (r *Replay) aims(out *ReplayReport) []Aim {
	l := &out.Learning
	least := func(name string, value Estimate, bound float64, limit *float64) Aim {
		return Aim{Name: name, Value: value, AtLeast: &bound, Limit: limit}.judge()
	}
	most := func(name string, value Estimate, bound float64, limit *float64) Aim {
		return Aim{Name: name, Value: value, AtMost: &bound, Limit: limit}.judge()
	}
	var all []Aim
	if r.FalsePass > 0 || r.FalseFail > 0 {
		all = append(all,
			least("right more often than one answer of the strong model, at the end", l.OverStrong, 0, nil),
			most("share of splits that end below the strong model", single(l.PolicyBelow), 0, nil),
			most("the cascade of all samples, over one answer of the strong model", l.FixedOverStrong, 0, nil),
			most("cost at the end", l.EndCost, .6, nil))
	} else {
		limit := out.Families[familyInformed].AIQ.Value - out.Families[familyCascade].AIQ.Value
		all = append(all,
			least("AIQ over the best static cascades", out.OverCascade, 0, &limit),
			least("right at .103 of the strong model's cost", out.AtTenth, .985, &out.TenthLimit),
			most("cost at the strong model's accuracy", out.AsGood, .75, &out.AsGoodLimit))
	}
	hopeless := most("cost of a request that neither model ever got right", single(l.HopelessCost), 1, nil)
	if l.Hopeless == 0 {
		hopeless.Verdict = AimOfTable
	}
	all = append(all, hopeless, least("regret between cascade and clairvoyant closed", l.RegretClosed, .5, &l.RegretClosable))
	for _, c := range []struct {
		name       string
		ece, noise float64
	}{{"calibration error: a sample passes", l.ECEPasses, l.ECEPassesNoise}, {"calibration error: what is accepted is right", l.ECEAccepted, l.ECEAcceptedNoise}} {
		a := most(c.name, single(c.ece), .03, nil)
		if a.Verdict == AimMissed && (math.IsNaN(c.ece) || c.noise > .03) {
			a.Verdict = AimUncertain
		}
		all = append(all, a)
	}
	return append(all,
		most("requests decided by a model below the floor", single(l.Violations), .05, nil),
		most("exploration, of requests", single(l.Explored), .02, nil),
		most("exploration, of spending", single(l.ExploredSpend), .02, nil))
}
