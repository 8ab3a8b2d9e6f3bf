package policy

// Tests is what is believed of a problem's tests.
type Tests struct {
	FalsePass Beta    // P(pass | wrong), which differs from problem to problem; zero: wrong answers never pass
	Points    []Point // the same as a distribution of any shape, in place of FalsePass
	FalseFail float64 // P(fail | right)
	Broken    float64 // share of suites that no answer passes
}

// TestsOf is the belief in a suite of so many tests before anything was
// recorded: from one false pass in four for ten asserts or fewer to one in
// fifty for more than a hundred. It takes one of four values, so that a Belief
// can be kept for each. Measured false passes of Llama 3.1 8B: .25 under
// HumanEval's own tests (Stroebl et al. 2024), .18 and .29 for greedy answers
// to HumanEval and MBPP judged again by EvalPlus. FalseFail and Broken are not
// measured but assumed, low.
func TestsOf(tests int) Tests {
	s := Tests{FalsePass: Beta{5, 15}, FalseFail: 0.005, Broken: 0.01}
	switch {
	case tests > 100:
		s.FalsePass = Beta{1, 50}
	case tests > 30:
		s.FalsePass = Beta{1.7, 33}
	case tests > 10:
		s.FalsePass = Beta{2.9, 22}
	}
	return s
}

func (s Tests) check(path string, fault func(path, format string, args ...any)) {
	if s.FalsePass != (Beta{}) {
		s.FalsePass.check(path+".false_pass", fault)
	}
	for _, f := range []struct {
		name  string
		value float64
	}{{".false_fail", s.FalseFail}, {".broken", s.Broken}} {
		if !(f.value >= 0 && f.value < 1) {
			fault(path+f.name, "must be at least 0 and below 1, got %g", f.value)
		}
	}
}
