package lab

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/drover-llm/drover/policy"
)

// Replay compares policies on recorded pass counts: no model is asked and no
// program runs. The policy under test is the gateway's own.
type Replay struct {
	Counts        PassCounts
	Small, Strong string // names of the models, see PassCounts.Find

	// Dollars per token, and tokens of a call.
	SmallPrompt, SmallCompletion   float64
	StrongPrompt, StrongCompletion float64
	Prompt, Completion             float64

	FalsePass   float64 // chance that a wrong answer passes the tests; the policy does not know it
	FalseFail   float64 // chance that a right one fails
	Replacement bool    // draw with replacement
	Depth       int     // most samples of a request
	Batches     bool    // draw in the gateway's batches, all of each paid for; else one by one
	StrongTries int     // answers of the strong model to one request, at most 3
	Rule        policy.Rule
	Orders      int // random splits into tuning and test halves, and orders of requests
	Repeats     int // episodes of each test problem for the front
	Requests    int // of each learning run
	AuditShare  float64
	AuditDepth  int
	Explore     float64
	Bootstraps  int
	Seed        uint64

	tasks            []replayTask
	depth            int
	sample, escalate float64 // dollars
}

// mostTries is the most that StrongTries may be.
const mostTries = 3

// ErrFewTasks says that there is too little to learn from and to test on.
var ErrFewTasks = errors.New("fewer than 10 problems have samples of both models")

// Run replays.
func (r Replay) Run() (*ReplayReport, error) {
	var err error
	if r.Small, err = r.Counts.Find(r.Small); err != nil {
		return nil, err
	}
	if r.Strong, err = r.Counts.Find(r.Strong); err != nil {
		return nil, err
	}
	if r.tasks = r.Counts.pair(r.Small, r.Strong); len(r.tasks) < 10 {
		return nil, fmt.Errorf("%s and %s: %w", r.Small, r.Strong, ErrFewTasks)
	}
	r.depth = r.Depth
	if !r.Replacement {
		for _, t := range r.tasks {
			r.depth = min(r.depth, t.small.Of)
		}
	}
	r.sample = r.Prompt*r.SmallPrompt + r.Completion*r.SmallCompletion
	r.escalate = r.Prompt*r.StrongPrompt + r.Completion*r.StrongCompletion
	orders := make([]*order, r.Orders)
	var work errgroup.Group
	work.SetLimit(runtime.GOMAXPROCS(0))
	for i := range orders {
		work.Go(func() error {
			orders[i] = r.order(i)
			return nil
		})
	}
	_ = work.Wait()
	return r.report(orders), nil
}

// order is one split of the problems and what came of it.
type order struct {
	test   []int         // tasks
	fronts [][][]outcome // by family, policy and test task
	learnt learning
}

// outcome is a policy's mean over the episodes of a task.
type outcome struct{ cost, accuracy float64 }

func (r *Replay) order(number int) *order {
	rng := rand.New(rand.NewPCG(r.Seed, uint64(number)))
	shuffled := rng.Perm(len(r.tasks))
	half := len(shuffled) / 2
	tuning, o := shuffled[:half], &order{test: shuffled[half:]}
	prior := r.prior(tuning)
	episodes := make([][]episode, len(o.test))
	for i, t := range o.test {
		for range r.Repeats {
			episodes[i] = append(episodes[i], r.episode(rng, t))
		}
	}
	o.learnt = r.learn(rng, o.test, tuning, prior, episodes)
	model := prior.Model()
	if r.FalsePass > 0 {
		model = o.learnt.model // how far tests can be trusted is learned from audits
	}
	o.fronts = r.families(rng, o.test, tuning, model, episodes)
	return o
}

var (
	smallModel  = policy.ModelID{Name: "small"}
	strongModel = policy.ModelID{Name: "strong"}
)

// features of all requests: they are of one class.
func (r *Replay) features() policy.Features {
	tests := 200
	if r.FalsePass > 0 {
		tests = 5
	}
	return policy.Features{Language: "python", Tests: tests, Source: "field", Prompt: 400}
}

// prior learns from the tuning half's counts, as from an imported table.
func (r *Replay) prior(tuning []int) *policy.Learner {
	l := policy.NewLearner()
	for _, i := range tuning {
		t := r.tasks[i]
		// Strong tests are those that judged the table: it tells of them too. How
		// far weak ones can be trusted is left to audits.
		published := r.FalsePass > 0 || r.FalseFail > 0 || t.small.Passed > t.small.Right
		l.Learn(t.id, policy.Lesson{
			Features: r.features(),
			Small:    policy.Trial{Model: smallModel, Verdicts: policy.Verdicts{RightPassed: t.small.Right, WrongFailed: t.small.Of - t.small.Right}, Published: published},
			Others:   []policy.Trial{{Model: strongModel, Verdicts: policy.Verdicts{RightPassed: t.strong.Right, WrongFailed: t.strong.Of - t.strong.Right}, Published: published}},
		})
	}
	return l
}

