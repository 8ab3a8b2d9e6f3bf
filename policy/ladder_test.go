package policy

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// world is one world that a ladder of two may be in, spelled out.
type world struct {
	weight, strong, escape float64
	rung                   [2]node
}

// worlds multiplies the grid out, skill by skill.
func (ix *Index) worlds() []world {
	var all []world
	for _, low := range ix.belief.rungs[0].nodes {
		for _, high := range ix.belief.rungs[1].nodes {
			if c := low.cell; c == high.cell {
				all = append(all, world{ix.belief.weight[c] * low.weight * high.weight, ix.belief.strong[c], ix.escape[c], [2]node{low, high}})
			}
		}
	}
	return all
}

// missed is the chance that the first k tries fail.
func missed(n node, k int) float64 {
	if k == 0 {
		return 1
	}
	return (1 - n.firstPass) * math.Pow(1-n.pass, float64(k-1))
}

// best is the worth of the best play, sample by sample and world by world.
func (l look) best(worlds []world, rung, low, high, samples int) float64 {
	var now mass
	for _, w := range worlds {
		x := w.weight * missed(w.rung[0], low) * missed(w.rung[1], high)
		now.all, now.strong, now.escape = now.all+x, now.strong+x*w.strong, now.escape+x*w.escape
	}
	best := l.outside(now)
	if rung == 0 && samples > 0 {
		best = max(best, l.best(worlds, 1, low, 0, samples))
	}
	k := []int{low, high}[rung]
	if n := batch(k, min(samples, l.rungs[rung].MaxSamples-k)); n > 0 {
		best = max(best, l.bestAfter(worlds, rung, low, high, n, samples))
	}
	return best
}

func (l look) bestAfter(worlds []world, rung, low, high, n, samples int) float64 {
	var all, right float64
	var pass mass
	for _, w := range worlds {
		x := w.weight * missed(w.rung[0], low) * missed(w.rung[1], high)
		all += x
		for i := range n {
			one := w.rung[rung]
			hit, passes := one.hit, one.pass
			if []int{low, high}[rung]+i == 0 {
				hit, passes = one.firstHit, one.firstPass
			}
			right += x * hit
			pass.all, pass.strong, pass.escape = pass.all+x*passes, pass.strong+x*passes*w.strong, pass.escape+x*passes*w.escape
			x *= 1 - passes
		}
	}
	then := []int{low, high}
	then[rung] += n
	return l.passed(pass, right) - l.rungs[rung].Cost*float64(n)*all + l.best(worlds, rung, then[0], then[1], samples-n)
}

// The backward induction over sums of the grid finds what trying everything out
// in every world does.
func TestLadderFindsTheBestPlay(t *testing.T) {
	moves := map[Move]int{}
	rapid.Check(t, func(t *rapid.T) {
		c := drawConfig(t, 2, false)
		c.Rungs[0].MaxSamples, c.Rungs[1].MaxSamples = 3, 3
		ix := newIndex(t, c)
		s := free(rapid.IntRange(0, 6).Draw(t, "left"), Seen{Failed: rapid.IntRange(0, 3).Draw(t, "failed")})
		k, worlds := s.Seen[0].Failed, ix.worlds()
		l := ix.look(s, 4)
		now := l.failed(k)
		if now.all < 1e-6 {
			t.Skip("such evidence is as good as impossible")
		}
		outside, climb, draw := l.outside(now), math.Inf(-1), math.Inf(-1)
		if s.Samples > 0 {
			climb = l.best(worlds, 1, k, 0, s.Samples)
		}
		for n := batch(k, min(s.Samples, 3-k)); n > 0; n /= 2 {
			draw = max(draw, l.bestAfter(worlds, 0, k, 0, n, s.Samples))
		}
		if n := batch(k, min(s.Samples, 3-k)); n > 0 {
			got := l.draw(place{0, k, 0, s.Samples, now}, n, l.prior, l.table)
			near(t, "worth of a batch", got, l.bestAfter(worlds, 0, k, 0, n, s.Samples), 1e-9)
		}
		if s.Samples > 0 {
			near(t, "worth of climbing", l.climb(0, l.prior, l.table.failed(k), s.Samples), climb, 1e-9)
		}
		step := ix.Next(s)
		want, worth := GiveUp, outside
		if ix.mustAnswer() || outside > 0 {
			want = Escalate
		}
		if climb > worth {
			want, worth = Climb, climb
		}
		if draw > worth {
			want, worth = GoOn, draw
		}
		if margin := 1e-8; step.Move != want && math.Abs(worth-outside) > margin && math.Abs(climb-draw) > margin {
			t.Fatalf("%+v, want %v: stop %g, climb %g, go on %g", step, want, outside, climb, draw)
		}
		moves[step.Move]++
	})
	for _, m := range []Move{GoOn, Climb, Escalate} {
		if moves[m] == 0 && moves[GoOn]+moves[Climb]+moves[Escalate] > 50 {
			t.Errorf("no draw led to %v: %v", m, moves)
		}
	}
}

