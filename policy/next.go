package policy

import "slices"

// refusedAhead is how many samples are followed ahead on a ladder once a pass was
// refused.
const refusedAhead = 16

// rounding is the share of a sum within which two sides count as equal: a tie is
// not to be broken by the last digit.
const rounding = 1e-9

// mass is what a part of the belief comes to: how likely it is, and, weighted
// by that, how often the strong model is right and what calling it is worth.
type mass struct{ all, strong, escape float64 }

func (m mass) less(other mass) mass {
	return mass{m.all - other.all, m.strong - other.strong, m.escape - other.escape}
}

// weigh sums the cells of prior times column.
func (ix *Index) weigh(prior, column []float64) mass {
	var m mass
	strong, escape := ix.belief.strong[:len(prior)], ix.escape[:len(prior)]
	column = column[:len(prior)]
	for c, p := range prior {
		p *= column[c]
		m.all += p
		m.strong += p * strong[c]
		m.escape += p * escape[c]
	}
	return m
}

func dot(a, b []float64) float64 {
	sum := 0.0
	b = b[:len(a)]
	for i, x := range a {
		sum += x * b[i]
	}
	return sum
}

// look is one decision under way: the state's evidence from all rungs but the
// present one is in prior.
type look struct {
	*Index
	open  bool // the strong model can be called
	prior []float64
	table table // of the present rung, from what was seen of it
}

// outside is the worth of stopping, times the mass: the strong model's answer or
// none.
func (l look) outside(m mass) float64 {
	switch {
	case l.open && l.mustAnswer():
		return m.escape
	case l.open:
		return max(0, m.escape)
	case l.rule.ValueOfCorrect == 0: // leaving it open costs what answering would have
		return -l.strong * m.all
	}
	return 0
}

func (ix *Index) mustAnswer() bool { return ix.rule.MustAnswer || ix.rule.ValueOfCorrect == 0 }

// takes says whether a pass is accepted, of which the mass right is right.
func (l look) takes(pass mass, right float64) bool {
	if l.beats(l.outside(pass), l.rule.worth(right, pass.all-right), pass) {
		return false
	}
	right += rounding * pass.all
	return right >= l.rule.MinQuality*pass.all || l.open && right >= pass.strong
}

// beats says whether one worth, times the mass, is above another.
func (l look) beats(worth, other float64, m mass) bool {
	return worth-other > rounding*m.all*(l.rule.ValueOfCorrect+l.rule.LossOfWrong+l.strong)
}

// passed is the worth of a pass, times its mass: accepted, or the best that can
// be done once it is refused.
func (l look) passed(pass mass, right float64) float64 {
	if l.takes(pass, right) {
		return l.rule.worth(right, pass.all-right)
	}
	return l.outside(pass)
}

// gain is what one more sample after k failures is worth beyond stopping now,
// its price taken off, times the mass: with m_k, U_k and V_s as usual,
// π_k·(V_s - U_{k+1}) - (U_k - U_{k+1}) - c. Where the outside option stays what
// it is and tests are perfect this is the rule of Weitzman (1979), m_k·(V-U) > c.
func (l look) gain(k int, cost float64, now, then mass) float64 {
	return l.passed(l.passes(k), l.rights(k)) + l.outside(then) - l.outside(now) - cost*now.all
}

// failed is the belief after k failures on the present rung, passes its part in
// which the next sample passes, and rights the mass of what is right of those.
func (l look) failed(k int) mass    { return l.weigh(l.prior, l.table.failed(k)) }
func (l look) passes(k int) mass    { return l.weigh(l.prior, l.table.pass[k-l.table.from]) }
func (l look) rights(k int) float64 { return dot(l.prior, l.table.right[k-l.table.from]) }

// look gathers the evidence of the state; the table reaches `ahead` failures
// further.
func (ix *Index) look(s State, ahead int) look {
	prior := slices.Clone(ix.belief.weight)
	for i, r := range ix.belief.rungs[:s.Rung] {
		if seen := s.seen(i); seen != (Seen{}) {
			scale(prior, ix.covering(r, seen, 0).failed(seen.Failed))
		}
	}
	if s.Strong > 0 {
		scale(prior, ix.belief.strongAfter(min(s.Strong, mostStrongs)).failed)
	}
	return look{ix, ix.open(s), prior, ix.covering(ix.belief.rungs[s.Rung], s.seen(s.Rung), ahead)}
}

