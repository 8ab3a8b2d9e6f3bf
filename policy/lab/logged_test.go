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