// A rung too dear to ask is as good as none.
func TestLadderIgnoresARungThatIsTooDear(t *testing.T) {
	single := newIndex(t, IndexConfig{Belief: believe(t, Models{}, TestsOf(500)), Rungs: []Rung{{Cost: 3e-5}}, Strong: 1e-3})
	double := newIndex(t, IndexConfig{Belief: believe(t, Models{Rungs: []Tries{{}, {Skill: llama70B}}}, TestsOf(500)),
		Rungs: []Rung{{Cost: 3e-5}, {Cost: 1}}, Strong: 1e-3})
	for k := range 64 {
		s := free(64-k, Seen{Failed: k})
		if one, two := single.Next(s), double.Next(s); one.Move != two.Move || one.Why != two.Why {
			t.Errorf("after %d failures: %v alone, %v beside a rung that nobody can pay", k, one, two)
		}
	}
}

// A middle model at a third of the strong one's price is asked before it, once
// the small one's samples have stopped paying.
func TestLadderClimbsBeforeItEscalates(t *testing.T) {
	ix := newIndex(t, IndexConfig{Belief: believe(t, Models{Rungs: []Tries{{}, {Skill: llama70B}}}, TestsOf(500)),
		Rungs: []Rung{{Cost: 4e-4}, {Cost: 1e-3}}, Strong: 3e-3})
	var path []Move
	s := free(64, Seen{}, Seen{})
	s.Rung = 0
	for len(path) == 0 || path[len(path)-1] < Escalate {
		step := ix.Next(s)
		path = append(path, step.Move)
		s.Seen[s.Rung].Failed += step.N
		s.Samples -= step.N
		if step.Move == Climb {
			s.Rung++
		}
	}
	if len(path) < 4 || path[0] != GoOn || path[len(path)-1] != Escalate || s.Rung != 1 || s.Seen[1].Failed == 0 {
		t.Errorf("moves %v, seen %v", path, s.Seen)
	}
}

// A rung that is used up, also by passes that were refused, is left for the next.
func TestLadderClimbsFromARungUsedUp(t *testing.T) {
	ix := newIndex(t, IndexConfig{Belief: believe(t, Models{Rungs: []Tries{{}, {Skill: llama70B}}}, TestsOf(500)),
		Rungs: []Rung{{3e-5, 3}, {Cost: 3e-4}}, Strong: 3e-3})
	for _, seen := range []Seen{{3, 0}, {2, 1}, {0, 3}} {
		s := free(9, seen)
		if got := ix.Next(s); got.Move != Climb {
			t.Errorf("after %+v of 3: %v", seen, got)
		}
		s.Samples = 0
		if got := ix.Next(s); got.Move != Escalate || got.Why != WhySamples {
			t.Errorf("after %+v of 3 and none left: %v", seen, got)
		}
	}
}

// What failed on a lower rung speaks against the present one too.
func TestLowerRungsAreEvidence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ix := newIndex(t, drawConfig(t, 2, false))
		low, high := rapid.IntRange(0, 9).Draw(t, "failed below"), rapid.IntRange(0, 9).Draw(t, "failed here")
		var all, pass float64
		for _, w := range ix.worlds() {
			x := w.weight * missed(w.rung[0], low) * missed(w.rung[1], high)
			one := w.rung[1].pass
			if high == 0 {
				one = w.rung[1].firstPass
			}
			all, pass = all+x, pass+x*one
		}
		if all < 1e-9 {
			t.Skip("such evidence is as good as impossible")
		}
		near(t, "chance of a pass", ix.Next(free(9, Seen{Failed: low}, Seen{Failed: high})).Pass, pass/all, 1e-6)
	})
}
