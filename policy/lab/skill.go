package lab

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// Skill is how well the two stand-in models solve one problem: the chance that
// one sample is right.
type Skill struct {
	Small  float64 // plays Llama 3.1 8B
	Strong float64 // plays GPT-4o
}

// The published figures that the stand-ins' skills are calibrated to.
const (
	// Beta(a, b) of the small model's skill over problems, from pass@100 = 90.5 %
	// and pass@1000 = 95.1 % of Llama 3.1 8B on HumanEval.
	smallA, smallB = 0.288, 0.171
	// Beta(a, b) of the strong model's: mean 90.2 %, GPT-4o's pass@1 on HumanEval;
	// a + b is that of its fit to EvalPerf's 100 samples a task.
	strongA, strongB = 0.902 * strongSum, 0.098 * strongSum
	strongSum        = 0.504
	// sharedDifficulty is the correlation, under a Gaussian copula, of the two
	// models' skills over problems. It makes the strong model's chance after 32
	// failures of the small one .82 of its chance at large, as in EvalPerf.
	// Independent skills would flatter every escalation.
	sharedDifficulty = 0.43
)

// Skills deals the skills over n problems, the easiest for the small model
// first. They are quantiles, not draws: a set of any size has the published
// figures.
func Skills(n int) []Skill {
	skills := make([]Skill, n)
	type rank struct {
		problem int
		z       float64
	}
	ranks := make([]rank, n)
	for i := range skills {
		u := 1 - (float64(i)+0.5)/float64(n)
		skills[i].Small = mathext.InvRegIncBeta(smallA, smallB, u)
		other := distuv.UnitNormal.Quantile(vanDerCorput(i + 1))
		ranks[i] = rank{i, sharedDifficulty*distuv.UnitNormal.Quantile(u) + math.Sqrt(1-sharedDifficulty*sharedDifficulty)*other}
	}
	slices.SortFunc(ranks, func(a, b rank) int { return cmp.Compare(b.z, a.z) })
	for place, r := range ranks {
		skills[r.problem].Strong = mathext.InvRegIncBeta(strongA, strongB, 1-(float64(place)+0.5)/float64(n))
	}
	return skills
}

// vanDerCorput is the i-th point of the sequence in base 2: evenly spread over
// (0, 1), however many are taken, and in no order.
func vanDerCorput(i int) float64 {
	x, half := 0.0, 0.5
	for ; i > 0; i /= 2 {
		x += half * float64(i%2)
		half /= 2
	}
	return x
}