// covering is the table that was made beforehand, where it holds what is
// needed, or one that does.
func (ix *Index) covering(r tries, seen Seen, ahead int) table {
	if seen.Refused == 0 && seen.Failed+ahead <= ix.belief.depth+1 {
		return r.fresh
	}
	return r.table(seen, seen.Failed+ahead)
}

func scale(x, by []float64) {
	for i := range x {
		x[i] *= by[i]
	}
}

// Accept says whether the first pass after the state's failures is taken: only
// if its chance to be right beats (U+L)/(V+L), with U what is best done
// otherwise now that a pass is known, and reaches the floor of the rule. The
// pass itself is not yet in the state.
func (ix *Index) Accept(s State) Acceptance {
	if p := ix.playFor(s); p != nil {
		left, _ := ix.left(s, 0)
		return p.accept(s, left)
	}
	l := ix.look(s, 0)
	k := s.seen(s.Rung).Failed
	pass, right := l.passes(k), l.rights(k)
	if !(pass.all > 0) { // by the belief, it is impossible
		return Acceptance{Need: 1}
	}
	a := Acceptance{Accept: l.takes(pass, right), Precision: right / pass.all, Need: l.rule.MinQuality}
	if l.open {
		a.Need = min(a.Need, pass.strong/pass.all)
	}
	if stake := l.rule.ValueOfCorrect + l.rule.LossOfWrong; stake > 0 {
		a.Need = max(a.Need, (l.outside(pass)/pass.all+l.rule.LossOfWrong)/stake)
	}
	return a
}

// Next says what to do after the state's batch. A search of one rung whose strong
// model is tested follows the best play; else it looks one sample ahead on the
// last rung, and below that follows the batches of this rung and of all later
// ones to their end.
func (ix *Index) Next(s State) Step {
	left, short := ix.left(s, s.Rung)
	if p := ix.playFor(s); p != nil {
		return p.next(s, left, short)
	}
	seen := s.seen(s.Rung)
	ahead := left
	last := s.Rung == len(ix.rungs)-1
	switch {
	case last:
		ahead = batch(seen.Failed+seen.Refused, left)
	case seen.Refused > 0: // no table was made beforehand, and going on will hardly pay
		ahead = refusedAhead
		s.Samples, left = min(s.Samples, ahead), min(left, ahead)
	}
	l := ix.look(s, ahead+1)
	k := seen.Failed
	now, then := l.failed(k), l.failed(k+1)
	if !(now.all > 0) { // by the belief, what was seen is impossible
		return l.stop(Step{}, short, left)
	}
	pass := l.passes(k)
	step := Step{
		Pass:    pass.all / now.all,
		Right:   now.strong / now.all,
		Outside: l.outside(now) / now.all,
	}
	if pass.all > 0 {
		step.Precision = l.rights(k) / pass.all
	}
	if last {
		return l.lookAhead(s, step, now, then, left, short)
	}
	return l.ladder(s, step, now, left, short)
}

// lookAhead goes on for as many samples of the next batch as each pay when they
// are the last.
func (l look) lookAhead(s State, step Step, now, then mass, left int, short Why) Step {
	seen, cost := s.seen(s.Rung), l.rungs[s.Rung].Cost
	for most := batch(seen.Failed+seen.Refused, left); step.N < most; step.N++ {
		k := seen.Failed + step.N
		if step.N > 0 {
			now, then = then, l.failed(k+1)
		}
		gain := l.gain(k, cost, now, then)
		if !l.beats(gain, 0, now) {
			break
		}
		if step.N == 0 {
			step.Move, step.Why, step.Gain = GoOn, WhyPays, gain/now.all
		}
	}
	if step.N == 0 {
		return l.stop(step, short, left)
	}
	return step
}

// stop ends the search: with the strong model's answer where that is open and
// pays or is due, else with none.
func (l look) stop(step Step, short Why, left int) Step {
	step.Move, step.Why = GiveUp, WhyDear
	if l.open && (step.Outside > 0 || l.mustAnswer()) {
		step.Move = Escalate
	}
	if left == 0 {
		step.Why = short
	}
	return step
}
