package policy

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// ask is a request for a program, at the first host's prices.
func askFor(rule Rule) Request {
	return Request{
		Features: Features{Language: "python", Tests: 200, Prompt: 400}, Rule: rule,
		Rungs: []ModelID{{"small", "1"}}, Strong: ModelID{"strong", "1"}, Depth: 64,
		Sample: 2.66e-5, Escalate: 2.65e-3, Left: math.Inf(1), Explore: .02,
	}
}

func drawLessons(t *rapid.T) []Lesson {
	var lessons []Lesson
	for range rapid.IntRange(0, 6).Draw(t, "lessons") {
		v := func(name string) Verdicts {
			n := func(kind string) int { return rapid.IntRange(0, 6).Draw(t, name+kind) }
			return Verdicts{n("passed"), n("failed"), n("right passed"), 0, n("wrong passed"), n("wrong failed")}
		}
		lessons = append(lessons, Lesson{
			Features: Features{Language: rapid.SampledFrom([]string{"python", "go"}).Draw(t, "language"), Tests: rapid.SampledFrom([]int{3, 200}).Draw(t, "tests")},
			Small:    Trial{Model: ModelID{"small", rapid.SampledFrom([]string{"1", "2"}).Draw(t, "version")}, Verdicts: v("small ")},
			Others:   []Trial{{Model: ModelID{"strong", "1"}, Verdicts: v("strong ")}},
		})
	}
	return lessons
}

func learn(lessons []Lesson) *Learner {
	l := NewLearner()
	for i, lesson := range lessons {
		l.Learn(fmt.Sprint(i), lesson)
	}
	return l
}

func TestPropensitiesSumToOneAndReplay(t *testing.T) {
	var models, again []*Model
	for i := range 3 {
		of := []Lesson{lessonOf("1", Verdicts{Passed: i, Failed: 3 - i}), lessonOf("2", Verdicts{RightPassed: 1, WrongPassed: i})}
		models, again = append(models, learn(of).Model()), append(again, learn(of).Model())
	}
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(0, 2).Draw(t, "model")
		q := askFor(Rule{ValueOfCorrect: rapid.SampledFrom([]float64{0, .001, .05}).Draw(t, "V"), LossOfWrong: .05, MinQuality: rapid.SampledFrom([]float64{0, .9, 1}).Draw(t, "floor")})
		q.Left = rapid.SampledFrom([]float64{0, 1e-4, math.Inf(1)}).Draw(t, "left")
		draw := rapid.Float64Range(0, .999999).Draw(t, "plan")
		d, again := models[i].Decide(q, draw), again[i].Decide(q, draw)
		if d.Version != again.Version || fmt.Sprint(d.Chances, d.Plan, d.Reason) != fmt.Sprint(again.Chances, again.Plan, again.Reason) {
			t.Fatalf("the same lessons decided %v and %v", d, again)
		}
		if sure := models[i].Decide(q, 1); sure.Explores() {
			t.Fatalf("nothing was left to chance, and %v is not the best known plan", sure.Plan)
		}
		total, chosen := 0.0, 0.0
		for _, c := range d.Chances {
			total += c.Propensity
			if c.Plan == d.Plan {
				chosen = c.Propensity
			}
		}
		near(t, "propensities", total, 1, 1e-9)
		if !(chosen > 0) {
			t.Fatalf("%v was chosen with no chance: %v", d.Plan, d.Chances)
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	m := NewLearner().Model()
	q := askFor(Rule{ValueOfCorrect: .05, LossOfWrong: .05, MinQuality: .9})
	m.Decide(q, 0)
	b.ReportAllocs()
	for b.Loop() {
		m.Decide(q, .5)
	}
}

func BenchmarkDerive(b *testing.B) {
	l := NewLearner()
	for b.Loop() {
		l.derive(Class{}, []ModelID{{"small", "1"}}, ModelID{"strong", "1"}, 64)
	}
}

func BenchmarkLearn(b *testing.B) {
	l := NewLearner()
	lesson := Lesson{Small: Trial{Model: ModelID{"small", "1"}, Verdicts: Verdicts{Passed: 1, Failed: 2}}, Others: []Trial{{Model: ModelID{"strong", "1"}, Verdicts: Verdicts{Passed: 1}}}}
	for b.Loop() {
		l.Learn("x", lesson)
	}
}
