package policy

import (
	"cmp"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

const (
	difficultyNodes = 21 // the chance of no pass in n tries is exact up to n = 41, within 1e-6 up to 100
	falsePassNodes  = 5  // odds and precision are within 1 % up to 32 failures, under the weakest tests too
	defaultDepth    = 64
	maxDepth        = 1024
)

// Models says what is believed of the models of a search.
type Models struct {
	Difficulty Beta      // of the problems: the chance θ that a sample of the reference model is right; zero: Llama8B
	Points     []Point   // the same as a distribution of any shape, in place of Difficulty
	Rungs      []Tries   // cheap to dear, at least one
	Strong     Skill     // of the model that a failed search escalates to
	Strongs    []float64 // the same as its chance at each of Points, in place of Strong
	Depth      int       // most samples that any rung will be asked for; 0: 64
}

// Point is a value of a distribution with its weight.
type Point struct{ Value, Weight float64 }

// Tries says what is believed of the samples of one rung.
type Tries struct {
	Skill Skill // of every try but the first
	First Beta  // of the first try, drawn at a low temperature, with the same order of problems; zero: as the others
}

// Validate reports every fault.
func (m Models) Validate(fault func(path, format string, args ...any)) {
	if m.Difficulty != (Beta{}) {
		m.Difficulty.check("difficulty", fault)
	}
	for i, p := range m.Points {
		if !(p.Value >= 0 && p.Value <= 1 && amount(p.Weight)) {
			fault(fmt.Sprintf("points[%d]", i), "must be a chance with a weight, got %g with %g", p.Value, p.Weight)
		}
	}
	if m.Strongs != nil && len(m.Strongs) != len(m.Points) {
		fault("strongs", "must be one for each of points, got %d for %d", len(m.Strongs), len(m.Points))
	}
	for i, p := range m.Strongs {
		if !(p >= 0 && p <= 1) {
			fault(fmt.Sprintf("strongs[%d]", i), "must be a chance, got %g", p)
		}
	}
	if len(m.Rungs) == 0 {
		fault("rungs", "must hold at least one")
	}
	for i, r := range m.Rungs {
		path := fmt.Sprintf("rungs[%d]", i)
		r.Skill.check(path+".skill", fault)
		if r.First != (Beta{}) {
			r.First.check(path+".first", fault)
		}
	}
	m.Strong.check("strong", fault)
	if m.Depth < 0 || m.Depth > maxDepth {
		fault("depth", "must lie between 0 and %d, got %d", maxDepth, m.Depth)
	}
}

// Belief is the joint distribution, over one class of problems, of their
// difficulty, of the models' skills and of what the tests let through: a grid of
// cells, each a difficulty and a chance of a false pass, with every model's
// skill spread within the cell. It is immutable, knows no prices, and serves
// every request of its class.
type Belief struct {
	depth  int
	weight []float64 // of the cells, summing to 1
	strong []float64 // chance that the strong model is right
	fooled []float64 // chance that it is wrong and passes all the same
	rungs  []tries

	strongs []node // skills that the strong model may have in the cells
	// Of a search with one rung, whose passes are counted or compared; made when
	// first asked for.
	summed, compared func() *evidence
	comparing        atomic.Bool // compared was made
}

// NewBelief lays out the grid for models whose answers tests judge.
func NewBelief(models Models, tests Tests) (*Belief, error) {
	var faults []error
	fault := func(path, format string, args ...any) {
		faults = append(faults, fmt.Errorf("belief: %s: %s", path, fmt.Sprintf(format, args...)))
	}
	models.Validate(fault)
	tests.check("tests", fault)
	if faults != nil {
		return nil, errors.Join(faults...)
	}
	b := &Belief{depth: cmp.Or(models.Depth, defaultDepth)}
	difficulty := atoms(models.Points)
	if difficulty == nil {
		difficulty = cmp.Or(models.Difficulty, Llama8B).discretise(difficultyNodes)
	}
	cells := grid(difficulty, tests)
	for at, c := range cells {
		strong := models.Strong.spread(c.theta)
		right := models.Strong.Chance(c.theta)
		if models.Strongs != nil {
			right = models.Strongs[c.difficulty]
			strong = []atom{{right, 1}}
		}
		b.weight = append(b.weight, c.weight)
		b.strong = append(b.strong, right)
		b.fooled = append(b.fooled, (1-right)*c.falsePass)
		for _, skill := range strong {
			n := node{cell: at, weight: skill.weight, chance: skill.value}
			if !c.broken {
				n.hit = skill.value * (1 - tests.FalseFail)
				n.pass = n.hit + (1-skill.value)*c.falsePass
			}
			b.strongs = append(b.strongs, n)
		}
	}
	for _, r := range models.Rungs {
		b.rungs = append(b.rungs, newTries(r, difficulty, cells, tests.FalseFail, b.depth))
	}
	b.summed = sync.OnceValue(func() *evidence { return b.gather(counted()) })
	b.compared = sync.OnceValue(func() *evidence { b.comparing.Store(true); return b.gather(compared()) })
	return b, nil
}

// atoms is a distribution of any shape, its weights made to sum to 1.
func atoms(points []Point) []atom {
	total := 0.0
	for _, p := range points {
		total += p.Weight
	}
	if !(total > 0) {
		return nil
	}
	all := make([]atom, len(points))
	for i, p := range points {
		all[i] = atom{p.Value, p.Weight / total}
	}
	return all
}

// cell is a point of the grid.
type cell struct {
	difficulty int // index of theta
	theta      float64
	falsePass  float64
	broken     bool // no answer passes
	weight     float64
}

// grid crosses difficulty with false passes, and adds the broken suites.
func grid(difficulty []atom, tests Tests) []cell {
	falsePass := []atom{{0, 1}}
	if tests.Points != nil {
		falsePass = atoms(tests.Points)
	} else if tests.FalsePass != (Beta{}) {
		falsePass = tests.FalsePass.discretise(falsePassNodes)
	}
	var cells []cell
	for i, d := range difficulty {
		for _, f := range falsePass {
			cells = append(cells, cell{i, d.value, f.value, false, d.weight * f.weight * (1 - tests.Broken)})
		}
		if tests.Broken > 0 {
			cells = append(cells, cell{i, d.value, 0, true, d.weight * tests.Broken})
		}
	}
	return cells
}