func (r *Replay) request(rule policy.Rule) policy.Request {
	return policy.Request{
		Features: r.features(), Rule: rule, Rungs: []policy.ModelID{smallModel}, Strong: strongModel, Depth: r.depth,
		Sample: r.sample, Escalate: r.escalate, Left: math.Inf(1), Explore: r.Explore,
	}
}

// index is the stopping index of a decision.
func (r *Replay) index(d policy.Decision, rule policy.Rule) *policy.Index {
	config := policy.IndexConfig{Belief: d.Belief, Rule: rule, Rungs: []policy.Rung{{Cost: r.sample, MaxSamples: d.Plan.Samples}}}
	if d.Plan.LastResort {
		config.Strong, config.StrongTries = r.escalate, r.StrongTries
	} else if rule.ValueOfCorrect == 0 {
		config.Rule.ValueOfCorrect = 1
	}
	ix, err := policy.NewIndex(config)
	if err != nil {
		panic(err) // the flags were checked
	}
	return ix
}

// play follows a decision through an episode.
func (r *Replay) play(e episode, d policy.Decision, ix *policy.Index, log *forecasts) played {
	if d.Plan.Samples == 0 {
		return played{strong: 1, right: e.strong[0].right, answered: true, passed: e.strong[0].passes}
	}
	return e.search(ix, d.Plan.Samples, r.Batches, log)
}

// values are what a right answer may be worth, over the price of a call of the
// strong model: the policy's way along the front.
var values = func() (all []float64) {
	for v := .02; v < 400; v *= 1.16 {
		all = append(all, v)
	}
	return all
}()

// family names of the fronts.
const (
	familyPolicy = iota
	familyCascade
	familySmall
	familyParallel
	familyRetries
	familyMix
	familyThreshold
	familyBestRoute
	familyClairvoyant
	familyInformed
	families
)

var familyNames = [families]string{"Drover's policy", "static cascades", "best of N, one by one", "best of N, at once", "GPT-4o, retried", "random mix",
	"threshold router (RouteLLM-like)", "best-of-n router (BEST-Route-like)", "clairvoyant", "limit: knows the test half, not which problem"}

func (r *Replay) families(rng *rand.Rand, test, tuning []int, model *policy.Model, episodes [][]episode) [][][]outcome {
	all := make([][][]outcome, families)
	try := func(family int, play func(e episode) played) {
		row := make([]outcome, len(test))
		for i := range test {
			for _, e := range episodes[i] {
				p := play(e)
				row[i].cost += r.cost(p) / r.escalate
				if p.right {
					row[i].accuracy++
				}
			}
			row[i].cost /= float64(len(episodes[i]))
			row[i].accuracy /= float64(len(episodes[i]))
		}
		all[family] = append(all[family], row)
	}
	for _, v := range values {
		rule := policy.Rule{ValueOfCorrect: v * r.escalate, LossOfWrong: r.lossShare() * v * r.escalate}
		q := r.request(rule)
		q.Explore = 0
		d := model.Decide(q, 1)
		d.Plan = policy.Plan{Samples: r.depth, LastResort: true}
		ix := r.index(d, rule)
		try(familyPolicy, func(e episode) played { return r.play(e, d, ix, nil) })
	}
	for k := 0; k <= r.depth; k++ {
		try(familyCascade, func(e episode) played { return e.cascade(k, 1) })
		if k > 0 {
			try(familyCascade, func(e episode) played { return e.cascade(k, 0) })
			try(familySmall, func(e episode) played { return e.cascade(k, 0) })
			try(familyParallel, func(e episode) played { return e.bestOf(k) })
		}
	}
	for m := 1; m <= strongDrawn; m *= 2 {
		try(familyRetries, func(e episode) played { return e.cascade(0, m) })
	}
	try(familyMix, func(e episode) played {
		return played{samples: 1, right: e.small[0].right, answered: true, passed: e.small[0].passes}
	})
	try(familyMix, func(e episode) played {
		return played{strong: 1, right: e.strong[0].right, answered: true, passed: e.strong[0].passes}
	})
	r.routers(rng, tuning, try)
	for _, v := range values {
		rule := policy.Rule{ValueOfCorrect: v * r.escalate, LossOfWrong: r.lossShare() * v * r.escalate}
		try(familyClairvoyant, func(e episode) played { return r.clairvoyant(e, rule) })
	}
	for _, v := range values {
		rule := policy.Rule{ValueOfCorrect: v * r.escalate, LossOfWrong: r.lossShare() * v * r.escalate}
		ix := r.informed(test, rule)
		try(familyInformed, func(e episode) played { return e.search(ix, r.depth, r.Batches, nil) })
	}
	return all
}

