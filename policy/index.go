package policy

import (
	"errors"
	"fmt"
	"math"
	"sync"
)

// IndexConfig says what one search may draw on, and what that costs today.
type IndexConfig struct {
	Belief *Belief
	Rule   Rule
	Rungs  []Rung  // one for each of the belief's, in its order
	Strong float64 // dollars of a call to the strong model; 0: there is none
	// StrongTries is how often the strong model may be asked, where its answers
	// are tested and the search goes on after a failed one, with further samples
	// or by asking again; at most 3. 0: once, and whatever it says ends the search.
	StrongTries int
	// Compared says that programs which pass are compared by what they do at
	// further inputs, so that the state tells their groups; with StrongTries only.
	Compared bool
}

// Rung is the price and the limit of one rung.
type Rung struct {
	Cost       float64 // dollars of one sample, its tests included
	MaxSamples int     // 0: the belief's depth, which is also the most
}

// Validate reports every fault.
func (c IndexConfig) Validate(fault func(path, format string, args ...any)) {
	c.Rule.Validate(fault)
	if !amount(c.Strong) {
		fault("strong", "must be finite and not negative, got %g", c.Strong)
	}
	if c.StrongTries < 0 || c.StrongTries > mostStrongs {
		fault("strong_tries", "must lie between 0 and %d, got %d", mostStrongs, c.StrongTries)
	}
	if c.Strong == 0 && c.Rule.ValueOfCorrect == 0 {
		fault("value_of_correct", "must be positive where there is no strong model to compare with")
	}
	if c.Belief == nil {
		fault("belief", "is missing")
		return
	}
	if len(c.Rungs) != len(c.Belief.rungs) {
		fault("rungs", "must be %d as in the belief, got %d", len(c.Belief.rungs), len(c.Rungs))
	}
	for i, r := range c.Rungs {
		if !amount(r.Cost) {
			fault(fmt.Sprintf("rungs[%d].cost", i), "must be finite and not negative, got %g", r.Cost)
		}
		if r.MaxSamples < 0 || r.MaxSamples > c.Belief.depth {
			fault(fmt.Sprintf("rungs[%d].max_samples", i), "must lie between 0 and the belief's %d, got %d", c.Belief.depth, r.MaxSamples)
		}
	}
}

// Index is the stopping index of one search: what to do next, and whether to
// take a pass, from what the tests have said so far. It is immutable, pure and
// quick (a decision takes microseconds), and remembers nothing: everything that
// changes is in State.
type Index struct {
	belief *Belief
	rule   Rule
	rungs  []Rung
	strong float64
	tries  int       // of the strong model; 0: one, which ends the search
	escape []float64 // by cell: worth of the strong model's answer, its price taken off

	compared bool

	play   *play        // of a search with one rung whose strong model is tested; nil: one sample is looked ahead
	closed func() *play // the same where the strong model cannot be called
}

// NewIndex sets up the index of one search.
func NewIndex(config IndexConfig) (*Index, error) {
	var faults []error
	config.Validate(func(path, format string, args ...any) {
		faults = append(faults, fmt.Errorf("index: %s: %s", path, fmt.Sprintf(format, args...)))
	})
	if faults != nil {
		return nil, errors.Join(faults...)
	}
	ix := &Index{belief: config.Belief, rule: config.Rule, strong: config.Strong, tries: config.StrongTries, compared: config.Compared}
	for _, r := range config.Rungs {
		if r.MaxSamples == 0 {
			r.MaxSamples = ix.belief.depth
		}
		ix.rungs = append(ix.rungs, r)
	}
	ix.escape = make([]float64, len(ix.belief.weight))
	for c := range ix.escape {
		ix.escape[c] = ix.rule.worth(ix.belief.strong[c], ix.belief.fooled[c]) - ix.strong
	}
	if ix.tries > 0 && len(ix.rungs) == 1 && ix.belief.rungs[0].alike() {
		tries := ix.tries
		if ix.strong == 0 {
			tries = 0
		}
		summed := ix.belief.summed
		if ix.compared {
			summed = ix.belief.compared
		}
		ix.play = newPlay(ix, summed(), tries)
		ix.closed = sync.OnceValue(func() *play { return newPlay(ix, summed(), 0) })
	}
	return ix, nil
}

// playFor is the play that the state's money allows.
func (ix *Index) playFor(s State) *play {
	if ix.play != nil && ix.strong > 0 && !ix.affords(s) {
		return ix.closed()
	}
	return ix.play
}

// State is how a search stands after a batch. A sample that could not be judged
// is in no count but Samples, from which it was taken.
type State struct {
	Rung    int     // the present one, counted from 0; a search climbs and never goes back
	Seen    []Seen  // by rung, up to the present one; what is missing was not drawn from
	Groups  []int   // sizes of the groups of passes that were not accepted and behave alike, in any order; where they are compared
	Alike   int     // for Accept: the size of the group that the pass behaves as, without it; 0: it behaves as no other
	Strong  int     // answers of the strong model that failed the tests
	Samples int     // how many more the request may draw, over all rungs
	Budget  float64 // dollars that the request may still spend, the strong call included; +Inf: no limit
	Time    float64 // time left over what a batch and then the strong call may take (95 % quantiles); below 1 nothing more is drawn
}

// Seen is what the tests said of a rung's samples.
type Seen struct {
	Failed  int
	Refused int // passed, but not accepted
}

// left is how many samples the state leaves on a rung, and what limits them.
func (ix *Index) left(s State, rung int) (int, Why) {
	seen := s.seen(rung)
	n, why := ix.rungs[rung].MaxSamples-seen.Failed-seen.Refused, WhySamples
	n = min(n, s.Samples)
	if money := s.Budget; !math.IsInf(money, 1) {
		if ix.open(s) {
			money -= ix.strong
		}
		if cost := ix.rungs[rung].Cost; money < 0 || math.IsNaN(money) {
			n, why = 0, WhyBudget
		} else if float64(n)*cost > money {
			n, why = int(money/cost), WhyBudget
		}
	}
	if !(s.Time >= 1) {
		n, why = 0, WhyDeadline
	}
	return max(n, 0), why
}

// open says whether the strong model can be called.
func (ix *Index) open(s State) bool { return ix.affords(s) && s.Strong < max(ix.tries, 1) }

func (ix *Index) affords(s State) bool { return ix.strong > 0 && s.Budget >= ix.strong }

func (s State) seen(rung int) Seen {
	if rung < len(s.Seen) && rung <= s.Rung {
		return Seen{max(s.Seen[rung].Failed, 0), max(s.Seen[rung].Refused, 0)}
	}
	return Seen{}
}

// batch is how many samples to draw after k, of those left: as many as were
// drawn and one more, so that rounds are few where a pass is rare and nothing
// is wasted where it is not. The last batch takes a small rest along: 1, 2, 4, 9
// where there are 16.
func batch(k, left int) int {
	n := k + 1
	if left-n <= n/2 {
		return left
	}
	return n
}
