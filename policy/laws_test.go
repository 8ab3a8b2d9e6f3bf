package policy

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// money draws dollars from a thousandth of a cent to a dollar, each size alike.
func money(t *rapid.T, name string) float64 {
	return math.Exp(rapid.Float64Range(math.Log(1e-5), 0).Draw(t, name))
}

func drawSkill(t *rapid.T, name string) Skill {
	hard := rapid.Float64Range(0, 1).Draw(t, name+".hard")
	return Skill{
		Hard:   hard,
		Easy:   rapid.Float64Range(max(hard, .01), 1).Draw(t, name+".easy"),
		Curve:  rapid.SampledFrom([]float64{0, .5, 2}).Draw(t, name+".curve"),
		Spread: rapid.SampledFrom([]float64{0, .7, 2.4, 30}).Draw(t, name+".spread"),
	}
}

// drawBelief draws a belief in so many rungs; with plain tests nothing wrong
// passes, nothing right fails, and the first try is as the others.
func drawBelief(t *rapid.T, rungs int, plain bool) *Belief {
	models := Models{Difficulty: betas(t, "difficulty"), Strong: drawSkill(t, "strong"), Depth: 24}
	for i := range rungs {
		var r Tries
		if i > 0 {
			r.Skill = drawSkill(t, "skill")
		}
		if !plain && rapid.Bool().Draw(t, "own first") {
			r.First = betas(t, "first")
		}
		models.Rungs = append(models.Rungs, r)
	}
	var tests Tests
	if !plain {
		tests = Tests{
			FalsePass: betas(t, "false pass"),
			FalseFail: rapid.Float64Range(0, .5).Draw(t, "false fail"),
			Broken:    rapid.SampledFrom([]float64{0, .01, .3}).Draw(t, "broken"),
		}
	}
	return believe(t, models, tests)
}

func drawConfig(t *rapid.T, rungs int, plain bool) IndexConfig {
	c := IndexConfig{
		Belief: drawBelief(t, rungs, plain),
		Strong: money(t, "strong cost"),
		Rule: Rule{
			ValueOfCorrect: rapid.SampledFrom([]float64{0, money(t, "value")}).Draw(t, "V"),
			LossOfWrong:    rapid.SampledFrom([]float64{0, money(t, "loss")}).Draw(t, "L"),
			MinQuality:     rapid.SampledFrom([]float64{0, .5, .9, 1}).Draw(t, "floor"),
			MustAnswer:     rapid.Bool().Draw(t, "must answer"),
		},
	}
	for range rungs {
		c.Rungs = append(c.Rungs, Rung{money(t, "cost"), rapid.IntRange(0, 24).Draw(t, "max samples")})
	}
	return c
}

func drawState(t *rapid.T, rungs int) State {
	s := State{
		Rung:    rapid.IntRange(0, rungs-1).Draw(t, "rung"),
		Samples: rapid.IntRange(0, 30).Draw(t, "samples"),
		Budget:  rapid.SampledFrom([]float64{0, money(t, "budget"), math.Inf(1)}).Draw(t, "money"),
		Time:    rapid.SampledFrom([]float64{0, .5, 1, 3, math.Inf(1)}).Draw(t, "time"),
	}
	for range rapid.IntRange(0, rungs).Draw(t, "rungs seen") {
		s.Seen = append(s.Seen, Seen{rapid.IntRange(0, 30).Draw(t, "failed"), rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "refused")})
	}
	return s
}

func newIndex(t fataler, c IndexConfig) *Index {
	t.Helper()
	ix, err := NewIndex(c)
	if err != nil {
		t.Fatal(err)
	}
	return ix
}

// free is a state with nothing in the way but samples.
func free(samples int, seen ...Seen) State {
	return State{Seen: seen, Rung: max(len(seen)-1, 0), Samples: samples, Budget: math.Inf(1), Time: math.Inf(1)}
}

