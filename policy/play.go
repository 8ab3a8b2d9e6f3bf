package policy

import (
	"math"
	"slices"
)

// play is the best way through a search of one rung and a strong model whose
// answers are tested as well, found by backward induction (Bellman) over what
// can have been seen: the passes and failures of the samples, and the strong
// model's failures. Every state knows what it is worth to stop, to ask the
// strong model, and to draw one more, times the chance of the state. The strong
// model's failure does not end it: a second answer of it, or a further sample where
// the search resumes, may pay yet.
type play struct {
	*Index
	e       *evidence
	samples int // the rung's limit
	strongs int // answers of the strong model in all; 0: none
	worth   [][][]float64
}

var never = math.Inf(-1)

// newPlay computes it.
func newPlay(ix *Index, e *evidence, strongs int) *play {
	p := &play{Index: ix, e: e, samples: ix.rungs[0].MaxSamples, strongs: strongs, worth: make([][][]float64, strongs+1)}
	for j := strongs; j >= 0; j-- {
		p.worth[j] = matrix(len(e.sizes), e.depth+1)
		for s := len(e.sizes) - 1; s >= 0; s-- { // a sight comes before those that it may become
			passes := total(e.sizes[s])
			for f := e.depth; f >= 0; f-- {
				best, _ := p.best(j, s, f, p.samples-passes-f)
				p.worth[j][s][f] = best
			}
		}
	}
	return p
}

// option is a move of the play.
type option int

const (
	stop option = iota // with what is left when nothing was taken
	take               // the pass in hand
	ask
	draw
)

// best compares the options; a tie goes to the one that spends less.
func (p *play) best(j, s, f, left int) (float64, option) {
	worth, best := p.stop(j, s, f)
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
func (p *play) stop(j, s, f int) (float64, option) {
	worth, how := never, stop
	if j > 0 {
		worth = p.rule.ValueOfCorrect * p.e.lost[j][s][f]
	}
	if s > 0 && p.clears(j, s, f) {
		if x := p.hand(j, s, f); x > worth {
			worth, how = x, take
		}
	}
	if worth < 0 && p.rule.ValueOfCorrect > 0 && (j >= p.strongs || !p.mustAnswer()) {
		return 0, stop
	}
	return worth, how
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
	if left <= 0 || len(p.e.joins[s]) == 0 || f == p.e.depth || j > 0 && !p.resume {
		return never
	}
	worth := p.worth[j][s][f+1] - p.rungs[0].Cost*p.e.seen[j][s][f]
	for _, to := range p.e.joins[s] {
		worth += p.worth[j][to][f]
	}
	return worth
}

// at is the place of a state in the tables. Answers of the strong model that failed
// are evidence also where it cannot be asked again.
func (p *play) at(s State) (strongs, sight, failures int) {
	seen, most := s.seen(0), mostStrongs
	if p.resume { // what follows a failure was worked out for those alone
		most = p.strongs
	}
	return min(max(s.Strong, 0), most), p.e.at(seen.Refused, s.Groups), min(seen.Failed, p.e.depth)
}

// next is the move after a batch.
func (p *play) next(state State, left int, short Why) Step {
	j, s, f := p.at(state)
	seen := p.e.seen[j][s][f]
	if !(seen > 0) { // by the belief, what was seen is impossible
		return p.end(Step{}, j, s, f, left, short)
	}
	stopped, _ := p.stop(j, s, f)
	outside := max(stopped, p.ask(j, s, f))
	if math.IsInf(outside, -1) {
		outside = p.unanswered(j, s, f)
	}
	step := Step{Right: p.e.right[j][s][f]/seen + p.unsaid(j, s, f)/seen, Outside: outside / seen}
	if len(p.e.joins[s]) > 0 {
		passed, held := 0.0, 0.0
		for _, to := range p.e.joins[s] {
			passed, held = passed+p.e.seen[j][to][f], held+p.e.held[j][to][f]
		}
		step.Pass = passed / seen
		if passed > 0 {
			step.Precision = held / passed
		}
	}
	worth, move := p.best(j, s, f, left)
	if move != draw {
		return p.end(step, j, s, f, left, short)
	}
	// The batch goes on as far as its failures would let it.
	step.Move, step.Why, step.N, step.Gain = GoOn, WhyPays, 1, (worth-outside)/seen
	for most := batch(state.seen(0).Refused+f, left); step.N < most; step.N++ {
		if _, then := p.best(j, s, min(f+step.N, p.e.depth), left-step.N); then != draw {
			break
		}
	}
	return step
}

// end is the step that draws nothing more: the pass in hand is taken, the strong
// model asked, or neither, by what each is worth.
func (p *play) end(step Step, j, s, f, left int, short Why) Step {
	step.Move, step.Why = GiveUp, WhyDear
	worth, how := p.stop(j, s, f)
	if how == take {
		step.Move = Take
	}
	// With nothing left to draw, the worth of a draw is not to be counted on.
	if p.ask(j, s, f) > worth {
		step.Move = Escalate
	}
	if left == 0 {
		step.Why = short
	}
	return step
}

// accept says whether a pass after what was seen ends the search. A pass that
// behaves otherwise than most do is none that is handed out.
func (p *play) accept(state State, left int) Acceptance {
	j, s, f := p.at(state)
	if joins := p.e.joins[s]; len(joins) > 0 {
		group := len(joins) - 1 // of its own, or the only one
		if i := slices.Index(p.e.sizes[s], state.Alike); i >= 0 {
			group = i
		}
		s = joins[group]
	}
	most := !p.compared || state.Alike+1 >= p.e.sizes[s][0]
	seen := p.e.seen[j][s][f]
	if !(seen > 0) {
		return Acceptance{Need: 1}
	}
	_, move := p.best(j, s, f, left)
	a := Acceptance{Accept: most && move == take, Precision: p.e.held[j][s][f] / seen, Need: p.rule.MinQuality}
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
