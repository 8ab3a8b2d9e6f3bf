package policy

import "math"

// Rule says what an answer is worth, in dollars. These are utilities and not
// money owed, hence floats: no ledger ever adds them up. The zero Rule asks for
// the cheapest answer.
type Rule struct {
	// ValueOfCorrect is what a right answer is worth. 0: an answer is due
	// anyway, all are worth the same, and only cost counts.
	ValueOfCorrect float64
	// LossOfWrong is what a wrong answer costs that is handed out as verified.
	LossOfWrong float64
	// MinQuality is the least chance to be right at which a pass is accepted
	// while the strong model would do better. 0: no floor but the worth.
	MinQuality float64
	// MustAnswer takes away giving up where a strong model can be asked, even
	// if that does not pay.
	MustAnswer bool
}

// Validate reports every fault.
func (r Rule) Validate(fault func(path, format string, args ...any)) {
	if !amount(r.ValueOfCorrect) {
		fault("value_of_correct", "must be finite and not negative, got %g", r.ValueOfCorrect)
	}
	if !amount(r.LossOfWrong) {
		fault("loss_of_wrong", "must be finite and not negative, got %g", r.LossOfWrong)
	}
	if !(r.MinQuality >= 0 && r.MinQuality <= 1) {
		fault("min_quality", "must lie between 0 and 1, got %g", r.MinQuality)
	}
}

// amount says whether x can be a price or a value.
func amount(x float64) bool { return x >= 0 && !math.IsInf(x, 1) }

// worth of a pass, all or in part: right and wrong are its masses.
func (r Rule) worth(right, wrong float64) float64 {
	return r.ValueOfCorrect*right - r.LossOfWrong*wrong
}
