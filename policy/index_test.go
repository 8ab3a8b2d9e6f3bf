package policy

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNextSaysWhatEndedTheSearch(t *testing.T) {
	belief := believe(t, Models{}, TestsOf(500))
	plenty := State{Samples: 64, Budget: 1, Time: 2}
	with := func(change func(*State)) State {
		s := plenty
		change(&s)
		return s
	}
	worthless := Rule{ValueOfCorrect: 1e-4}
	for name, tt := range map[string]struct {
		rule   Rule
		strong float64
		max    int
		state  State
		move   Move
		why    Why
		n      int
	}{
		"probe":                     {Rule{}, 3e-3, 0, plenty, GoOn, WhyPays, 1},
		"second batch":              {Rule{}, 3e-3, 0, with(func(s *State) { s.Seen = []Seen{{Failed: 1}} }), GoOn, WhyPays, 2},
		"batch cut to what is left": {Rule{}, 3e-3, 0, with(func(s *State) { s.Seen = []Seen{{Failed: 7}}; s.Samples = 3 }), GoOn, WhyPays, 3},
		"batch cut to the money":    {Rule{}, 3e-3, 0, with(func(s *State) { s.Seen = []Seen{{Failed: 7}}; s.Budget = 3e-3 + 2.5*3e-5 }), GoOn, WhyPays, 2},
		"no samples in the request": {Rule{}, 3e-3, 0, with(func(s *State) { s.Samples = 0 }), Escalate, WhySamples, 0},
		"no samples on the rung":    {Rule{}, 3e-3, 16, with(func(s *State) { s.Seen = []Seen{{Failed: 15, Refused: 1}} }), Escalate, WhySamples, 0},
		"money for escalation only": {Rule{}, 3e-3, 0, with(func(s *State) { s.Budget = 3e-3 }), Escalate, WhyBudget, 0},
		"money for samples only":    {Rule{}, 3e-3, 0, with(func(s *State) { s.Budget = 1e-3 }), GoOn, WhyPays, 1},
		"no money":                  {Rule{}, 3e-3, 0, with(func(s *State) { s.Budget = 0 }), GiveUp, WhyBudget, 0},
		"no time":                   {Rule{}, 3e-3, 0, with(func(s *State) { s.Time = .99 }), Escalate, WhyDeadline, 0},
		"nothing known of the time": {Rule{}, 3e-3, 0, with(func(s *State) { s.Time = math.NaN() }), Escalate, WhyDeadline, 0},
		"no strong model":           {Rule{ValueOfCorrect: .05}, 0, 1, with(func(s *State) { s.Seen = []Seen{{Failed: 1}} }), GiveUp, WhySamples, 0},
		"hopeless":                  {worthless, 3e-3, 0, with(func(s *State) { s.Seen = []Seen{{Failed: 7}} }), GiveUp, WhyDear, 0},
		"hopeless, but due":         {Rule{ValueOfCorrect: 1e-4, MustAnswer: true}, 1e-4, 0, with(func(s *State) { s.Seen = []Seen{{Failed: 31}} }), Escalate, WhyDear, 0},
		"zero state":                {Rule{}, 3e-3, 0, State{}, GiveUp, WhyDeadline, 0},
	} {
		ix := newIndex(t, IndexConfig{Belief: belief, Rule: tt.rule, Rungs: []Rung{{3e-5, tt.max}}, Strong: tt.strong})
		if got := ix.Next(tt.state); got.Move != tt.move || got.Why != tt.why || got.N != tt.n {
			t.Errorf("%s: got %v %v %d, want %v %v %d", name, got.Move, got.Why, got.N, tt.move, tt.why, tt.n)
		}
	}
}

