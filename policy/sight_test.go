package policy

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// What a sight may become next is all that may happen, no sight is likelier right
// than seen, and comparing passes changes nothing about how many there are.
func TestSightsAreADistribution(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawBelief(t, 1, false)
		for name, e := range map[string]*evidence{"counted": b.summed(), "compared": b.compared()} {
			for j := range e.seen {
				for at, joins := range e.joins {
					for f := range e.depth {
						seen, next := e.seen[j][at][f], e.seen[j][at][f+1]
						for _, to := range joins {
							next += e.seen[j][to][f]
						}
						if len(joins) > 0 && math.Abs(seen-next) > 1e-9 {
							t.Fatalf("%s %v after %d failures and %d of the strong model: %g, and then %g", name, e.sizes[at], f, j, seen, next)
						}
						if e.held[j][at][f] > seen+1e-12 {
							t.Fatalf("%s %v: right with %g of %g", name, e.sizes[at], e.held[j][at][f], seen)
						}
					}
				}
			}
		}
		known, told := b.summed(), b.compared()
		ways := make([]float64, len(told.sizes)) // in which passes come to look so
		ways[0] = 1
		sum := make([]float64, mostPasses+1)
		for at, joins := range told.joins {
			sum[total(told.sizes[at])] += ways[at] * told.seen[0][at][3]
			for _, to := range joins {
				ways[to] += ways[at]
			}
		}
		for n := range sum {
			near(t, fmt.Sprintf("chance of %d passes", n), sum[n], known.seen[0][n][3], 1e-9)
		}
	})
}

func TestPassesThatBehaveAlikeConfirmEachOther(t *testing.T) {
	ix := newIndex(t, IndexConfig{Belief: believe(t, Models{}, always(.15)), Rule: Rule{ValueOfCorrect: .01, LossOfWrong: .03, MustAnswer: true},
		Rungs: []Rung{{Cost: 4e-5}}, Strong: 4.5e-3, StrongTries: 1, Compared: true})
	state := func(failed, alike int, groups ...int) State {
		s := free(64-failed-total(groups), Seen{Failed: failed, Refused: total(groups)})
		s.Groups, s.Alike = groups, alike
		return s
	}
	precision := func(failed, alike int, groups ...int) float64 {
		return ix.Accept(state(failed, alike, groups...)).Precision
	}
	if together, apart := precision(4, 2, 2), precision(4, 0, 1, 1); together < apart+.2 {
		t.Errorf("three alike are right with %.2f, three apart with %.2f", together, apart)
	}
	if early, late := precision(0, 1, 1), precision(12, 1, 1); early < late+.1 {
		t.Errorf("two early ones are right with %.2f, two late ones with %.2f", early, late)
	}
	if a := ix.Accept(state(1, 2, 2, 1)); !a.Accept && a.Precision > .99 {
		t.Error(a)
	}
	// A pass that is like no other is not handed out where others agree.
	if a := ix.Accept(state(0, 0, 5)); a.Accept {
		t.Errorf("five agree and a sixth does not: %v", a)
	}
	// More passes than are told apart change nothing.
	if a := ix.Accept(state(0, 20, 20, 3)); !a.Accept {
		t.Error(a)
	}
}

// At the end of the samples, the pass in hand is taken where it is worth more than
// the strong model, and not given up.
func TestThePassInHandIsTakenAtTheEnd(t *testing.T) {
	config := IndexConfig{Belief: believe(t, Models{}, always(.15)), Rule: Rule{ValueOfCorrect: .01, LossOfWrong: .03, MustAnswer: true},
		Rungs: []Rung{{Cost: 4e-5}}, Strong: 4.5e-3, StrongTries: 1}
	for name, tt := range map[string]struct {
		compared       bool
		failed, passed int
		samples        int
		budget, time   float64
		want           Move
	}{
		"samples gone":                         {false, 0, 2, 0, math.Inf(1), 9, Take},
		"time gone":                            {false, 0, 2, 9, math.Inf(1), .5, Take},
		"compared":                             {true, 0, 2, 0, math.Inf(1), 9, Take},
		"late and alone":                       {true, 12, 1, 0, math.Inf(1), 9, Escalate},
		"late and alone, and no money for it":  {true, 12, 1, 0, 1e-3, 9, GiveUp},
		"early, and no money for anything":     {false, 0, 2, 9, 0, 9, Take},
		"more to draw, which is worth its due": {false, 0, 1, 9, math.Inf(1), 9, GoOn},
	} {
		config.Compared = tt.compared
		s := State{Seen: []Seen{{Failed: tt.failed, Refused: tt.passed}}, Groups: []int{tt.passed}, Samples: tt.samples, Budget: tt.budget, Time: tt.time}
		if step := newIndex(t, config).Next(s); step.Move != tt.want {
			t.Errorf("%s: %v", name, step)
		}
	}
}
