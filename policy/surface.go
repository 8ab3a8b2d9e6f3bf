package policy

import (
	"math"
	"sync"

	"gonum.org/v1/gonum/mathext"
)

// surface is a grid of Beta distributions, and what each of them gives to a grid
// of chances. What is learned is a weight for every distribution of it.
type surface struct {
	shapes []Beta
	prior  []float64   // log weight of each shape before anything was seen
	nodes  []float64   // chances, in rising order
	mass   [][]float64 // by shape: how much of it lies around each node
}

// Of chances near 0 and 1 a hundredth matters, hence grids that are even in the
// logit.
func logit(p float64) float64    { return math.Log(p / (1 - p)) }
func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func newSurface(shapes []Beta, prior []float64, low, high float64, nodes int) *surface {
	s := &surface{shapes: shapes, prior: prior, nodes: make([]float64, nodes), mass: matrix(len(shapes), nodes)}
	step := (logit(high) - logit(low)) / float64(nodes)
	for k := range nodes {
		s.nodes[k] = logistic(logit(low) + step*(float64(k)+.5))
	}
	for i, shape := range shapes {
		below := 0.0
		for k := range nodes {
			upTo := 1.0
			if k < nodes-1 {
				upTo = mathext.RegIncBeta(shape.A, shape.B, logistic(logit(low)+step*float64(k+1)))
			}
			s.mass[i][k], below = upTo-below, upTo
		}
	}
	return s
}

// chances is the distribution over the nodes that weights of shapes give.
func (s *surface) chances(weights []float64) []float64 {
	c := make([]float64, len(s.nodes))
	for i, w := range weights {
		if w < 1e-12 {
			continue
		}
		for k, m := range s.mass[i] {
			c[k] += w * m
		}
	}
	return c
}

// learn adds to gathered what an event says whose likelihood at the nodes is
// given.
func (s *surface) learn(gathered, likelihood []float64) {
	for i := range gathered {
		gathered[i] += math.Log(max(dot(s.mass[i], likelihood), 1e-300))
	}
}

// normalise turns log weights into weights that sum to 1.
func normalise(log []float64) []float64 {
	top := math.Inf(-1)
	for _, x := range log {
		top = max(top, x)
	}
	w := make([]float64, len(log))
	total := 0.0
	for i, x := range log {
		w[i] = math.Exp(x - top)
		total += w[i]
	}
	for i := range w {
		w[i] /= total
	}
	return w
}

func sum(a, b []float64) []float64 {
	c := make([]float64, len(a))
	copy(c, a)
	for i, x := range b {
		c[i] += x
	}
	return c
}

// difficulties is the grid of Betas that a small model's skill over problems may
// have: 20 by 20, from models that hardly ever solve anything to such that
// nearly always do. The prior is broad around Llama8B.
var difficulties = sync.OnceValue(func() *surface {
	const side = 20
	var shapes []Beta
	var prior []float64
	for i := range side {
		for j := range side {
			a := .08 * math.Pow(6/.08, float64(i)/(side-1))
			b := .05 * math.Pow(8/.05, float64(j)/(side-1))
			shapes = append(shapes, Beta{a, b})
			prior = append(prior, bell(math.Log(a/Llama8B.A), .5)+bell(math.Log(b/Llama8B.B), .9))
		}
	}
	return newSurface(shapes, prior, 1e-4, 1-1e-4, 44)
})

// escapes is the grid for the chance that tests pass a wrong answer: means by
// how much problems differ.
var escapes = [strengths]func() *surface{}

func init() {
	for i := range escapes {
		escapes[i] = sync.OnceValue(func() *surface {
			around := TestsOf(weakest[i]).FalsePass
			var shapes []Beta
			var prior []float64
			for m := range 25 {
				mean := logistic(logit(.00003) + (logit(.6)-logit(.00003))*float64(m)/24)
				for _, size := range []float64{3, 10, 30, 100, 400} {
					shapes = append(shapes, Beta{mean * size, (1 - mean) * size})
					from, deviation := logit(mean)-logit(around.Mean()), 1.
					if i > 0 && from < 0 {
						// Of larger suites it is assumed, not measured: one that lets
						// far less pass is soon believed.
						deviation = 2
					}
					prior = append(prior, bell(from, deviation)+bell(math.Log(size/30), 1.2))
				}
			}
			return newSurface(shapes, prior, 1e-5, .8, 30)
		})
	}
}

// bell is the log of a normal density, but for a constant.
func bell(x, deviation float64) float64 { return -x * x / (2 * deviation * deviation) }

// skills is the grid for a model's skill by the difficulty of problems. The
// prior is broad, and centred so that its mean over problems of Llama8B's
// difficulty is that of GPT4o: right on .860, .771, .745, .727, .716, .711, .707
// after 0, 1, 2, 4, 8, 16 and 32 failures, within .012 of what all 118 tasks of
// EvalPerf give. (A mean of chances lies nearer to a half than its centre, so the
// centres lie beyond GPT4o's own Hard, Easy and Curve.)
var skills = sync.OnceValue(func() *skillGrid {
	g := &skillGrid{nodes: difficulties().nodes}
	for h := range 14 {
		hard := logistic(logit(.01) + (logit(.97)-logit(.01))*float64(h)/13)
		for _, easy := range []float64{.35, .6, .8, .9, .95, .98, .995} {
			for _, curve := range []float64{.6, 1, 2} {
				if easy < hard {
					continue
				}
				s := Skill{Hard: hard, Easy: easy, Curve: curve}
				g.skills = append(g.skills, s)
				g.prior = append(g.prior, bell(logit(hard)-1.2, 1.3)+bell(logit(easy)-5.25, 1.3)+bell(math.Log(curve)-1, .8))
				row := make([]float64, len(g.nodes))
				for k, theta := range g.nodes {
					row[k] = s.Chance(theta)
				}
				g.chance = append(g.chance, row)
			}
		}
	}
	for _, s := range spreads {
		g.spreadPrior = append(g.spreadPrior, bell(math.Log(s/.7), .8))
	}
	return g
})

// spreads are how much problems of one difficulty may differ for a model; see
// Skill.
var spreads = []float64{.25, .5, 1, 2, 5}

type skillGrid struct {
	skills             []Skill
	prior, spreadPrior []float64
	nodes              []float64
	chance             [][]float64 // by skill and node
}

// mean is the chance to be right at every node, and the overall Hard and Easy
// that it amounts to.
func (g *skillGrid) mean(weights []float64) []float64 {
	m := make([]float64, len(g.nodes))
	for i, w := range weights {
		if w < 1e-12 {
			continue
		}
		for k, c := range g.chance[i] {
			m[k] += w * c
		}
	}
	return m
}
