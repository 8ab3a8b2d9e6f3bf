package policy

import "fmt"

// Move is what to do next.
type Move int

const (
	GoOn     Move = iota + 1 // draw N more on this rung
	Climb                    // go to the next rung, and ask again
	Escalate                 // call the strong model
	Take                     // hand out the pass in hand: of several groups that behave alike, one of the largest
	GiveUp                   // nothing more is worth its price, or nothing is left to try
)

func (m Move) String() string {
	switch m {
	case GoOn:
		return "go on"
	case Climb:
		return "climb"
	case Escalate:
		return "escalate"
	case Take:
		return "take the pass in hand"
	case GiveUp:
		return "give up"
	}
	return fmt.Sprintf("Move(%d)", int(m))
}

// Why says in a word what decided.
type Why string

const (
	WhyPays     Why = "pays"     // the move pays
	WhyDear     Why = "dear"     // another sample would cost more than it gains
	WhySamples  Why = "samples"  // none are left
	WhyBudget   Why = "budget"   // no money is left for another
	WhyDeadline Why = "deadline" // no time is left for another
)

// Step is a decision and the figures behind it.
type Step struct {
	Move      Move
	N         int     // samples to draw, GoOn only
	Why       Why     // for Escalate and GiveUp: what ended the search
	Pass      float64 // π: chance that the next sample on this rung passes
	Precision float64 // ρ: chance that what is handed out then is right if it does
	Right     float64 // g: chance that the strong model is right
	Outside   float64 // U: dollars that stopping now is worth
	Gain      float64 // dollars by which the move beats stopping now
}

// String explains the step in one sentence.
func (s Step) String() string {
	odds := fmt.Sprintf("it passes with %.1f %% and is then right with %.1f %%", 100*s.Pass, 100*s.Precision)
	reason := "a further sample pays: " + odds
	switch s.Why {
	case WhySamples:
		reason = "no samples are left"
	case WhyBudget:
		reason = "no money is left for another sample"
	case WhyDeadline:
		reason = "no time is left for another sample"
	case WhyDear:
		reason = "a further sample costs more than it gains: " + odds
	}
	if s.Move == Escalate {
		reason += fmt.Sprintf("; the strong model is right with %.1f %%", 100*s.Right)
	}
	switch s.Move {
	case GoOn:
		return fmt.Sprintf("go on with %d: %s", s.N, reason)
	case Climb:
		return "climb: the next rung is worth more than this one"
	}
	return fmt.Sprintf("%s: %s", s.Move, reason)
}

// Acceptance says whether to take a pass.
type Acceptance struct {
	Accept    bool
	Precision float64 // ρ: chance that the answer is right
	Need      float64 // the least chance at which it would be taken
}

// String explains the acceptance in one sentence.
func (a Acceptance) String() string {
	if a.Accept {
		return fmt.Sprintf("accepted: right with %.1f %%, %.1f %% needed", 100*a.Precision, 100*a.Need)
	}
	return fmt.Sprintf("refused: right with %.1f %%, %.1f %% needed", 100*a.Precision, 100*a.Need)
}
