package lab

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Two plans, of which the better one was followed by a tenth: the estimates of
// following it always have its true worth in their intervals, whether the
// forecast is right or wrong.
func TestWeighFindsTheWorthOfTheOtherPolicy(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, foretold := range []float64{.8, .1} {
		var rows []Logged
		for range 20000 {
			r := Logged{Elsewhere: foretold, Foretold: .5}
			right := .5
			if rng.Float64() < .1 {
				r.Weight, r.Foretold, right = 10, foretold, .8
			}
			if rng.Float64() < right {
				r.Worth = 1
			}
			rows = append(rows, r)
		}
		o := Weigh(rows)
		for name, e := range map[string]Estimate{"ips": o.IPS, "snips": o.SNIPS, "dr": o.DR} {
			if e.Low > .8 || e.High < .8 || math.Abs(e.Value-.8) > .05 {
				t.Errorf("%s: %+v", name, e)
			}
		}
		if o.Verdict != Recommended || o.Effective < 1500 || o.Effective > 2500 {
			t.Errorf("%+v", o)
		}
	}
	var worse []Logged
	for i := range 1000 { // the other policy follows the plan that is never right
		worse = append(worse, Logged{Weight: float64(i % 2 * 2), Worth: float64(1 - i%2), Foretold: .5, Elsewhere: .5})
	}
	if o := Weigh(worse); o.Verdict != Worse || o.Gain.High >= 0 || math.Abs(o.DR.Value) > 1e-9 {
		t.Errorf("half is right, and the other policy never: %+v", o)
	}
	if o := Weigh([]Logged{{Weight: 1, Worth: 1}}); o.Verdict != NotShown {
		t.Errorf("one request: %+v", o)
	}
}

// Audits follow no plan: they change no estimate, and are counted apart.
func TestAuditsAreLeftOutOfEstimates(t *testing.T) {
	rows := []Logged{{Weight: 1, Worth: .01}, {Weight: 1, Worth: .02}}
	without := Weigh(rows)
	with := Weigh(append(rows, Logged{Audit: true, Cost: .5, Worth: -1, Weight: 9}))
	if with.Audits != 1 || with.AuditCost != .5 || with.Requests != 2 {
		t.Errorf("%+v", with)
	}
	with.Audits, with.AuditCost = 0, 0
	if with != without {
		t.Errorf("%+v, without the audit %+v", with, without)
	}
}

// Of many ledgers whose truth is known, about 95 in 100 intervals hold it: what the
// other policy is worth, and by how much more than what was followed. The forecasts
// are wrong, as they are in life.
func TestIntervalsOfOtherPoliciesCoverTheTruth(t *testing.T) {
	const ledgers, requests = 600, 400
	rng := rand.New(rand.NewPCG(3, 4))
	followed, other := [3]float64{.6, .3, .1}, [3]float64{.2, .5, .3} // chances of three plans
	right, foretold := [3]float64{.5, .7, .8}, [3]float64{.6, .6, .9}
	worth, gain, elsewhere := 0.0, 0.0, 0.0
	for p := range right {
		worth += other[p] * right[p]
		gain += (other[p] - followed[p]) * right[p]
		elsewhere += other[p] * foretold[p]
	}
	covered := map[string]int{}
	for range ledgers {
		var rows []Logged
		for range requests {
			u, plan := rng.Float64(), 0
			for u -= followed[0]; u >= 0 && plan < 2; u -= followed[plan] {
				plan++
			}
			r := Logged{Weight: other[plan] / followed[plan], Foretold: foretold[plan], Elsewhere: elsewhere}
			r.Worth = one(rng.Float64() < right[plan])
			rows = append(rows, r)
		}
		o := Weigh(rows)
		for name, c := range map[string]struct {
			Estimate
			truth float64
		}{"IPS": {o.IPS, worth}, "SNIPS": {o.SNIPS, worth}, "DR": {o.DR, worth}, "gain": {o.Gain, gain}} {
			if c.Low <= c.truth && c.truth <= c.High {
				covered[name]++
			}
		}
	}
	for _, name := range []string{"IPS", "SNIPS", "DR", "gain"} {
		share := float64(covered[name]) / ledgers
		t.Logf("%s: %.3f of the intervals hold the truth", name, share)
		if share < .93 || share > .97 {
			t.Errorf("%s: %.3f of the intervals hold the truth, must be about .95", name, share)
		}
	}
}
