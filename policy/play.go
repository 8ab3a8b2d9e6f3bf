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
// model's failure does not end it: a second answer of it, or a further sample, may
// pay yet.
type play struct {
	*Index
	e       *evidence
	samples int           // the rung's limit
	strongs int           // answers of the strong model in all; 0: none
	worth   [][][]float64 // by the strong model's failures, the sight and the samples' failures
}

// newPlay computes it. The strong model may be asked up to so many times in all;
// that it failed more often is evidence too.
func newPlay(ix *Index, e *evidence, strongs int) *play {
	p := &play{Index: ix, e: e, samples: ix.rungs[0].MaxSamples, strongs: strongs, worth: make([][][]float64, max(ix.tries, strongs)+1)}
	for j := len(p.worth) - 1; j >= 0; j-- {
		p.worth[j] = matrix(len(e.sizes), e.depth+1)
		for s := len(e.sizes) - 1; s >= 0; s-- { // a sight comes before those that it may become
			r := p.row(j, s)
			for f := e.depth; f >= 0; f-- {
				r.worth[f], _ = r.best(f, p.samples-r.passes-f)
			}
		}
	}
	return p
}

// row are the states of a play that differ by the samples' failures alone: the
// slices are by those.
type row struct {
	*play
	passes int
	open   bool // the strong model may be asked
	failed bool // it has failed

	seen, held, right, lost []float64 // of the evidence
	unsaid                  []float64 // and the strong model's next answer is right but fails; nil: so many are not told apart
	worth                   []float64
	after, afterWorth       []float64   // seen and worth once the strong model's next answer failed; where it is open
	joins                   []int       // sights after one more pass
	joined                  [][]float64 // and the worth there
}

