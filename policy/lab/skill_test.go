package lab

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mathext"
)

// The skills have the figures that they are calibrated to, whatever the size of
// the set.
func TestSkillsHaveThePublishedFigures(t *testing.T) {
	for _, n := range []int{60, 72, 164, 1000} {
		skills := Skills(n)
		mean := func(f func(Skill) float64) float64 {
			sum := 0.0
			for _, s := range skills {
				sum += f(s)
			}
			return sum / float64(n)
		}
		passAt := func(k float64) float64 { return mean(func(s Skill) float64 { return 1 - math.Pow(1-s.Small, k) }) }
		strong := mean(func(s Skill) float64 { return s.Strong })
		given := mean(func(s Skill) float64 { return s.Strong * math.Pow(1-s.Small, 32) }) / mean(func(s Skill) float64 { return math.Pow(1-s.Small, 32) })
		t.Logf("n = %d: pass@1 %.3f, @100 %.3f, @1000 %.3f; strong %.3f, after 32 failures %.3f (%.2f)", n, passAt(1), passAt(100), passAt(1000), strong, given, given/strong)
		for what, c := range map[string]struct{ got, want, within float64 }{
			"pass@100":                       {passAt(100), 0.905, 0.01},
			"pass@1000":                      {passAt(1000), 0.951, 0.01},
			"strong pass@1":                  {strong, 0.902, 0.005},
			"strong after failures, a share": {given / strong, 0.82, 0.05},
		} {
			if math.Abs(c.got-c.want) > c.within {
				t.Errorf("n = %d: %s is %.3f, want %.3f", n, what, c.got, c.want)
			}
		}
	}
}

// The Beta that the small model's skill is dealt from has the published figures
// itself: 90.5 % of the problems are solved within 100 tries, 95.1 % within 1,000.
func TestSmallModelsBetaIsThePublishedOne(t *testing.T) {
	passAt := func(k float64) float64 {
		return 1 - math.Exp(mathext.Lbeta(smallA, smallB+k)-mathext.Lbeta(smallA, smallB))
	}
	for k, want := range map[float64]float64{100: .905, 1000: .951} {
		t.Logf("pass@%g is %.4f", k, passAt(k))
		if math.Abs(passAt(k)-want) > 0.0015 {
			t.Errorf("pass@%g is %.4f, want %.3f", k, passAt(k), want)
		}
	}
	if mean := strongA / (strongA + strongB); math.Abs(mean-.902) > 1e-12 {
		t.Errorf("the strong model's pass@1 is %.4f, want .902", mean)
	}
}
