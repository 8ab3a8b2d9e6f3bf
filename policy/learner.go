package policy

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
)

const (
	// forget is what every event leaves of the likelihood of those before it, never
	// of the prior: problems and models drift.
	forget = 0.998
	// inherited is how many requests the parent's posterior counts for.
	inherited = 30
	// alarm is how far passes may stray from what was predicted, in requests,
	// before a class forgets what it learned of its own; slack is what each may
	// stray without being counted (Page's CUSUM).
	alarm, slack = 12.0, 0.15
	// watched is how many requests a class must have of its own for that: before,
	// it has little to forget, and its parent may be the one that is wrong.
	watched = 2 * inherited
)

// Learner folds lessons, in their order, into what is believed. It is for one
// goroutine; Model takes a picture that others may read.
type Learner struct {
	small  map[smallKey]gathered
	others map[otherKey]gathered
	tests  [strengths]gathered // of wrong answers
	rights [strengths]refusals // of right ones
	tokens map[tokenKey]Tokens
	count  int
	chain  [sha256.Size]byte
}

// smallKey is a class of requests to one model, otherKey the same of a model whose
// skill is told by the small one's.
type smallKey struct {
	model ModelID
	class Class
}

type otherKey struct {
	small string
	model ModelID
	class Class
}

type tokenKey struct {
	model string
	class Class
}

// Tokens is what a call takes on average.
type Tokens struct{ Prompt, Completion float64 }

// gathered is the evidence of one class: log likelihoods over a grid, of so many
// events. Its slices are never written to once shared.
type gathered struct {
	log      []float64
	spread   []float64 // over spreads; of a model told by another only
	n        float64   // events, those forgotten taken off
	up, down float64   // CUSUM of passes less predictions, and the other way
	resets   int
}

// NewLearner returns one that has seen nothing.
func NewLearner() *Learner {
	return &Learner{small: map[smallKey]gathered{}, others: map[otherKey]gathered{}, tokens: map[tokenKey]Tokens{}}
}

// Clone is a learner that has seen the same and goes its own way.
func (l *Learner) Clone() *Learner {
	return &Learner{small: maps.Clone(l.small), others: maps.Clone(l.others), tests: l.tests, rights: l.rights, tokens: maps.Clone(l.tokens), count: l.count, chain: l.chain}
}

// Learn folds one lesson. id makes the version: the same lessons in the same
// order give the same model, bit for bit.
func (l *Learner) Learn(id string, lesson Lesson) {
	l.count++
	h := sha256.New()
	h.Write(l.chain[:])
	fmt.Fprintf(h, "%q %+v", id, lesson)
	h.Sum(l.chain[:0])

	class := lesson.Features.Class()
	if lesson.Late {
		l.learnTests(class.Strength, lesson)
		return
	}
	escape := l.escapeOf(class.Strength)
	likelihood := lesson.Small.likelihood(difficulties().nodes, escape)
	key := smallKey{lesson.Small.Model, class}
	theta := l.difficulty(key)
	if lesson.Small.judged() > 0 {
		l.learnSmall(key, lesson.Small, likelihood, theta)
	}
	for k := range theta {
		theta[k] *= likelihood[k]
	}
	for _, t := range lesson.Others {
		if t.judged() > 0 {
			l.learnOther(otherKey{key.model.Name, t.Model, class}, t, theta, escape)
		}
	}
	l.learnTests(class.Strength, lesson)
	for _, t := range lesson.trials() {
		l.learnTokens(tokenKey{t.Model.Name, class}, t)
	}
}

// likelihood of what was seen at every chance to be right. What is known by the
// truth is not asked of the tests.
func (t Trial) likelihood(nodes []float64, escape []atom) []float64 {
	out := make([]float64, len(nodes))
	for k, theta := range nodes {
		x := 0.0
		for _, e := range escape {
			pass := theta + (1-theta)*e.value
			x += e.weight * power(pass, t.Passed) * power(1-pass, t.Failed)
		}
		out[k] = x * power(theta, t.right()) * power(1-theta, t.wrong())
	}
	// Of a hundred samples the likelihood is tiny everywhere; only its shape counts.
	top := slices.Max(out)
	for k := range out {
		out[k] /= max(top, 1e-300)
	}
	return out
}

func (l *Learner) learnSmall(key smallKey, t Trial, likelihood, theta []float64) {
	g := l.small[key].faded(len(difficulties().shapes))
	if first := t.first(); first >= 0 && g.n >= watched {
		predicted := dot(theta, difficulties().nodes)
		g.up = max(0, g.up+first-predicted-slack)
		g.down = max(0, g.down+predicted-first-slack)
	}
	if g.up > alarm || g.down > alarm { // back to the parent
		g = gathered{resets: g.resets + 1}.faded(len(difficulties().shapes))
	}
	difficulties().learn(g.log, likelihood)
	g.n++
	l.small[key] = g
}