func TestBeliefIsADistribution(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawBelief(t, 2, false)
		sum := 0.0
		for _, w := range b.weight {
			if !(w >= 0) {
				t.Fatalf("weight %g", w)
			}
			sum += w
		}
		near(t, "prior weights", sum, 1, 1e-9)
		k := rapid.IntRange(0, b.depth).Draw(t, "k")
		for _, r := range b.rungs {
			for c := range b.weight {
				fail, next, right, won := r.fresh.fail[k][c], r.fresh.fail[k+1][c], r.fresh.right[k][c], r.fresh.won[k][c]
				if pass := r.fresh.pass[k][c]; right < 0 || right > pass+1e-12 || math.Abs(fail-next-pass) > 1e-12 || fail > 1+1e-12 || next < 0 || won > 1-fail+1e-12 {
					t.Fatalf("cell %d after %d: fail %g, then %g, right %g, won %g", c, k, fail, next, right, won)
				}
			}
		}
		// Posterior: what fails and what passes make up the whole.
		ix := newIndex(t, IndexConfig{Belief: b, Rungs: make([]Rung, 2), Strong: 1})
		l := ix.look(free(24, Seen{Failed: k}, Seen{Failed: k / 2}), 1)
		now := l.failed(k / 2)
		if now.all < 1e-200 {
			t.Skip("such evidence is as good as impossible")
		}
		total := 0.0
		for c := range b.weight {
			total += l.prior[c] * l.table.failed(k / 2)[c] / now.all
		}
		near(t, "posterior weights", total, 1, 1e-9)
	})
}

// A pass and then its refusal is the same evidence whether looked ahead to or
// looked back on, which are computed apart; and what is expected of the strong
// model after the next verdict is what is expected before it.
func TestEvidenceIsConsistent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ix := newIndex(t, IndexConfig{Belief: drawBelief(t, 1, false), Rungs: make([]Rung, 1), Strong: 1})
		k := rapid.IntRange(0, 20).Draw(t, "k")
		l := ix.look(free(24, Seen{Failed: k}), 1)
		now, pass := l.failed(k), l.passes(k)
		if now.all < 1e-9 || pass.all < 1e-9*now.all {
			t.Skip("such evidence is as good as impossible")
		}
		if k == 0 {
			near(t, "pass at the first try", ix.look(free(24, Seen{0, 1}), 0).failed(0).all, pass.all, 1e-9)
		}
		back := ix.look(free(24, Seen{k, 1}), 0).failed(k)
		if k == 0 || ix.belief.rungs[0].alike() {
			near(t, "strong model after a pass", back.strong/back.all, pass.strong/pass.all, 1e-5)
		}
		before, failed := ix.Next(free(24, Seen{Failed: k})), ix.Next(free(24, Seen{Failed: k + 1}))
		near(t, "strong model", before.Pass*pass.strong/pass.all+(1-before.Pass)*failed.Right, before.Right, 1e-6)
	})
}

func TestChanceOfAPassFallsWithFailures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ix := newIndex(t, drawConfig(t, 1, false))
		last := math.Inf(1)
		for k := 1; k <= 20; k++ { // the first try may be of another kind
			l := ix.look(free(24, Seen{Failed: k}), 1)
			if l.failed(k).all < 1e-9 {
				break // rounding
			}
			step := ix.Next(free(24, Seen{Failed: k}))
			if step.Pass > last+1e-9 {
				t.Fatalf("after %d failures a sample passes with %g, after one less with %g", k, step.Pass, last)
			}
			last = step.Pass
		}
	})
}

func TestOutsideOptionFallsWithFailures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ix := newIndex(t, drawConfig(t, 1, true))
		last := math.Inf(1)
		for k := range 20 {
			l := ix.look(free(24, Seen{Failed: k}), 1)
			if l.failed(k).all < 1e-9 {
				break
			}
			step := ix.Next(free(24, Seen{Failed: k}))
			if step.Outside > last+1e-9 {
				t.Fatalf("after %d failures stopping is worth %g, after one less %g", k, step.Outside, last)
			}
			last = step.Outside
		}
	})
}

