package lab

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/drover-llm/drover/policy"
)

// learning is what a run of requests came to, the policy learning from each as
// the gateway does: the tests' word where it has one, the truth only of audits.
type learning struct {
	model *policy.Model
	curve []learned // at every new model
	end   []learned // after the last request, by test task
	log   forecasts // of the second half

	explored, exploredCost float64 // shares
	audits                 int
	auditCost, cost        float64 // dollars
	violations             float64 // share of requests decided by a model whose answers, where it gives one, are right less often than the strong model's
	regret                 [3]float64
	policyMean             xy // of the requests, audits left out
	strongMean, staticMean xy // the same requests, by the strong model alone and by the best cascade of the tuning half
}

// learned is the policy as it was after so many requests, on all test problems.
type learned struct {
	Requests                            int
	Cost, Accuracy                      float64
	Utility, StaticUtility, Clairvoyant float64
	StrongAccuracy, StaticAccuracy      float64
	StrongUtility                       float64
	Limit                               float64
	Unanswered                          float64
	Fixed                               float64 // accuracy of the cascade that draws all it may
	Hopeless, HopelessCost              float64 // share of requests that neither model ever got right, and what they cost
}

// figures are all but Requests.
func (l *learned) figures() []*float64 {
	return []*float64{&l.Cost, &l.Accuracy, &l.Utility, &l.StaticUtility, &l.Clairvoyant, &l.StrongAccuracy, &l.StaticAccuracy,
		&l.StrongUtility, &l.Limit, &l.Unanswered, &l.Fixed, &l.Hopeless, &l.HopelessCost}
}

// add takes in so much of m.
func (l *learned) add(m *learned, share float64) {
	of := m.figures()
	for i, x := range l.figures() {
		*x += share * *of[i]
	}
}

// weighted is the mean of rows; nil weighs all alike.
func weighted(rows []learned, weights []float64) learned {
	var mean learned
	total := 0.0
	for i := range rows {
		w := 1.0
		if weights != nil {
			w = weights[i]
		}
		total += w
		mean.add(&rows[i], w)
	}
	for _, x := range mean.figures() {
		*x /= cmp.Or(total, 1)
	}
	return mean
}

// refits are the requests before which the model is made anew; a gateway does so
// at once, and a replay need not to see what is learned.
var refits = map[int]bool{10: true, 30: true, 60: true, 100: true, 200: true, 350: true, 500: true, 750: true, 1000: true, 1500: true}