func (p *play) row(j, s int) row {
	r := row{play: p, passes: total(p.e.sizes[s]), open: j < p.strongs, failed: j > 0,
		seen: p.e.seen[j][s], held: p.e.held[j][s], right: p.e.right[j][s], lost: p.e.lost[j][s], worth: p.worth[j][s], joins: p.e.joins[s]}
	if j < mostStrongs {
		r.unsaid = p.e.lost[j+1][s]
	}
	if r.open {
		r.after, r.afterWorth = p.e.seen[j+1][s], p.worth[j+1][s]
	}
	if len(r.joins) > 0 {
		r.joined = make([][]float64, len(r.joins))
		for i, to := range r.joins {
			r.joined[i] = p.worth[j][to]
		}
	}
	return r
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
func (r *row) best(f, left int) (float64, option) {
	worth, best := r.stop(f)
	margin := rounding * r.seen[f] * (r.rule.ValueOfCorrect + r.rule.LossOfWrong + r.strong)
	if x := r.ask(f); x > worth+margin {
		worth, best = x, ask
	}
	if x := r.draw(f, left); x > worth+margin {
		worth, best = x, draw
	}
	if math.IsInf(worth, -1) { // nothing is allowed and nothing is open
		worth = r.unanswered(f)
	}
	return worth, best
}

// stop is the worth of ending the search: with a pass in hand, with the strong
// model's failed answer, unverified, or with nothing.
func (r *row) stop(f int) (float64, option) {
	worth, how := never, stop
	if r.failed {
		worth = r.rule.ValueOfCorrect * r.lost[f]
	}
	if r.passes > 0 && r.clears(f) {
		if x := r.hand(f); x > worth {
			worth, how = x, take
		}
	}
	if worth < 0 && r.rule.ValueOfCorrect > 0 && (!r.open || !r.mustAnswer()) {
		return 0, stop
	}
	return worth, how
}

// hand is the worth of handing out a pass.
func (r *row) hand(f int) float64 { return r.rule.worth(r.held[f], r.seen[f]-r.held[f]) }

// unanswered is the worth where an answer is due and none is allowed: leaving it
// open costs what answering would have.
func (r *row) unanswered(f int) float64 {
	if r.rule.ValueOfCorrect > 0 {
		return 0
	}
	return -r.strong * r.seen[f]
}

// clears says whether a pass reaches the rule's floor, or what the strong model
// would reach.
func (r *row) clears(f int) bool {
	right := r.held[f] + rounding*r.seen[f]
	return right >= r.rule.MinQuality*r.seen[f] || r.open && right >= r.answered(f)
}

// answered is the mass in which the strong model's next answer is right, whether it
// passes or not.
func (r *row) answered(f int) float64 {
	if r.unsaid == nil {
		return r.right[f]
	}
	return r.right[f] + r.unsaid[f]
}

// ask is the worth of an answer of the strong model and of the best play after
// its failure.
func (r *row) ask(f int) float64 {
	if !r.open {
		return never
	}
	passed := r.seen[f] - r.after[f]
	return r.rule.worth(r.right[f], passed-r.right[f]) - r.strong*r.seen[f] + r.afterWorth[f]
}

// draw is the worth of one more sample and of the best play after its verdict.
func (r *row) draw(f, left int) float64 {
	if left <= 0 || r.joined == nil || f == r.e.depth {
		return never
	}
	worth := r.worth[f+1] - r.rungs[0].Cost*r.seen[f]
	for _, joined := range r.joined {
		worth += joined[f]
	}
	return worth
}

var never = math.Inf(-1)

// at is the place of a state in the tables.
func (p *play) at(s State) (strongs, sight, failures int) {
	seen := s.seen(0)
	return min(max(s.Strong, 0), len(p.worth)-1), p.e.at(seen.Refused, s.Groups), min(seen.Failed, p.e.depth)
}

// next is the move after a batch.
func (p *play) next(state State, left int, short Why) Step {
	j, s, f := p.at(state)
	r := p.row(j, s)
	seen := r.seen[f]
	if !(seen > 0) { // by the belief, what was seen is impossible
		return r.end(Step{}, f, left, short)
	}
	stopped, _ := r.stop(f)
	outside := max(stopped, r.ask(f))
	if math.IsInf(outside, -1) {
		outside = r.unanswered(f)
	}
	step := Step{Right: r.answered(f) / seen, Outside: outside / seen}
	if len(r.joins) > 0 {
		passed, held := 0.0, 0.0
		for _, to := range r.joins {
			passed, held = passed+p.e.seen[j][to][f], held+p.e.held[j][to][f]
		}
		step.Pass = passed / seen
		if passed > 0 {
			step.Precision = held / passed
		}
	}
	worth, move := r.best(f, left)
	if move != draw {
		return r.end(step, f, left, short)
	}
	// The batch goes on as far as its failures would let it.
	step.Move, step.Why, step.N, step.Gain = GoOn, WhyPays, 1, (worth-outside)/seen
	for most := batch(state.seen(0).Refused+f, left); step.N < most; step.N++ {
		if _, then := r.best(min(f+step.N, p.e.depth), left-step.N); then != draw {
			break
		}
	}
	return step
}

// end is the step that draws nothing more: the pass in hand is taken, the strong
// model asked, or neither, by what each is worth.
func (r *row) end(step Step, f, left int, short Why) Step {
	step.Move, step.Why = GiveUp, WhyDear
	worth, how := r.stop(f)
	if how == take {
		step.Move = Take
	}
	// With nothing left to draw, the worth of a draw is not to be counted on.
	if r.ask(f) > worth {
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
	r := p.row(j, s)
	seen := r.seen[f]
	if !(seen > 0) {
		return Acceptance{Need: 1}
	}
	_, move := r.best(f, left)
	a := Acceptance{Accept: most && move == take, Precision: r.held[f] / seen, Need: p.rule.MinQuality}
	if r.open {
		a.Need = min(a.Need, r.answered(f)/seen)
	}
	if stake := p.rule.ValueOfCorrect + p.rule.LossOfWrong; stake > 0 {
		if other := max(r.ask(f), r.draw(f, left)); !math.IsInf(other, -1) {
			a.Need = max(a.Need, (other/seen+p.rule.LossOfWrong)/stake)
		} else {
			a.Need = max(a.Need, p.rule.LossOfWrong/stake)
		}
	}
	return a
}