// With perfect tests and an outside option that no failure changes, one goes on
// while m_k·(V-U) > c (Weitzman 1979), where m_k = a/(a+b+k).
func TestIndexIsWeitzmansForPerfectTests(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := rapid.Float64Range(.01, 1).Draw(t, "g")
		value, cost, strong := money(t, "value"), money(t, "cost"), money(t, "strong")
		difficulty := betas(t, "difficulty")
		ix := newIndex(t, IndexConfig{
			Belief: believe(t, Models{Difficulty: difficulty, Strong: Skill{Hard: g, Easy: g}}, Tests{}),
			Rule:   Rule{ValueOfCorrect: value, MustAnswer: rapid.Bool().Draw(t, "must answer")},
			Rungs:  []Rung{{Cost: cost}}, Strong: strong,
		})
		k := rapid.IntRange(0, 20).Draw(t, "k")
		if difficulty.Miss(k) < 1e-6 {
			t.Skip("such evidence is as good as impossible")
		}
		outside := value*g - strong
		if !ix.rule.MustAnswer {
			outside = max(0, outside)
		}
		gain := difficulty.A/(difficulty.A+difficulty.B+float64(k))*(value-outside) - cost
		if math.Abs(gain) < 1e-7 {
			t.Skip("too close to call")
		}
		step := ix.Next(free(24, Seen{Failed: k}))
		if (step.Move == GoOn) != (gain > 0) {
			t.Fatalf("after %d failures: %v, but m·(V-U)-c is %g", k, step, gain)
		}
		if step.Move == GoOn {
			near(t, "gain", step.Gain, gain, 1e-7)
		}
	})
}

// Where an answer is due anyway and only cost counts, one goes on while
// m_k > c/C.
func TestOnlyCostCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		difficulty, cost, strong := betas(t, "difficulty"), money(t, "cost"), money(t, "strong")
		ix := newIndex(t, IndexConfig{
			Belief: believe(t, Models{Difficulty: difficulty, Strong: drawSkill(t, "strong")}, Tests{}),
			Rungs:  []Rung{{Cost: cost}}, Strong: strong,
		})
		k := rapid.IntRange(0, 20).Draw(t, "k")
		m := difficulty.A / (difficulty.A + difficulty.B + float64(k))
		if difficulty.Miss(k) < 1e-6 || math.Abs(m-cost/strong) < 1e-6 {
			t.Skip("too close to call")
		}
		step := ix.Next(free(24, Seen{Failed: k}))
		if want := m > cost/strong; (step.Move == GoOn) != want || !want && step.Move != Escalate {
			t.Fatalf("after %d failures: %v, but m is %g and c/C %g", k, step, m, cost/strong)
		}
	})
}

func TestNextStaysWithinTheLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rungs := rapid.IntRange(1, 3).Draw(t, "rungs")
		c, s := drawConfig(t, rungs, false), drawState(t, rungs)
		c.StrongTries, s.Strong = rapid.IntRange(0, mostStrongs).Draw(t, "strong tries"), rapid.IntRange(0, mostStrongs+1).Draw(t, "strong failed")
		ix := newIndex(t, c)
		step := ix.Next(s)
		if again := newIndex(t, c).Next(s); again != step {
			t.Fatalf("the same state gave %+v and %+v", step, again)
		}
		trimmed := s
		trimmed.Seen = s.Seen[:min(len(s.Seen), s.Rung+1)]
		if other := ix.Next(trimmed); other != step {
			t.Fatalf("with what was seen of later rungs %+v, without it %+v", step, other)
		}
		for _, x := range []float64{step.Pass, step.Precision, step.Right} {
			if !(x >= 0 && x <= 1+1e-6) {
				t.Fatalf("not a chance: %+v", step)
			}
		}
		strong, open := 0.0, s.Budget >= c.Strong && s.Strong < max(c.StrongTries, 1)
		if open {
			strong = c.Strong
		}
		most, seen := ix.rungs[s.Rung].MaxSamples, s.seen(s.Rung)
		switch step.Move {
		case GoOn:
			cost := float64(step.N) * c.Rungs[s.Rung].Cost
			if step.N < 1 || step.N > s.Samples || step.N > most-seen.Failed-seen.Refused || s.Time < 1 || cost+strong > s.Budget*(1+1e-12) {
				t.Fatalf("%+v of %+v at a limit of %d", step, s, most)
			}
		case Climb:
			if s.Rung == rungs-1 || s.Samples == 0 || s.Time < 1 || c.Rungs[s.Rung+1].Cost+strong > s.Budget*(1+1e-12) {
				t.Fatalf("%+v of %+v", step, s)
			}
		case Escalate:
			if !open {
				t.Fatalf("%+v costs %g of %g, after %d of %d tries", step, c.Strong, s.Budget, s.Strong, c.StrongTries)
			}
		case Take:
			if s.seen(s.Rung).Refused == 0 {
				t.Fatalf("%+v of nothing", step)
			}
		case GiveUp: // what the strong model answered is an answer, though it failed
			if open && ix.mustAnswer() && (s.Strong == 0 || ix.play == nil) {
				t.Fatalf("%+v though an answer is due", step)
			}
		default:
			t.Fatalf("no move: %+v", step)
		}
		if step.Move != GoOn && step.N != 0 {
			t.Fatalf("%+v", step)
		}
	})
}

func TestDearerSamplesNeverSearchLonger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rungs := rapid.IntRange(1, 2).Draw(t, "rungs")
		c := drawConfig(t, rungs, false)
		s := drawState(t, rungs)
		s.Budget = math.Inf(1)
		cheap := newIndex(t, c).Next(s)
		c.Rungs[s.Rung].Cost *= 1 + rapid.Float64Range(0, 20).Draw(t, "dearer")
		if dear := newIndex(t, c).Next(s); dear.N > cheap.N {
			t.Fatalf("%+v at the dearer price, %+v at the cheaper", dear, cheap)
		}
	})
}

// What the index lets be drawn on its last rung, it also takes: else the sample
// would be bought for nothing.
func TestWhatIsDrawnIsTaken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawConfig(t, 1, false)
		c.Rule.MustAnswer = true // else a refused pass may still tell that escalating pays
		ix := newIndex(t, c)
		k := rapid.IntRange(0, 20).Draw(t, "k")
		step := ix.Next(free(24, Seen{Failed: k}))
		if step.Move != GoOn || step.Gain < 1e-9 {
			t.Skip("nothing is drawn")
		}
		if a := ix.Accept(free(24, Seen{Failed: k})); !a.Accept || a.Precision < a.Need-1e-9 {
			t.Fatalf("%+v, but a pass is %+v", step, a)
		}
	})
}

func TestAcceptIsTheRuleOfTheStake(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawConfig(t, 1, false)
		ix := newIndex(t, c)
		s := free(24, Seen{Failed: rapid.IntRange(0, 20).Draw(t, "k")})
		a := ix.Accept(s)
		if math.Abs(a.Precision-a.Need) < 1e-9 || c.Rule.ValueOfCorrect+c.Rule.LossOfWrong == 0 {
			t.Skip("too close to call, or nothing at stake")
		}
		if a.Accept != (a.Precision > a.Need) {
			t.Fatalf("%+v", a)
		}
		c.Rule.MinQuality = 1
		if strict := newIndex(t, c).Accept(s); strict.Accept && !a.Accept {
			t.Fatalf("a higher floor took what a lower one refused: %+v, %+v", strict, a)
		}
	})
}
