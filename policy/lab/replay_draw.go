package lab

import (
	"math/rand/v2"
)

// simulated is one simulated answer.
type simulated struct{ right, passes bool }

// episode is one simulated request: what the models would answer, in order.
// Every policy under comparison sees the same ones.
type episode struct {
	task   int
	small  []simulated
	strong []simulated
}

// strongDrawn is how many answers of the strong model an episode holds.
const strongDrawn = 8

// episode draws one for a task: without replacement from the recorded samples,
// for as long as there are any.
func (r *Replay) episode(rng *rand.Rand, task int) episode {
	t := r.tasks[task]
	return episode{task, r.draw(rng, t.small, r.depth), r.draw(rng, t.strong, strongDrawn)}
}

func (r *Replay) draw(rng *rand.Rand, c Count, n int) []simulated {
	right, passed, of := c.Right, c.Passed-c.Right, c.Of
	out := make([]simulated, n)
	for i := range out {
		if of == 0 || r.Replacement { // begin again
			right, passed, of = c.Right, c.Passed-c.Right, c.Of
		}
		switch x := rng.IntN(of); {
		case x < right:
			out[i] = simulated{true, !(r.FalseFail > 0 && rng.Float64() < r.FalseFail)}
			right--
		case x < right+passed:
			out[i] = simulated{false, true}
			passed--
		default:
			out[i] = simulated{false, r.FalsePass > 0 && rng.Float64() < r.FalsePass}
		}
		of--
	}
	return out
}

// played is what one policy made of one episode.
type played struct {
	samples, strong int
	right           bool
	answered        bool
	passed          bool // the answer passed the tests
}

// cost in dollars.
func (r *Replay) cost(p played) float64 {
	return float64(p.samples)*r.sample + float64(p.strong)*r.escalate
}

// cascade draws up to limit samples until one passes, then asks the strong model
// up to so many times until it passes; its last answer counts.
func (e episode) cascade(limit, strongs int) played {
	p := played{}
	for _, s := range e.small[:min(limit, len(e.small))] {
		p.samples++
		if s.passes {
			p.right, p.answered, p.passed = s.right, true, true
			return p
		}
	}
	for _, s := range e.strong[:strongs] {
		p.strong++
		p.right, p.answered, p.passed = s.right, true, s.passes
		if s.passes {
			break
		}
	}
	return p
}

// bestOf draws all of n samples at once and takes one that passes, else the first.
func (e episode) bestOf(n int) played {
	p := e.cascade(n, 0)
	p.samples = n
	if !p.answered {
		p.right, p.answered, p.passed = e.small[0].right, true, e.small[0].passes
	}
	return p
}
