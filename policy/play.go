package policy

import "math"

// play is the best way through a search of one rung and a strong model whose
// answers are tested as well, found by backward induction (Bellman) over what
// can have been seen: the passes and failures of the samples, and the strong
// model's failures. Every state knows what it is worth to stop, to ask the
// strong model, and to draw one more, times the chance of the state. The strong
// model's failure does not end it: a further sample, or a second answer of the
// strong model, may pay yet.
type play struct {
	*Index
	e       *evidence
	samples int // the rung's limit
	strongs int // answers of the strong model in all; 0: none
	worth   [mostStrongs + 1][mostPasses + 1][]float64
}

var never = math.Inf(-1)

// newPlay computes it.
func newPlay(ix *Index, e *evidence, strongs int) *play {
	p := &play{Index: ix, e: e, samples: ix.rungs[0].MaxSamples, strongs: strongs}
	rows := matrix((mostStrongs+1)*(mostPasses+1), e.depth+1)
	for j := range p.worth {
		for s := range p.worth[j] {
			p.worth[j][s] = rows[j*(mostPasses+1)+s]
		}
	}
	for j := mostStrongs; j >= 0; j-- {
		for s := mostPasses; s >= 0; s-- {
			for f := e.depth; f >= 0; f-- {
				best, _ := p.best(j, s, f, p.samples-s-f)
				p.worth[j][s][f] = best
			}
		}
	}
	return p
}

// option is a move of the play.
type option int

const (
	stop option = iota
	ask
	draw
)

// best compares the options; a tie goes to the one that spends less.
func (p *play) best(j, s, f, left int) (float64, option) {
	worth, best := p.stop(j, s, f), stop
	margin := rounding * p.e.seen[j][s][f] * (p.rule.ValueOfCorrect + p.rule.LossOfWrong + p.strong)
	if x := p.ask(j, s, f); x > worth+margin {
		worth, best = x, ask
	}
	if x := p.draw(j, s, f, left); x > worth+margin {
		worth, best = x, draw
	}
	if math.IsInf(worth, -1) { // nothing is allowed and nothing is open
		worth = p.unanswered(j, s, f)
	}
	return worth, best
}

// stop is the worth of ending the search: with a pass in hand, with the strong
// model's failed answer, unverified, or with nothing.
func (p *play) stop(j, s, f int) float64 {
	open := j < p.strongs
	worth := never
	if j > 0 {
		worth = p.rule.ValueOfCorrect * p.e.lost[j][s][f]
	}
	if s > 0 && p.clears(j, s, f) {
		worth = max(worth, p.hand(j, s, f))
	}
	if math.IsInf(worth, -1) && p.rule.ValueOfCorrect > 0 && (!open || !p.mustAnswer()) {
		worth = 0
	}
	return worth
}

// hand is the worth of handing out a pass.
func (p *play) hand(j, s, f int) float64 {
	right := p.e.held[j][s][f]
	return p.rule.worth(right, p.e.seen[j][s][f]-right)
}

// unanswered is the worth where an answer is due and none is allowed: leaving it
// open costs what answering would have.
func (p *play) unanswered(j, s, f int) float64 {
	if p.rule.ValueOfCorrect > 0 {
		return 0
	}
	return -p.strong * p.e.seen[j][s][f]
}

// clears says whether a pass reaches the rule's floor, or what the strong model
// would reach.
func (p *play) clears(j, s, f int) bool {
	seen, right := p.e.seen[j][s][f], p.e.held[j][s][f]
	right += rounding * seen
	return right >= p.rule.MinQuality*seen || j < p.strongs && right >= p.e.right[j][s][f]+p.unsaid(j, s, f)
}

// unsaid is the mass in which the strong model's next answer is right but fails.
func (p *play) unsaid(j, s, f int) float64 {
	if j == mostStrongs {
		return 0
	}
	return p.e.lost[j+1][s][f]
}

// ask is the worth of an answer of the strong model and of the best play after
// its failure.
func (p *play) ask(j, s, f int) float64 {
	if j >= p.strongs {
		return never
	}
	right, seen := p.e.right[j][s][f], p.e.seen[j][s][f]
	passed := seen - p.e.seen[j+1][s][f]
	return p.rule.worth(right, passed-right) - p.strong*seen + p.worth[j+1][s][f]
}

// draw is the worth of one more sample and of the best play after its verdict.
func (p *play) draw(j, s, f, left int) float64 {
	if left <= 0 || s == mostPasses || f == p.e.depth {
		return never
	}
	return p.worth[j][s+1][f] + p.worth[j][s][f+1] - p.rungs[0].Cost*p.e.seen[j][s][f]
}

// at is the place of a state in the tables.
func (p *play) at(s State) (strongs, passes, failures int) {
	seen := s.seen(0)
	return min(max(s.Strong, 0), mostStrongs), min(seen.Refused, mostPasses), min(seen.Failed, p.e.depth)
}

// next is the move after a batch.
func (p *play) next(state State, left int, short Why) Step {
	j, s, f := p.at(state)
	seen := p.e.seen[j][s][f]
	if !(seen > 0) { // by the belief, what was seen is impossible
		return p.end(Step{}, j, s, f, left, short)
	}
	outside := max(p.stop(j, s, f), p.ask(j, s, f))
	if math.IsInf(outside, -1) {
		outside = p.unanswered(j, s, f)
	}
	step := Step{Right: p.e.right[j][s][f]/seen + p.unsaid(j, s, f)/seen, Outside: outside / seen}
	if s < mostPasses {
		passed := p.e.seen[j][s+1][f]
		step.Pass = passed / seen
		if passed > 0 {
			step.Precision = p.e.held[j][s+1][f] / passed
		}
	}
	worth, move := p.best(j, s, f, left)
	if move != draw {
		return p.end(step, j, s, f, left, short)
	}
	// The batch goes on as far as its failures would let it.
	step.Move, step.Why, step.N, step.Gain = GoOn, WhyPays, 1, (worth-outside)/seen
	for most := batch(s+f, left); step.N < most; step.N++ {
		if _, then := p.best(j, s, min(f+step.N, p.e.depth), left-step.N); then != draw {
			break
		}
	}
	return step
}

// end is the step that draws nothing more.
func (p *play) end(step Step, j, s, f, left int, short Why) Step {
	step.Move, step.Why = GiveUp, WhyDear
	// With nothing left to draw, the worth of a draw is not to be counted on.
	if x := p.ask(j, s, f); x > p.stop(j, s, f) {
		step.Move = Escalate
	}
	if left == 0 {
		step.Why = short
	}
	return step
}

// accept says whether a pass after what was seen ends the search.
func (p *play) accept(state State, left int) Acceptance {
	j, s, f := p.at(state)
	s = min(s+1, mostPasses)
	seen := p.e.seen[j][s][f]
	if !(seen > 0) {
		return Acceptance{Need: 1}
	}
	_, move := p.best(j, s, f, left)
	a := Acceptance{Accept: move == stop && p.clears(j, s, f), Precision: p.e.held[j][s][f] / seen, Need: p.rule.MinQuality}
	if j < p.strongs {
		a.Need = min(a.Need, (p.e.right[j][s][f]+p.unsaid(j, s, f))/seen)
	}
	if stake := p.rule.ValueOfCorrect + p.rule.LossOfWrong; stake > 0 {
		if other := max(p.ask(j, s, f), p.draw(j, s, f, left)); !math.IsInf(other, -1) {
			a.Need = max(a.Need, (other/seen+p.rule.LossOfWrong)/stake)
		} else {
			a.Need = max(a.Need, p.rule.LossOfWrong/stake)
		}
	}
	return a
}
