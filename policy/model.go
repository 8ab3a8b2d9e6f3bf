package policy

import (
	"fmt"
	"strings"
	"sync"
)

// Model is what was believed at one moment about models, tests and tokens. It
// knows no prices, is immutable, and is read by many goroutines.
type Model struct {
	learned *Learner
	version string
	derived *sync.Map // beliefKey -> func() *derived
}

// Model takes a picture of what was learned so far.
func (l *Learner) Model() *Model {
	return &Model{learned: l.Clone(), version: l.Version(), derived: new(sync.Map)}
}

// Version names the model: how many lessons it holds, and a digest of them all
// in their order.
func (m *Model) Version() string { return m.version }

// Lessons is how many were folded.
func (m *Model) Lessons() int { return m.learned.count }

// Tokens is what an answer of the model takes on requests of the class, false
// where that was not seen yet.
func (m *Model) Tokens(model string, class Class) (Tokens, bool) {
	t, ok := m.learned.tokens[tokenKey{model, class}]
	return t, ok
}

// beliefKey is what a belief is about.
type beliefKey struct {
	class  Class
	rungs  string // the models, cheap to dear
	strong ModelID
	depth  int
}

// derived is what follows for one class from what was learned: made when it is
// first asked for.
type derived struct {
	belief *Belief
	draws  []planDraw
	mean   planDraw // of the draws: worth is linear in it, whatever the prices
}

func (m *Model) derive(class Class, rungs []ModelID, strong ModelID, depth int) *derived {
	var names strings.Builder
	for _, r := range rungs {
		fmt.Fprintf(&names, "%q %q ", r.Name, r.Version)
	}
	key := beliefKey{class, names.String(), strong, depth}
	made, _ := m.derived.LoadOrStore(key, sync.OnceValue(func() *derived { return m.learned.derive(class, rungs, strong, depth) }))
	return made.(func() *derived)()
}

// Warm makes what was asked of an older model, so that no request waits for it.
func (m *Model) Warm(older *Model) {
	older.derived.Range(func(k, made any) bool {
		key := k.(beliefKey)
		var rungs []ModelID
		for rest := strings.NewReader(key.rungs); ; {
			var id ModelID
			if n, _ := fmt.Fscanf(rest, "%q %q ", &id.Name, &id.Version); n < 2 {
				break
			}
			rungs = append(rungs, id)
		}
		belief := m.derive(key.class, rungs, key.strong, key.depth).belief
		if made.(func() *derived)().belief.comparing.Load() {
			belief.compared()
		}
		return true
	})
}

// derive makes the belief of a class.
func (l *Learner) derive(class Class, rungs []ModelID, strong ModelID, depth int) *derived {
	small := smallKey{rungs[0], class}
	theta := l.difficulty(small)
	models := Models{Depth: depth, Strong: l.skillOf(otherKey{rungs[0].Name, strong, class})}
	for k, node := range difficulties().nodes {
		if theta[k] > 1e-9 {
			models.Points = append(models.Points, Point{node, theta[k]})
		}
	}
	for i, r := range rungs {
		tries := Tries{}
		if i > 0 {
			tries.Skill = l.skillOf(otherKey{rungs[0].Name, r, class})
		}
		models.Rungs = append(models.Rungs, tries)
	}
	belief, err := NewBelief(models, l.testsOf(class.Strength))
	if err != nil {
		panic(err) // the grids hold nothing that a belief refuses
	}
	belief.summed()
	draws := l.drawPlans(small, otherKey{rungs[0].Name, strong, class}, depth)
	return &derived{belief, draws, average(draws)}
}

// skillOf is one skill that stands for all that are thought possible: its chances
// at both ends and its curve are their means.
func (l *Learner) skillOf(key otherKey) Skill {
	grid := skills()
	var s Skill
	for i, w := range l.skill(key) {
		c := grid.skills[i]
		s.Hard, s.Easy, s.Curve = s.Hard+w*c.Hard, s.Easy+w*c.Easy, s.Curve+w*c.Curve
	}
	s.Spread = grid.spread(sum(scaled(make([]float64, len(spreads)), l.others[key].spread, 1), parent(l.siblings(key)).spread))
	return s
}

// testsOf is what is believed of tests of a strength.
func (l *Learner) testsOf(strength int) Tests {
	var t Tests
	t.FalseFail, t.Broken = l.rights[strength].rates(strength)
	for _, a := range l.escapeOf(strength) {
		t.Points = append(t.Points, Point{a.value, a.weight})
	}
	return t
}
