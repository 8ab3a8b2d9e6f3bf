package policy

import "math"

// Plan is one way of answering that a decision may choose.
type Plan struct {
	// Samples is how many of the search's samples may be drawn; 0: the strong
	// model is asked at once.
	Samples int `json:"samples"`
	// LastResort says that the strong model is asked when no sample is taken.
	LastResort bool   `json:"last_resort"`
	Small      string `json:"small,omitempty"` // YAML name of the model that the difficulty is told by
}

// Chance is a plan and how likely it was to be chosen.
type Chance struct {
	Plan       Plan    `json:"plan"`
	Propensity float64 `json:"p"`
}

// variant is a plan with a rule for stopping that can be worked out ahead: go on
// until so many have passed. The stopping index does better within a plan; these
// are what plans are compared by.
type variant struct {
	samples, passes int
}

// mostConfirmed is how many passes a variant may wait for.
const mostConfirmed = 4

// variants are the caps that are compared, up to a depth.
func variants(depth int) []variant {
	var all []variant
	for k := 1; ; k *= 2 {
		k = min(k, depth)
		for m := 1; m <= min(k, mostConfirmed); m++ {
			all = append(all, variant{k, m})
		}
		if k == depth {
			return all
		}
	}
}

// planDraw is one draw from what is thought possible: what every variant would
// come to, and the strong model alone.
type planDraw struct {
	strong figures
	search []figures // by variant
}

// figures are expectations of one request. No price is in them.
type figures struct {
	samples float64 // of the small model
	undone  float64 // chance that nothing was taken
	right   float64 // chance of a right answer among what was taken
	wrong   float64 // chance of a wrong one
	// What the strong model then does, times the chance that it is asked.
	strongRight, strongWrong float64
}

// planDraws is how many draws a decision rests on.
const planDraws = 256

// drawPlans draws from the posteriors of a class, evenly: the draws are points of
// an additive recurrence (Roberts 2018), so that nothing here is random and few
// draws go far.
func (l *Learner) drawPlans(small smallKey, strong otherKey, depth int) []planDraw {
	grid, tests, ability := difficulties(), escapes[small.class.Strength](), skills()
	shapes := cumulate(l.shapes(small))
	escape := cumulate(normalise(sum(tests.prior, l.tests[small.class.Strength].log)))
	skill := cumulate(l.skill(strong))
	const root = 1.2207440846057596 // of x⁴ = x + 1
	draws := make([]planDraw, planDraws)
	for d := range draws {
		u := func(power float64) float64 {
			_, part := math.Modf(.5 + float64(d+1)*power)
			return part
		}
		shape := pick(shapes, u(1/root))
		beta := tests.shapes[pick(escape, u(1/(root*root)))]
		chance := ability.chance[pick(skill, u(1/(root*root*root)))]
		draws[d] = expect(grid.nodes, grid.mass[shape], chance, beta.Mean(), variants(depth))
	}
	return draws
}

func cumulate(w []float64) []float64 {
	c := make([]float64, len(w))
	total := 0.0
	for i, x := range w {
		total += x
		c[i] = total
	}
	return c
}

// pick is the first whose cumulated weight exceeds u.
func pick(cumulated []float64, u float64) int {
	u *= cumulated[len(cumulated)-1]
	low, high := 0, len(cumulated)-1
	for low < high {
		middle := (low + high) / 2
		if cumulated[middle] > u {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}

// expect works the variants out for problems whose chances are distributed over
// nodes.
func expect(nodes, weights, strong []float64, escape float64, variants []variant) planDraw {
	d := planDraw{search: make([]figures, len(variants))}
	for k, theta := range nodes {
		w := weights[k]
		if w < 1e-9 {
			continue
		}
		g := strong[k]
		d.strong.strongRight += w * g
		d.strong.strongWrong += w * (1 - g) * escape
		pass := theta + (1-theta)*escape
		for i, v := range variants {
			f := &d.search[i]
			// The number of passes is binomial; that of draws until the m-th pass
			// follows from its tails.
			n, term := float64(v.samples), math.Pow(1-pass, float64(v.samples))
			drawn, undone := 0.0, 0.0
			for m := range v.passes {
				undone += term
				drawn += (1 - undone) / pass
				term *= (n - float64(m)) / float64(m+1) * pass / (1 - pass)
			}
			f.samples += w * drawn
			f.undone += w * undone
			f.right += w * (1 - undone) * theta / pass
			f.wrong += w * (1 - undone) * (pass - theta) / pass
			f.strongRight += w * undone * g
			f.strongWrong += w * undone * (1 - g) * escape
		}
	}
	d.strong.undone = 1
	return d
}

// average is the mean of the draws.
func average(draws []planDraw) planDraw {
	mean := planDraw{search: make([]figures, len(draws[0].search))}
	for d := range draws {
		mean.strong.add(&draws[d].strong)
		for i := range mean.search {
			mean.search[i].add(&draws[d].search[i])
		}
	}
	return mean
}

// add takes in a draw's part of a mean.
func (f *figures) add(g *figures) {
	const share = 1. / planDraws
	f.samples += share * g.samples
	f.undone += share * g.undone
	f.right += share * g.right
	f.wrong += share * g.wrong
	f.strongRight += share * g.strongRight
	f.strongWrong += share * g.strongWrong
}