// first is the share that passed of a request's answers, -1 for none.
func (t Trial) first() float64 {
	if t.judged() == 0 {
		return -1
	}
	return float64(t.Passed+t.RightPassed+t.WrongPassed) / float64(t.judged())
}

// faded is a copy in which the events so far count for a little less.
func (g gathered) faded(cells int) gathered {
	log := make([]float64, cells)
	for i, x := range g.log {
		log[i] = forget * x
	}
	spread := make([]float64, len(spreads))
	for i, x := range g.spread {
		spread[i] = forget * x
	}
	g.log, g.spread, g.n = log, spread, forget*g.n
	return g
}

// learnOther folds the answers of a model above the small one, whose evidence of
// the problem's difficulty is in theta.
func (l *Learner) learnOther(key otherKey, t Trial, theta []float64, escape []atom) {
	grid := skills()
	g := l.others[key].faded(len(grid.skills))
	passes := 0.0
	for _, e := range escape {
		passes += e.weight * e.value
	}
	spread := grid.spread(g.spread)
	for i, chance := range grid.chance {
		g.log[i] += math.Log(max(t.among(theta, chance, spread, passes), 1e-300))
	}
	if t.judged() > 1 {
		mean := grid.mean(l.skill(key))
		for i, s := range spreads {
			g.spread[i] += math.Log(max(t.among(theta, mean, s, passes), 1e-300))
		}
	}
	g.n++
	l.others[key] = g
}

// among is the chance of the answers over the difficulties: a Beta-binomial
// around the chance at each. A pass that the truth is not known of counts as
// right as far as tests can be trusted.
func (t Trial) among(theta, chance []float64, spread, escape float64) float64 {
	if t.judged() == 1 { // how much problems differ does not show in one answer
		all, mean := 0.0, dot(theta, chance)
		for _, w := range theta {
			all += w
		}
		switch {
		case t.Passed == 1:
			return mean + (all-mean)*escape
		case t.Failed == 1:
			return (all - mean) * (1 - escape)
		case t.right() == 1:
			return mean
		}
		return all - mean
	}
	top := slices.Max(theta)
	x := 0.0
	for k, w := range theta {
		if w < 1e-7*top {
			continue
		}
		c := chance[k]
		pass := c + (1-c)*escape
		x += w * binomial(pass, spread, t.Passed, t.Failed) * binomial(c, spread, t.right(), t.wrong())
	}
	return x
}

// binomial is the chance of so many hits and misses in one order, where the
// chance of a hit is Beta around mean.
func binomial(mean, spread float64, hits, misses int) float64 {
	a, b := mean*spread, (1-mean)*spread
	if hits+misses > 12 {
		return math.Exp(lnBeta(a+float64(hits), b+float64(misses)) - lnBeta(a, b))
	}
	return rising(a, hits) * rising(b, misses) / rising(spread, hits+misses)
}

// rising is x·(x+1)·…, n factors.
func rising(x float64, n int) float64 {
	y := 1.0
	for i := range n {
		y *= x + float64(i)
	}
	return y
}

func lnBeta(a, b float64) float64 {
	x, _ := math.Lgamma(a)
	y, _ := math.Lgamma(b)
	z, _ := math.Lgamma(a + b)
	return x + y - z
}

// spread is the likeliest of the spreads, by what was gathered.
func (g *skillGrid) spread(gathered []float64) float64 {
	w := normalise(sum(g.spreadPrior, gathered))
	mean := 0.0
	for i, s := range spreads {
		mean += w[i] * math.Log(s)
	}
	return math.Exp(mean)
}

// learnTests learns of the tests from answers whose truth is known, and from no
// others: a pass alone says nothing of them.
func (l *Learner) learnTests(strength int, lesson Lesson) {
	passed, failed := 0, 0
	for _, t := range lesson.trials() {
		if t.Published {
			continue
		}
		passed, failed = passed+t.RightPassed, failed+t.RightFailed
		l.learnEscapes(strength, t)
	}
	l.rights[strength] = l.rights[strength].learn(strength, passed, failed, lesson.Late)
}

// learnEscapes learns how often wrong answers pass.
func (l *Learner) learnEscapes(strength int, t Trial) {
	if t.known() == 0 {
		return
	}
	wrong, passed := t.wrong(), t.WrongPassed
	wrong += t.Failed // beside a known truth: what fails the tests is wrong
	if wrong == 0 {
		return
	}
	s := escapes[strength]()
	g := l.tests[strength].faded(len(s.shapes))
	for i, shape := range s.shapes {
		g.log[i] += lnBeta(shape.A+float64(passed), shape.B+float64(wrong-passed)) - lnBeta(shape.A, shape.B)
	}
	g.n++
	l.tests[strength] = g
}

