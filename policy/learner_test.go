package policy

import (
	"testing"

	"pgregory.net/rapid"
)

func TestBeliefsAreDistributions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := learn(drawLessons(t))
		class := Features{Language: "python", Tests: 3}.Class()
		small := smallKey{ModelID{"small", "1"}, class}
		for name, weights := range map[string][]float64{
			"shapes": l.shapes(small), "difficulty": l.difficulty(small), "skill": l.skill(otherKey{"small", ModelID{"strong", "1"}, class}),
		} {
			total := 0.0
			for _, w := range weights {
				if !(w >= -1e-15) {
					t.Fatalf("%s: weight %g", name, w)
				}
				total += w
			}
			near(t, name, total, 1, 1e-6)
		}
	})
}

// hundred is a lesson a hundred times.
func hundred(l *Learner, lesson Lesson) {
	for range 100 {
		l.Learn("x", lesson)
	}
}

func lessonOf(version string, v Verdicts) Lesson {
	return Lesson{Features: Features{Language: "python", Tests: 200}, Small: Trial{Model: ModelID{"small", version}, Verdicts: v}}
}

func (l *Learner) chance(version string) float64 {
	return dot(l.difficulty(smallKey{ModelID{"small", version}, Features{Language: "python", Tests: 200}.Class()}), difficulties().nodes)
}

// A new version has its parent's posterior, which counts for thirty requests: less
// than what was learned of the old one, more than nothing.
func TestNewVersionOfAModelFallsBackToItsParent(t *testing.T) {
	l := NewLearner()
	prior := l.chance("1")
	hundred(l, lessonOf("1", Verdicts{Failed: 1}))
	old, fresh := l.chance("1"), l.chance("2")
	if !(old < fresh-.01 && fresh < prior-.05) {
		t.Errorf("right with %.3f before anything, %.3f by what the old version showed, %.3f for the new one", prior, old, fresh)
	}
	hundred(l, lessonOf("2", Verdicts{Passed: 1}))
	if again := l.chance("2"); again < prior {
		t.Errorf("after a hundred passes the new version is right with %.3f, %.3f was the prior", again, prior)
	}
}

func TestUnjudgedTeachesNothing(t *testing.T) {
	l := NewLearner()
	before := l.chance("1")
	hundred(l, lessonOf("1", Verdicts{}))
	if after := l.chance("1"); after != before {
		t.Errorf("%g became %g", before, after)
	}
	if _, teaches := (Outcome{Way: "search"}).Lesson(nil); teaches {
		t.Error("an outcome without a plan taught")
	}
}

func (l *Learner) escape() float64 {
	mean := 0.0
	for _, a := range l.escapeOf(Features{Tests: 200}.strength()) {
		mean += a.weight * a.value
	}
	return mean
}

// What only passed says nothing of the tests; a known truth does.
func TestTestsAreLearnedFromTruthAlone(t *testing.T) {
	l := NewLearner()
	before := l.escape()
	hundred(l, lessonOf("1", Verdicts{Passed: 3, Failed: 1}))
	if after := l.escape(); after != before {
		t.Errorf("passes changed the tests' false passes from %g to %g", before, after)
	}
	late := lessonOf("1", Verdicts{WrongPassed: 1, WrongFailed: 3})
	late.Late = true
	chance := l.chance("1")
	hundred(l, late)
	if after := l.escape(); after < .15 || after > .3 {
		t.Errorf("one of four wrong answers passed, and the tests pass %.3f", after)
	}
	if l.chance("1") == chance {
		return
	}
	// What is believed of the tests changes what passes say, but the class gathers
	// no second lesson.
	if l.small[smallKey{ModelID{"small", "1"}, Features{Language: "python", Tests: 200}.Class()}].n > 100 {
		t.Error("feedback was counted as further samples")
	}
}

// A drift that no forgetting follows sends a class back to its parent.
func TestDriftIsNoticed(t *testing.T) {
	l := NewLearner()
	hundred(l, lessonOf("1", Verdicts{Passed: 1}))
	hundred(l, lessonOf("1", Verdicts{Failed: 1}))
	g := l.small[smallKey{ModelID{"small", "1"}, Features{Language: "python", Tests: 200}.Class()}]
	if g.resets == 0 {
		t.Error("a hundred failures after a hundred passes raised no alarm")
	}
	if c := l.chance("1"); c > .2 {
		t.Errorf("still right with %.3f", c)
	}
}

// The same model decides anew when prices change: nothing has to be learned.
func TestPricesChangeTheNextDecision(t *testing.T) {
	m := NewLearner().Model()
	q := askFor(Rule{ValueOfCorrect: .05, LossOfWrong: .05})
	q.Features.Tests = 200
	if d := m.Decide(q, .5); d.Plan.Samples == 0 {
		t.Fatalf("at a hundredth of the strong model's price: %s", d.Reason)
	}
	q.Sample = 3 * q.Escalate
	if d := m.Decide(q, .5); d.Plan.Samples != 0 {
		t.Errorf("at three times the strong model's price: %s", d.Reason)
	}
}

func TestExpectedWorthFallsWithPrices(t *testing.T) {
	m := NewLearner().Model()
	rapid.Check(t, func(t *rapid.T) {
		q := askFor(Rule{ValueOfCorrect: money(t, "V"), LossOfWrong: money(t, "L")})
		known := m.derive(q.Features.Class(), q.Rungs, q.Strong, q.Depth)
		cheap := q.arms(known)
		q.Sample *= 1 + rapid.Float64Range(0, 9).Draw(t, "dearer sample")
		q.Escalate *= 1 + rapid.Float64Range(0, 9).Draw(t, "dearer call")
		for i, a := range q.arms(known) {
			if a.mean > cheap[i].mean+1e-12 {
				t.Fatalf("%v is worth %g at the dearer prices, %g at the cheaper", a.plan, a.mean, cheap[i].mean)
			}
		}
	})
}

// A pass of weak tests is confirmed before it is taken, where another sample is
// cheap.
func TestWeakPassesAreConfirmed(t *testing.T) {
	ix := newIndex(t, IndexConfig{Belief: believe(t, Models{}, always(.25)), Rule: Rule{ValueOfCorrect: .05, LossOfWrong: .05},
		Rungs: []Rung{{Cost: 3e-5}}, Strong: 3e-3, StrongTries: 1})
	s := free(64, Seen{})
	if ix.Accept(s).Accept {
		t.Error("one pass was taken")
	}
	s.Seen[0].Refused = 1
	if step := ix.Next(s); step.Move != GoOn {
		t.Errorf("after one pass: %v", step)
	}
	s.Seen[0].Refused = 5
	if !ix.Accept(s).Accept {
		t.Error("six passes of six were not taken")
	}
}

// After the strong model's failure the search goes on where that pays, and does
// not ask it more often than it may.
func TestSearchGoesOnAfterTheStrongModel(t *testing.T) {
	ix := newIndex(t, IndexConfig{Belief: believe(t, Models{}, Tests{}), Rule: Rule{ValueOfCorrect: .05},
		Rungs: []Rung{{Cost: 3e-5}}, Strong: 3e-3, StrongTries: 2})
	s := free(64, Seen{})
	asked := 0
	for asked < 9 {
		step := ix.Next(s)
		if step.Move == GoOn {
			s.Seen[0].Failed += step.N
			s.Samples -= step.N
		} else if step.Move == Escalate {
			asked++
			s.Strong++
		} else {
			break
		}
	}
	if asked != 2 || s.Seen[0].Failed < 10 {
		t.Errorf("asked the strong model %d times after %d failures", asked, s.Seen[0].Failed)
	}
}