func TestAcceptRefusesLatePassesOfWeakTests(t *testing.T) {
	rule := Rule{ValueOfCorrect: .05, LossOfWrong: .05, MinQuality: .9}
	for name, tt := range map[string]struct {
		rule   Rule
		tests  int
		strong float64
		failed int
		want   bool
	}{
		"first pass, strong tests":              {rule, 500, 3e-3, 0, true},
		"perfect tests, perfect floor":          {Rule{ValueOfCorrect: .05, MinQuality: 1}, 0, 3e-3, 30, true},
		"late pass, strong tests":               {rule, 500, 3e-3, 40, false},
		"first pass, weak tests":                {rule, 5, 3e-3, 0, false},
		"late pass, only cost counts":           {Rule{}, 5, 3e-3, 40, true},
		"late pass, the strong model too dear":  {Rule{ValueOfCorrect: .05, LossOfWrong: .005}, 20, .04, 3, true},
		"late pass, nothing better, no floor":   {Rule{ValueOfCorrect: .05}, 5, 0, 10, true},
		"late pass, nothing better, but wrong":  {Rule{ValueOfCorrect: .05, LossOfWrong: .05}, 5, 0, 10, false},
		"late pass, nothing better, but floor":  {Rule{ValueOfCorrect: .05, MinQuality: .9}, 5, 0, 10, false},
		"first pass, nothing open, but floor":   {Rule{ValueOfCorrect: .05, MinQuality: .999}, 500, 0, 0, false},
		"first pass, a floor above all reaches": {Rule{ValueOfCorrect: .05, MinQuality: 1}, 500, .04, 0, true}, // the strong model does no better
	} {
		tests := TestsOf(tt.tests)
		if tt.tests == 0 {
			tests = Tests{}
		}
		ix := newIndex(t, IndexConfig{Belief: believe(t, Models{}, tests), Rule: tt.rule, Rungs: []Rung{{Cost: 3e-5}}, Strong: tt.strong})
		if got := ix.Accept(free(10, Seen{Failed: tt.failed})); got.Accept != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// After k failures, the chance that the tests are broken is w/(w + (1-w)·S(k)).
func TestFailuresSpeakForBrokenTests(t *testing.T) {
	const share = .02
	b := believe(t, Models{}, Tests{Broken: share})
	ix := newIndex(t, IndexConfig{Belief: b, Rungs: []Rung{{}}, Strong: 1})
	for _, k := range []int{0, 1, 8, 41, 64} {
		broken := share / (share + (1-share)*Llama8B.Miss(k))
		sound := Llama8B.A / (Llama8B.A + Llama8B.B + float64(k))
		near(t, "a sample passes", ix.Next(free(1, Seen{Failed: k})).Pass, (1-broken)*sound, 1e-9)
	}
}

func TestFirstTryIsOfItsOwnKind(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first, others := betas(t, "first"), betas(t, "others")
		b := believe(t, Models{Difficulty: others, Rungs: []Tries{{First: first}}}, Tests{})
		ix := newIndex(t, IndexConfig{Belief: b, Rungs: []Rung{{}}, Strong: 1})
		near(t, "first try", ix.Next(free(9)).Pass, first.Mean(), 1e-6)
		// The order of problems is the same: where the first try is likelier
		// right, the others are.
		last := 0.0
		for i, n := range b.rungs[0].nodes {
			if n.firstHit < last-1e-12 {
				t.Fatalf("node %d: %g after %g", i, n.firstHit, last)
			}
			last = n.firstHit
		}
	})
}

func TestConstructorsReportEveryFault(t *testing.T) {
	nan := math.NaN()
	_, err := NewBelief(Models{
		Difficulty: Beta{-1, 1},
		Rungs:      []Tries{{Skill: Skill{Hard: .9, Easy: .1}, First: Beta{nan, 1}}, {Skill: Skill{Hard: 2, Curve: -1, Spread: nan}}},
		Strong:     Skill{Easy: math.Inf(1)},
		Depth:      -1,
	}, Tests{FalsePass: Beta{0, 1}, FalseFail: 1, Broken: -.1})
	wantFaults(t, err, "difficulty", "rungs[0].skill.easy", "rungs[0].first", "rungs[1].skill.hard", "rungs[1].skill.curve",
		"rungs[1].skill.spread", "rungs[1].skill.easy", "strong.easy", "depth", "tests.false_pass", "tests.false_fail", "tests.broken")
	_, err = NewBelief(Models{}, Tests{})
	wantFaults(t, err, "rungs")

	_, err = NewIndex(IndexConfig{})
	wantFaults(t, err, "value_of_correct", "belief")
	_, err = NewIndex(IndexConfig{
		Belief: believe(t, Models{Depth: 8}, Tests{}),
		Rule:   Rule{ValueOfCorrect: -1, LossOfWrong: nan, MinQuality: 1.1},
		Rungs:  []Rung{{-1, 9}, {0, -1}},
		Strong: math.Inf(1),
	})
	wantFaults(t, err, "value_of_correct", "loss_of_wrong", "min_quality", "strong", "rungs",
		"rungs[0].cost", "rungs[0].max_samples", "rungs[1].max_samples")
}

// wantFaults compares the paths that the lines of err name.
func wantFaults(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no fault, want %q", want)
		return
	}
	var got []string
	for line := range strings.Lines(err.Error()) {
		got = append(got, strings.Split(line, ": ")[1])
	}
	if !slices.Equal(got, want) {
		t.Errorf("faults at %q, want %q", got, want)
	}
}
