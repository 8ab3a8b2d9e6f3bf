package policy

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// near fails the test where got is further than tolerance from want.
func near(t interface{ Errorf(string, ...any) }, what string, got, want, tolerance float64) {
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: got %.6g, want %.6g within %g", what, got, want, tolerance)
	}
}

// exactly is a chance that is p for every problem.
func exactly(p float64) Beta { return Beta{p * 1e6, (1 - p) * 1e6} }

// humanEval is implied by Llama 3.1 8B's published pass@100 and pass@1000 there.
var humanEval = Beta{0.288, 0.171}

// drawsTo is the expected number of draws that stop at the first success and at
// most at limit: the sum of Miss(j) over j < limit. It grows without bound in limit
// where A <= 1, which is why a search needs one.
func drawsTo(b Beta, limit int) float64 {
	n := 0.0
	for j := range limit {
		n += b.Miss(j)
	}
	return n
}

// betas draws distributions as wide as the priors and far wider.
func betas(t *rapid.T, name string) Beta {
	return Beta{rapid.Float64Range(0.02, 60).Draw(t, name+".A"), rapid.Float64Range(0.02, 60).Draw(t, name+".B")}
}

func TestGridIsABetaUpToFortyOneDraws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := betas(t, "beta")
		atoms := b.discretise(difficultyNodes)
		sum, last := 0.0, 0.0
		for _, a := range atoms {
			if a.value <= last || a.value >= 1 || !(a.weight >= 0) {
				t.Fatalf("%v: node %g after %g with weight %g", b, a.value, last, a.weight)
			}
			sum, last = sum+a.weight, a.value
		}
		near(t, "weights", sum, 1, 1e-12)
		n := rapid.IntRange(0, 2*difficultyNodes-1).Draw(t, "n")
		near(t, fmt.Sprintf("%v: no success in %d", b, n), missOn(atoms, n), b.Miss(n), 1e-10)
	})
}

// The default priors stay exact far beyond what the quadrature promises: the
// tail of a Beta is smooth there.
func TestGridKeepsTheTailOfThePriors(t *testing.T) {
	for _, b := range []Beta{Llama8B, humanEval, {0.862, 0.261}} {
		atoms := b.discretise(difficultyNodes)
		for _, n := range []int{64, 100} {
			near(t, fmt.Sprintf("%v: no success in %d", b, n), missOn(atoms, n)/b.Miss(n), 1, 1e-6)
		}
	}
}

func missOn(atoms []atom, n int) float64 {
	sum := 0.0
	for _, a := range atoms {
		sum += a.weight * math.Pow(1-a.value, float64(n))
	}
	return sum
}

// The tail is a power law: S(j) goes to Γ(a+b)/Γ(b)·j^-a.
func TestMissFallsAsAPowerLaw(t *testing.T) {
	for _, b := range []Beta{Llama8B, humanEval} {
		for _, j := range []int{100, 1000, 10000} {
			want := math.Gamma(b.A+b.B) / math.Gamma(b.B) * math.Pow(float64(j), -b.A)
			near(t, fmt.Sprintf("%v at %d", b, j), b.Miss(j)/want, 1, 1/float64(j)) // the next term is of order 1/j
		}
	}
}

func TestHumanEvalPriorGivesThePublishedPassRates(t *testing.T) {
	near(t, "pass@100", 1-humanEval.Miss(100), .905, .001)
	near(t, "pass@1000", 1-humanEval.Miss(1000), .951, .001)
}

func BenchmarkDiscretise(b *testing.B) {
	for b.Loop() {
		Llama8B.discretise(difficultyNodes)
	}
}
