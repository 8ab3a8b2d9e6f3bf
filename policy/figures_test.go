package policy

import (
	"fmt"
	"testing"
)

// The published figures here were computed from the pass rates of EvalPerf's
// 118 tasks; the belief is a Beta fitted to them, whose tail is thinner (it
// solves 97.0 % within 64 samples, the tasks 95.6 %). Tolerances say how far the
// fit is off, and no more. No figure is simulated: all are sums over the grid.

// fataler is a test, a benchmark or a property under test.
type fataler interface {
	Helper()
	Fatal(...any)
}

// believe builds a belief in one rung and GPT-4o, unless told otherwise.
func believe(t fataler, models Models, tests Tests) *Belief {
	t.Helper()
	if models.Rungs == nil {
		models.Rungs = []Tries{{}}
	}
	if models.Strong == (Skill{}) {
		models.Strong = GPT4o
	}
	b, err := NewBelief(models, tests)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// always is tests that pass a wrong answer with the same chance for every
// problem.
func always(falsePass float64) Tests {
	if falsePass == 0 {
		return Tests{}
	}
	return Tests{FalsePass: exactly(falsePass)}
}

// after weighs the belief after k failures on the first rung, with the chance
// that the strong model is right.
func (b *Belief) after(k int) (all, strong float64) {
	failed := b.rungs[0].fresh.failed(k)
	for c, w := range b.weight {
		all += w * failed[c]
		strong += w * failed[c] * b.strong[c]
	}
	return all, strong
}

// precision of the first pass after k failures.
func (b *Belief) precision(k int) float64 {
	all, _ := b.after(k)
	then, _ := b.after(k + 1)
	return dot(b.weight, b.rungs[0].fresh.right[k]) / (all - then)
}

// cascade is the accuracy of "sample until a pass, at most limit times, else
// the strong model".
func (b *Belief) cascade(limit int) float64 {
	_, strong := b.after(limit)
	return dot(b.weight, b.rungs[0].fresh.won[limit]) + strong
}

func TestStrongModelIsCorrelatedAsMeasured(t *testing.T) {
	b := believe(t, Models{}, Tests{})
	for k, want := range map[int]float64{0: .867, 1: .761, 2: .736, 4: .728, 8: .723, 16: .716, 32: .712} {
		all, strong := b.after(k)
		near(t, fmt.Sprintf("GPT-4o after %d failures", k), strong/all, want, .01)
	}
}

// What is expected of a strong model before anything was learned is, on average,
// what was measured of GPT-4o.
func TestPriorOfTheStrongModelIsCentredOnTheMeasured(t *testing.T) {
	grid := skills()
	mean := grid.mean(normalise(grid.prior))
	problems := newSurface([]Beta{Llama8B}, []float64{0}, 1e-4, 1-1e-4, len(grid.nodes)).mass[0]
	for k, want := range map[int]float64{0: .867, 1: .761, 2: .736, 4: .728, 8: .723, 16: .716, 32: .712} {
		all, right := 0.0, 0.0
		for i, theta := range grid.nodes {
			left := problems[i] * power(1-theta, k)
			all, right = all+left, right+left*mean[i]
		}
		near(t, fmt.Sprintf("a strong model after %d failures", k), right/all, want, .012)
	}
}

// llama70B is, over Llama8B, the skill of Llama 3.1 70B.
var llama70B = Skill{Hard: 0.38, Spread: 2.4}

// The middle model's own fit is a Beta(.862, .261): on the grid of the small
// model's difficulties it keeps that mean and variance.
func TestMiddleModelKeepsItsMarginal(t *testing.T) {
	want := Beta{0.862, 0.261}
	mean, square := 0.0, 0.0
	for _, d := range Llama8B.discretise(difficultyNodes) {
		for _, s := range llama70B.spread(d.value) {
			mean += d.weight * s.weight * s.value
			square += d.weight * s.weight * s.value * s.value
		}
	}
	near(t, "mean", mean, want.Mean(), .002)
	near(t, "variance", square-mean*mean, want.A*want.B/((want.A+want.B)*(want.A+want.B)*(want.A+want.B+1)), .002)
}

func TestCascadeHasThePublishedAccuracy(t *testing.T) {
	limits := []int{1, 4, 8, 16, 64}
	for falsePass, want := range map[float64][]float64{
		0:   {.915, .952, .966, .975, .987},
		.02: {.909, .937, .942, .940, .926},
		.05: {.901, .915, .910, .899, .882},
		.10: {.888, .881, .866, .851, .842},
		.25: {.847, .802, .783, .776, .776},
	} {
		b := believe(t, Models{}, always(falsePass))
		for i, limit := range limits {
			near(t, fmt.Sprintf("accuracy at %g false passes and %d samples", falsePass, limit), b.cascade(limit), want[i], .012)
		}
	}
}

func TestSmallModelAloneHasThePublishedAccuracyAndCost(t *testing.T) {
	hosts := [][2]float64{{.05, .08}, {.22, .22}, {.30, .61}} // dollars per million tokens, prompt and completion
	for limit, want := range map[int]struct {
		alone float64
		cost  []float64 // with GPT-4o behind, over one GPT-4o call
	}{
		1:  {.643, []float64{.37, .39, .43}},
		4:  {.825, []float64{.19, .24, .30}},
		8:  {.876, []float64{.15, .20, .30}},
		16: {.911, []float64{.12, .20, .32}},
		64: {.956, []float64{.11, .25, .48}},
	} {
		near(t, fmt.Sprintf("solved in %d", limit), 1-Llama8B.Miss(limit), want.alone, .02)
		for i, host := range hosts {
			cost := drawsTo(Llama8B, limit)*(180*host[0]+220*host[1])/(180*2.50+220*10) + Llama8B.Miss(limit)
			// The thin tail saves up to five samples of 64 and one call in fifty.
			near(t, fmt.Sprintf("cost of %d at host %d", limit, i), cost, want.cost[i], .03+.001*float64(limit)*float64(i)/2)
		}
	}
}

// A late pass of a weak test is suspect.
func TestLatePassesAreSuspect(t *testing.T) {
	b := believe(t, Models{}, always(.10))
	for try, want := range map[int]float64{1: .95, 3: .70, 5: .55, 9: .37} {
		// The fit leaves more problems at which a right answer is rare but not
		// impossible than the tasks do, and trusts a late pass more for it.
		near(t, fmt.Sprintf("a pass at try %d", try), b.precision(try-1), want, .01+.007*float64(try))
	}
}

func TestBatchesHaveThePublishedRoundsAndCosts(t *testing.T) {
	const prompt, completion, strong = 180 * .05, 220 * .08, 180*2.50 + 220*10
	ones := make([]int, 16)
	for i := range ones {
		ones[i] = 1
	}
	var geometric []int
	for k, left := 0, 16; left > 0; {
		n := batch(k, left)
		geometric = append(geometric, n)
		k, left = k+n, left-n
	}
	if fmt.Sprint(geometric) != "[1 2 4 9]" {
		t.Errorf("batches of 16: got %d", geometric)
	}
	for _, tt := range []struct {
		batches      []int
		rounds, cost float64 // the prompt billed once a batch
	}{
		{ones, 3.35, .122}, {geometric, 1.78, .120}, {[]int{4, 12}, 1.26, .134}, {[]int{16}, 1.09, .199},
	} {
		k, rounds, cost := 0, 0.0, 0.0
		for _, n := range tt.batches {
			reach := Llama8B.Miss(k)
			rounds += reach
			cost += reach * (prompt + float64(n)*completion) / strong
			k += n
		}
		rounds, cost = rounds+Llama8B.Miss(k), cost+Llama8B.Miss(k)
		near(t, fmt.Sprintf("rounds of %d", tt.batches), rounds/tt.rounds, 1, .05)
		near(t, fmt.Sprintf("cost of %d", tt.batches), cost, tt.cost, .02) // all of it S(16): .072 by the fit, .089 by the tasks
	}
}