func (r *Replay) learn(rng *rand.Rand, test, tuning []int, prior *policy.Learner, episodes [][]episode) learning {
	var l learning
	learner := prior.Clone()
	model := learner.Model()
	q := r.request(r.Rule)
	static, limit := r.bestCascade(rng, tuning), r.informed(test, r.Rule)
	indexes := map[policy.Plan]*policy.Index{}
	floor := math.Inf(1)
	below := false
	measure := func(n int) {
		clear(indexes)
		l.end = r.measure(model, q, static, limit, episodes)
		point := weighted(l.end, nil)
		point.Requests = n
		l.curve = append(l.curve, point)
		floor = min(floor, point.StrongAccuracy)
		below = point.Accuracy < (point.StrongAccuracy-.005)*(1-point.Unanswered)
	}
	measure(0)
	total, n := 0, 0.0
	for i := range r.Requests {
		if refits[i] {
			model = learner.Model()
			measure(i)
		}
		if below {
			l.violations += 1 / float64(r.Requests)
		}
		e := r.episode(rng, test[rng.IntN(len(test))])
		d := model.Decide(q, rng.Float64())
		audited := rng.Float64() < r.AuditShare
		lesson := policy.Lesson{Features: q.Features, Audit: audited, Small: policy.Trial{Model: smallModel}}
		if audited {
			p := played{samples: min(r.AuditDepth, r.depth), strong: 1}
			for _, s := range e.small[:p.samples] {
				lesson.Small.Count(s.passes, &s.right)
			}
			other := policy.Trial{Model: strongModel}
			other.Count(e.strong[0].passes, &e.strong[0].right)
			lesson.Others = append(lesson.Others, other)
			l.audits++
			l.auditCost += r.cost(p)
			learner.Learn(fmt.Sprint(i), lesson)
			continue
		}
		ix := indexes[d.Plan]
		if ix == nil && d.Plan.Samples > 0 {
			ix = r.index(d, r.Rule)
			indexes[d.Plan] = ix
		}
		log := &l.log
		if i < r.Requests/2 {
			log = nil
		}
		p := r.play(e, d, ix, log)
		for _, s := range e.small[:p.samples] {
			lesson.Small.Count(s.passes, nil)
		}
		if p.strong > 0 {
			other := policy.Trial{Model: strongModel}
			for _, s := range e.strong[:p.strong] {
				other.Count(s.passes, nil)
			}
			lesson.Others = append(lesson.Others, other)
		}
		learner.Learn(fmt.Sprint(i), lesson)
		total++
		cost := r.cost(p)
		l.cost += cost
		if d.Explores() {
			l.explored++
			l.exploredCost += cost
		}
		n++
		l.policyMean.cost += cost / r.escalate
		if p.right {
			l.policyMean.accuracy++
		}
		s := e.cascade(static, 1)
		l.staticMean.cost += r.cost(s) / r.escalate
		if s.right {
			l.staticMean.accuracy++
		}
		l.strongMean.cost++
		if e.strong[0].right {
			l.strongMean.accuracy++
		}
		for k, u := range []float64{r.utility(p, r.Rule), r.utility(s, r.Rule), r.utility(r.clairvoyant(e, r.Rule), r.Rule)} {
			l.regret[k] += u
		}
	}
	for _, m := range []*xy{&l.policyMean, &l.staticMean, &l.strongMean} {
		m.cost, m.accuracy = m.cost/n, m.accuracy/n
	}
	l.explored /= max(n, 1)
	if l.cost > 0 {
		l.exploredCost /= l.cost
	}
	model = learner.Model()
	measure(r.Requests)
	l.model = model
	return l
}

// bestCascade is the static cascade with the highest utility on the tuning half.
func (r *Replay) bestCascade(rng *rand.Rand, tuning []int) int {
	worth := make([]float64, r.depth+1)
	for _, t := range tuning {
		for range 20 {
			e := r.episode(rng, t)
			for k := range worth {
				worth[k] += r.utility(e.cascade(k, 1), r.Rule)
			}
		}
	}
	best := 0
	for k, w := range worth {
		if w > worth[best] {
			best = k
		}
	}
	return best
}

// measure plays the model as it is on all test problems: a row for each.
func (r *Replay) measure(model *policy.Model, q policy.Request, static int, limit *policy.Index, episodes [][]episode) []learned {
	q.Explore = 0
	d := model.Decide(q, 1)
	d.Plan = d.Best
	var ix *policy.Index
	if d.Plan.Samples > 0 {
		ix = r.index(d, r.Rule)
	}
	rows := make([]learned, len(episodes))
	for i, of := range episodes {
		for _, e := range of {
			p, s, c, g := r.play(e, d, ix, nil), e.cascade(static, 1), r.clairvoyant(e, r.Rule), e.cascade(0, 1)
			hopeless := one(r.tasks[e.task].small.Right+r.tasks[e.task].strong.Right == 0)
			rows[i].add(&learned{
				Cost: r.cost(p) / r.escalate, Accuracy: one(p.right), Utility: r.utility(p, r.Rule), Unanswered: one(!p.answered),
				StaticUtility: r.utility(s, r.Rule), StaticAccuracy: one(s.right), Clairvoyant: r.utility(c, r.Rule),
				StrongUtility: r.utility(g, r.Rule), StrongAccuracy: one(g.right),
				Limit: r.utility(e.search(limit, r.depth, r.Batches, nil), r.Rule), Fixed: one(e.cascade(r.depth, 1).right),
				Hopeless: hopeless, HopelessCost: hopeless * r.cost(p) / r.escalate,
			}, 1/float64(len(of)))
		}
	}
	return rows
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
