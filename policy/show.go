package policy

import "slices"

// Interval is a mean with the middle 90 % of what is thought possible.
type Interval struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Believed is what is believed of one model on one class of requests.
type Believed struct {
	Model   ModelID  `json:"model"`
	Small   string   `json:"told_by,omitempty"` // the model whose failures tell the difficulty; "" for that one itself
	Class   Class    `json:"class"`
	Lessons float64  `json:"lessons"` // those forgotten taken off
	Right   Interval `json:"right"`   // share of problems that one answer solves
	Hard    Interval `json:"right_where_the_small_one_never_is,omitzero"`
	Resets  int      `json:"resets,omitempty"` // how often drift sent it back to its parent
}

// BelievedTests is what is believed of tests of one strength.
type BelievedTests struct {
	Strength  int      `json:"strength"`
	From      int      `json:"from_checks"`
	Lessons   float64  `json:"lessons"`
	FalsePass Interval `json:"false_pass"` // chance that a wrong answer passes
	FalseFail float64  `json:"false_fail"` // chance that a right one fails
	Broken    float64  `json:"broken"`     // share of suites that no answer passes
	Rights    float64  `json:"rights"`     // problems of which a right answer was known, those forgotten taken off
}

// Beliefs lists all that was learned, in one order.
func (m *Model) Beliefs() (models []Believed, tests []BelievedTests) {
	l := m.learned
	for _, key := range sorted(l.small, smallKey.compare) {
		g := l.small[key]
		shapes := difficulties().shapes
		models = append(models, Believed{Model: key.model, Class: key.class, Lessons: g.n, Resets: g.resets,
			Right: spreadOf(l.shapes(key), func(i int) float64 { return shapes[i].Mean() })})
	}
	for _, key := range sorted(l.others, otherKey.compare) {
		g, grid := l.others[key], skills()
		weights := l.skill(key)
		theta := difficulties().chances(normalise(difficulties().prior))
		for _, s := range sorted(l.small, smallKey.compare) {
			if s.model.Name == key.small && s.class == key.class {
				theta = l.difficulty(s)
				break
			}
		}
		models = append(models, Believed{Model: key.model, Small: key.small, Class: key.class, Lessons: g.n,
			Right: spreadOf(weights, func(i int) float64 { return dot(theta, grid.chance[i]) }),
			Hard:  spreadOf(weights, func(i int) float64 { return grid.skills[i].Hard })})
	}
	for i, g := range l.tests {
		s := escapes[i]()
		b := BelievedTests{Strength: i, From: weakest[i], Lessons: g.n, Rights: l.rights[i].Sound + l.rights[i].Broken,
			FalsePass: spreadOf(normalise(sum(s.prior, g.log)), func(i int) float64 { return s.shapes[i].Mean() })}
		b.FalseFail, b.Broken = l.rights[i].rates(i)
		tests = append(tests, b)
	}
	return models, tests
}

// spreadOf is the distribution of a value over weights.
func spreadOf(weights []float64, value func(i int) float64) Interval {
	points := make([]atom, len(weights))
	var v Interval
	for i, w := range weights {
		points[i] = atom{value(i), w}
		v.Mean += w * points[i].value
	}
	slices.SortFunc(points, func(a, b atom) int {
		switch {
		case a.value < b.value:
			return -1
		case a.value > b.value:
			return 1
		}
		return 0
	})
	below := 0.0
	for _, p := range points {
		if below < .05 {
			v.Low = p.value
		}
		if below < .95 {
			v.High = p.value
		}
		below += p.weight
	}
	return v
}