func (l *Learner) learnTokens(key tokenKey, t Trial) {
	if t.Calls == 0 {
		return
	}
	calls := float64(t.Calls)
	now := Tokens{float64(t.Prompt) / calls, float64(t.Completion) / calls}
	if was, ok := l.tokens[key]; ok {
		const share = .05
		now = Tokens{was.Prompt + share*(now.Prompt-was.Prompt), was.Completion + share*(now.Completion-was.Completion)}
	}
	l.tokens[key] = now
}

// difficulty is the distribution of the chance that the small model is right, by
// class.
func (l *Learner) difficulty(key smallKey) []float64 {
	return difficulties().chances(l.shapes(key))
}

// shapes are the weights of the grid of Betas: the class's own evidence, over
// that of the model's other classes and versions, which counts for a few
// requests.
func (l *Learner) shapes(key smallKey) []float64 {
	var siblings []gathered
	for _, k := range sorted(l.small, smallKey.compare) {
		if k.model.Name == key.model.Name && k != key {
			siblings = append(siblings, l.small[k])
		}
	}
	return normalise(sum(sum(difficulties().prior, l.small[key].log), parent(siblings).log))
}

// skill are the weights of the grid of skills.
func (l *Learner) skill(key otherKey) []float64 {
	return normalise(sum(sum(skills().prior, l.others[key].log), parent(l.siblings(key)).log))
}

func (l *Learner) siblings(key otherKey) []gathered {
	var siblings []gathered
	for _, k := range sorted(l.others, otherKey.compare) {
		if k.model.Name == key.model.Name && k.small == key.small && k != key {
			siblings = append(siblings, l.others[k])
		}
	}
	return siblings
}

// parent is the evidence of a class's siblings, discounted: it is formed without
// the child.
func parent(siblings []gathered) gathered {
	var p gathered
	for _, g := range siblings {
		p.n += g.n
	}
	share := min(1, inherited/max(p.n, 1))
	for _, g := range siblings {
		p.log, p.spread = scaled(p.log, g.log, share), scaled(p.spread, g.spread, share)
	}
	return p
}

func scaled(to, from []float64, share float64) []float64 {
	if to == nil {
		to = make([]float64, len(from))
	}
	for i, x := range from {
		to[i] += share * x
	}
	return to
}

// escapeOf is the distribution of the chance that tests of a strength pass a
// wrong answer, at a few points.
func (l *Learner) escapeOf(strength int) []atom {
	s := escapes[strength]()
	return thin(s.nodes, s.chances(normalise(sum(s.prior, l.tests[strength].log))), falsePassNodes)
}

// thin replaces a distribution over nodes by so many points of equal weight,
// each the mean of its part.
func thin(nodes, weights []float64, points int) []atom {
	all := make([]atom, len(nodes))
	for k, w := range weights {
		all[k] = atom{nodes[k], w}
	}
	even := make([]atom, points)
	for i := range even {
		even[i] = atom{float64(i), 1 / float64(points)}
	}
	values := couple(even, all)
	for i := range even {
		even[i].value = values[i]
	}
	return even
}

// sorted are the keys in one order: sums of floats depend on it.
func sorted[K comparable, V any](m map[K]V, compare func(a, b K) int) []K {
	keys := slices.Collect(maps.Keys(m))
	slices.SortFunc(keys, compare)
	return keys
}

func (k smallKey) compare(o smallKey) int {
	return cmp.Or(k.model.compare(o.model), k.class.compare(o.class))
}

func (k otherKey) compare(o otherKey) int {
	return cmp.Or(cmp.Compare(k.small, o.small), k.model.compare(o.model), k.class.compare(o.class))
}

func (m ModelID) compare(o ModelID) int {
	return cmp.Or(cmp.Compare(m.Name, o.Name), cmp.Compare(m.Version, o.Version))
}

func (c Class) compare(o Class) int {
	return cmp.Or(cmp.Compare(c.Language, o.Language), cmp.Compare(c.Strength, o.Strength), cmp.Compare(c.Length, o.Length))
}

func (k tokenKey) compare(o tokenKey) int {
	return cmp.Or(cmp.Compare(k.model, o.model), k.class.compare(o.class))
}

// Version names what was learned: how many lessons, and a digest of all of them.
func (l *Learner) Version() string {
	return fmt.Sprintf("%d-%s", l.count, hex.EncodeToString(l.chain[:6]))
}
