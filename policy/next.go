package policy

import "slices"

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
	if l.rule.worth(right, pass.all-right) < l.outside(pass) {
		return false
	}
	return right >= l.rule.MinQuality*pass.all || l.open && right >= pass.strong
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
func (l look) gain(k int, cost float64) (gain float64, now mass) {
	now = l.weigh(l.prior, l.table.failed(k))
	then := l.weigh(l.prior, l.table.failed(k+1))
	right := dot(l.prior, l.table.right[k-l.table.from])
	return l.passed(now.less(then), right) + l.outside(then) - l.outside(now) - cost*now.all, now
}

// look gathers the evidence of the state; the table reaches `ahead` failures
// further.
func (ix *Index) look(s State, ahead int) look {
	prior := slices.Clone(ix.belief.weight)
	for i, r := range ix.belief.rungs[:s.Rung] {
		if seen := s.seen(i); seen != (Seen{}) {
			scale(prior, ix.covering(r, seen, 0).failed(seen.Failed))
		}
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
	l := ix.look(s, 1)
	k := s.seen(s.Rung).Failed
	pass := l.weigh(l.prior, l.table.failed(k)).less(l.weigh(l.prior, l.table.failed(k+1)))
	if pass.all <= 0 {
		return Acceptance{Need: 1}
	}
	right := dot(l.prior, l.table.right[k-l.table.from])
	floor := l.rule.MinQuality
	if l.open {
		floor = min(floor, pass.strong/pass.all)
	}
	v := Acceptance{Accept: l.takes(pass, right), Precision: right / pass.all, Need: floor}
	if stake := l.rule.ValueOfCorrect + l.rule.LossOfWrong; stake > 0 {
		v.Need = max(floor, (l.outside(pass)/pass.all+l.rule.LossOfWrong)/stake)
	}
	return v
}

// Next says what to do after the state's batch. On the last rung it looks one
// sample ahead; below that, it follows the batches of this rung and of all later
// ones to their end.
func (ix *Index) Next(s State) Step {
	left, short := ix.left(s, s.Rung)
	l := ix.look(s, left+1)
	k := s.seen(s.Rung).Failed
	gain, now := l.gain(k, ix.rungs[s.Rung].Cost)
	if now.all <= 0 { // by the belief, what was seen is impossible
		return l.stop(Step{}, short, 0)
	}
	after := l.weigh(l.prior, l.table.failed(k+1))
	step := Step{
		Pass:    1 - after.all/now.all,
		Right:   now.strong / now.all,
		Outside: l.outside(now) / now.all,
	}
	if pass := now.all - after.all; pass > 0 {
		step.Precision = dot(l.prior, l.table.right[k-l.table.from]) / pass
	}
	if s.Rung == len(ix.rungs)-1 {
		return l.lookAhead(s, step, gain/now.all, left, short)
	}
	return l.ladder(s, step, now, left, short)
}

// lookAhead goes on for as many samples of the next batch as each pay when they
// are the last.
func (l look) lookAhead(s State, step Step, gain float64, left int, short Why) Step {
	seen := s.seen(s.Rung)
	most := batch(seen.Failed+seen.Refused, left)
	if most == 0 || !(gain > 0) {
		return l.stop(step, short, left)
	}
	step.Move, step.N, step.Why, step.Gain = GoOn, 1, WhyPays, gain
	for step.N < most {
		if gain, _ := l.gain(seen.Failed+step.N, l.rungs[s.Rung].Cost); !(gain > 0) {
			break
		}
		step.N++
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
