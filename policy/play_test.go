package policy

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// tiny is a world of few problems under tests that tell right from wrong, in which
// every way of going on can be tried out.
type tiny struct {
	small, strong []float64 // chances, by problem
	sample, call  float64   // dollars
	rule          Rule
	tries         int
}

// best is the most that any play earns from here on: weights are the problems'
// chances times that of what was seen.
func (w tiny) best(weights []float64, failed bool, tries, samples int) float64 {
	worth := 0.0
	if !failed && tries > 0 && w.rule.MustAnswer {
		worth = math.Inf(-1)
	}
	over := func(chances []float64, cost float64, failed bool, tries, samples int) {
		rest, earned := make([]float64, len(weights)), 0.0
		for i, p := range weights {
			earned += p * (chances[i]*w.rule.ValueOfCorrect - cost)
			rest[i] = p * (1 - chances[i])
		}
		worth = max(worth, earned+w.best(rest, failed, tries, samples))
	}
	if samples > 0 {
		over(w.small, w.sample, failed, tries, samples-1)
	}
	if tries > 0 {
		over(w.strong, w.call, true, tries-1, samples)
	}
	return worth
}

// No play earns more than the index's, also where it goes on after the strong model
// has failed; and from there it follows what is best with what is left.
func TestPlayIsTheBestThereIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		chance := rapid.SampledFrom([]float64{0, .03, .2, .5, .9, 1})
		const depth = 4
		w := tiny{sample: money(t, "sample"), call: money(t, "call"), tries: rapid.IntRange(1, mostStrongs).Draw(t, "tries"),
			rule: Rule{ValueOfCorrect: money(t, "value"), MustAnswer: rapid.Bool().Draw(t, "must answer")}}
		models := Models{Depth: depth, Rungs: []Tries{{}}}
		weights := []float64{}
		for range rapid.IntRange(1, 4).Draw(t, "problems") {
			w.small, w.strong = append(w.small, chance.Draw(t, "small")), append(w.strong, chance.Draw(t, "strong"))
		}
		for i, p := range w.small {
			models.Points = append(models.Points, Point{p, 1})
			models.Strongs = append(models.Strongs, w.strong[i])
			weights = append(weights, 1/float64(len(w.small)))
		}
		ix := newIndex(t, IndexConfig{Belief: believe(t, models, Tests{}), Rule: w.rule, Rungs: []Rung{{w.sample, depth}}, Strong: w.call, StrongTries: w.tries})
		scale := w.rule.ValueOfCorrect + w.call + w.sample
		near(t, "worth", ix.play.worth[0][0][0]/scale, w.best(weights, false, w.tries, depth)/scale, 1e-6)

		// From a state on the way, its move is worth what the best one is, with the
		// strong model's further answers paid for or not.
		failed, answers := rapid.IntRange(0, depth-1).Draw(t, "failed"), rapid.IntRange(1, w.tries).Draw(t, "answers")
		all := 0.0
		for i := range weights {
			weights[i] *= power(1-w.small[i], failed) * power(1-w.strong[i], answers)
			all += weights[i]
		}
		if all < 1e-6 {
			t.Skip("such evidence is as good as impossible")
		}
		s := free(depth-failed, Seen{Failed: failed})
		s.Strong = answers
		tries := w.tries - answers
		if rapid.Bool().Draw(t, "short of money") && w.call > float64(depth)*w.sample {
			s.Budget, tries = math.Nextafter(w.call, 0), 0
		}
		best := w.best(weights, true, tries, depth-failed) / all
		follow := func(of []float64, cost float64, tries, samples int) float64 {
			rest, earned := make([]float64, len(weights)), 0.0
			for i, p := range weights {
				earned += p * (of[i]*w.rule.ValueOfCorrect - cost)
				rest[i] = p * (1 - of[i])
			}
			return (earned + w.best(rest, true, tries, samples)) / all
		}
		got := 0.0
		switch step := ix.Next(s); step.Move {
		case GoOn:
			got = follow(w.small, w.sample, tries, depth-failed-1)
		case Escalate:
			got = follow(w.strong, w.call, tries-1, depth-failed)
		case GiveUp:
		default:
			t.Fatalf("no move after the strong model's failure: %v", step)
		}
		near(t, "worth of the move", got/scale, best/scale, 1e-6)
	})
}
