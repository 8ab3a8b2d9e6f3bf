package policy

import (
	"cmp"
	"math"
	"slices"
)

// Skill is how often a sample of a model is right, by the difficulty θ of the
// problem: Hard + (Easy-Hard)·θ^Curve on average, where θ is the chance that a
// sample of the reference model is right. Models thus share each problem's
// difficulty: to take them as independent would overstate the fallback of a
// failed search by some 15 points. The zero value is the reference model.
type Skill struct {
	Hard   float64 // chance to be right where the reference never is; 0: never
	Easy   float64 // chance to be right where the reference always is; 0: always
	Curve  float64 // exponent of θ; 0: one, a straight line
	Spread float64 // how much problems of one θ differ: A+B of the Beta around the mean; 0: not at all
}

// Chance is the mean over the problems of difficulty theta.
func (s Skill) Chance(theta float64) float64 {
	easy, curve := cmp.Or(s.Easy, 1), cmp.Or(s.Curve, 1)
	return s.Hard + (easy-s.Hard)*math.Pow(theta, curve)
}

// Priors, fitted to pass rates over 100 samples a task that EvalPlus published
// with EvalPerf (HumanEval+ and MBPP+ tasks, temperature 1, extended tests).
// EvalPerf leaves out many hard tasks, so that the Beta(.288, .171) that is implied
// by Llama 3.1 8B's published pass@100 of 90.5 and pass@1000 of 95.1 on HumanEval
// has the heavier tail; the mean is nearly the same. Llama8B is the default: only
// there were all three models measured on the same tasks, and a search stopped too
// late costs a few cheap samples, one stopped too soon a dear call.
var (
	Llama8B = Beta{0.637, 0.383}
	// GPT4o is right on .867, .761, .736, .728, .723, .716, .712 of the tasks
	// after 0, 1, 2, 4, 8, 16 and 32 failures of Llama8B, within .01.
	GPT4o = Skill{Hard: 0.718, Curve: 2}
)

// skillNodes are the points for a model's skill within one difficulty.
const skillNodes = 7

// spread is the distribution of the skill at one difficulty.
func (s Skill) spread(theta float64) []atom {
	mean := s.Chance(theta)
	around := Beta{mean * s.Spread, (1 - mean) * s.Spread}
	if s.Spread == 0 || min(around.A, around.B) < 1e-3 {
		return []atom{{mean, 1}}
	}
	return around.discretise(skillNodes)
}

func (s Skill) check(path string, fault func(path, format string, args ...any)) {
	for _, f := range []struct {
		name  string
		value float64
		most  float64
	}{{".hard", s.Hard, 1}, {".easy", s.Easy, 1}, {".curve", s.Curve, 100}, {".spread", s.Spread, 1e6}} {
		if !(f.value >= 0 && f.value <= f.most) {
			fault(path+f.name, "must lie between 0 and %g, got %g", f.most, f.value)
		}
	}
	if cmp.Or(s.Easy, 1) < s.Hard {
		fault(path+".easy", "must be at least hard, got %g under %g", s.Easy, s.Hard)
	}
}

// couple gives each of the atoms a partner out of other, which are in rising
// order: the mean over the same ranks of the two distributions. The atoms keep
// their order; the means of other are kept exactly.
func couple(atoms, other []atom) []float64 {
	order := make([]int, len(atoms))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(atoms[i].value, atoms[j].value) })
	partner := make([]float64, len(atoms))
	next, left := 0, other[0].weight
	for _, i := range order {
		need, sum, taken := atoms[i].weight, 0.0, 0.0
		for need > 0 {
			part := min(need, left)
			if next == len(other)-1 {
				part = need // the last takes what rounding leaves over
			}
			sum, taken = sum+part*other[next].value, taken+part
			need, left = need-part, left-part
			if left <= 0 && next < len(other)-1 {
				next++
				left = other[next].weight
			}
		}
		partner[i] = other[next].value
		if taken > 0 {
			partner[i] = sum / taken
		}
	}
	return partner
}