// informed plays best that can be played by whoever knows the chances of all
// problems, and of the tests, but not which problem is at hand: no policy that
// sees nothing of a problem but verdicts can do better, within so many answers of
// the strong model.
func (r *Replay) informed(tasks []int, rule policy.Rule) *policy.Index {
	models := policy.Models{Depth: r.depth, Rungs: []policy.Tries{{}}}
	for _, i := range tasks {
		models.Points = append(models.Points, policy.Point{Value: r.tasks[i].small.rate(), Weight: 1})
		models.Strongs = append(models.Strongs, r.tasks[i].strong.rate())
	}
	belief, err := policy.NewBelief(models, policy.Tests{FalseFail: r.FalseFail, Points: []policy.Point{{Value: r.FalsePass, Weight: 1}}})
	if err != nil {
		panic(err) // rates are chances
	}
	ix, err := policy.NewIndex(policy.IndexConfig{Belief: belief, Rule: rule, Rungs: []policy.Rung{{Cost: r.sample}}, Strong: r.escalate, StrongTries: mostTries})
	if err != nil {
		panic(err)
	}
	return ix
}

// lossShare is the loss of a wrong answer over the value of a right one.
func (r *Replay) lossShare() float64 {
	if r.Rule.ValueOfCorrect == 0 {
		return 1
	}
	return r.Rule.LossOfWrong / r.Rule.ValueOfCorrect
}

// routers decide before anything is drawn, from what a prompt tells: a score
// that explains a twentieth of the variance of the small model's chance, which
// is what features of prompts were measured to. It is simulated.
func (r *Replay) routers(rng *rand.Rand, tuning []int, try func(int, func(episode) played)) {
	mean, square := 0.0, 0.0
	strong := 0.0
	for _, i := range tuning {
		p := r.tasks[i].small.rate()
		mean, square, strong = mean+p, square+p*p, strong+r.tasks[i].strong.rate()
	}
	n := float64(len(tuning))
	mean, square, strong = mean/n, square/n, strong/n
	deviation := math.Sqrt(max(square-mean*mean, 1e-9))
	const explained = .05
	guess := make([]float64, len(r.tasks)) // of the small model's chance
	for i, t := range r.tasks {
		score := (t.small.rate() - mean) + rng.NormFloat64()*deviation*math.Sqrt(1/explained-1)
		guess[i] = min(max(mean+explained*score, .01), .99)
	}
	for step := range 21 {
		quantile := float64(step) / 20
		limit := mean + math.Sqrt(explained)*deviation*3*(2*quantile-1)
		try(familyThreshold, func(e episode) played {
			if guess[e.task] >= limit {
				return played{samples: 1, right: e.small[0].right, answered: true, passed: e.small[0].passes}
			}
			return e.cascade(0, 1)
		})
		try(familyBestRoute, func(e episode) played {
			for n := 1; n <= 8; n *= 2 {
				b := policy.Beta{A: guess[e.task], B: 1 - guess[e.task]}
				if 1-b.Miss(n) >= strong*(.5+.7*quantile) {
					return e.bestOf(min(n, len(e.small)))
				}
			}
			return e.cascade(0, 1)
		})
	}
}

// clairvoyant knows the chances of the problem, though not the draws: it draws
// from the arm that pays best until a pass, or from none.
func (r *Replay) clairvoyant(e episode, rule policy.Rule) played {
	t := r.tasks[e.task]
	p, g := t.small.rate(), t.strong.rate()
	arm := func(c Count, chance, cost float64) (worth float64) {
		escape := r.FalsePass + (1-r.FalsePass)*float64(c.Passed-c.Right)/float64(max(c.Of-c.Right, 1))
		pass := chance*(1-r.FalseFail) + (1-chance)*escape
		if pass == 0 {
			return math.Inf(-1)
		}
		right := chance * (1 - r.FalseFail) / pass
		return rule.ValueOfCorrect*right - rule.LossOfWrong*(1-right) - cost/pass
	}
	small, strong := arm(t.small, p, r.sample), arm(t.strong, g, r.escalate)
	switch {
	case small <= 0 && strong <= 0:
		return played{}
	case small >= strong:
		if out := e.cascade(r.depth, 0); out.answered || strong <= 0 {
			return out
		}
		return e.cascade(r.depth, strongDrawn)
	}
	if out := e.cascade(0, strongDrawn); e.strong[out.strong-1].passes || small <= 0 {
		return out
	}
	out := e.cascade(r.depth, 0)
	out.strong = strongDrawn
	return out
}

// utility of what was played, in dollars.
func (r *Replay) utility(p played, rule policy.Rule) float64 {
	u := -r.cost(p)
	switch {
	case p.right:
		u += rule.ValueOfCorrect
	case p.passed:
		u -= rule.LossOfWrong
	}
	return u
}

// meanOf is the mean of a policy over tasks, weighted.
func meanOf(row []outcome, weights []float64) xy {
	var p xy
	total := 0.0
	for i, o := range row {
		w := 1.0
		if weights != nil {
			w = weights[i]
		}
		p.cost, p.accuracy, total = p.cost+w*o.cost, p.accuracy+w*o.accuracy, total+w
	}
	total = cmp.Or(total, 1)
	return xy{p.cost / total, p.accuracy / total}
}
