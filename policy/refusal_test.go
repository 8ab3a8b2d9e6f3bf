package policy

import "testing"

// Where right answers pass, fewer suites are believed to be broken than was assumed;
// where all the right answers to some problems fail, more; and a right answer that
// fails now and then is the tests' false failure.
func TestRightAnswersTellOfTheTests(t *testing.T) {
	strength := Features{Tests: 200}.strength()
	falseFail, broken := NewLearner().rights[strength].rates(strength)
	near(t, "assumed false failures", falseFail, TestsOf(200).FalseFail, 1e-12)
	near(t, "assumed broken suites", broken, TestsOf(200).Broken, 1e-12)
	for name, c := range map[string]struct {
		of                []Verdicts // in turn
		failLow, failHigh float64
		low, high         float64
	}{
		"right answers pass":            {[]Verdicts{{RightPassed: 3}}, 0, .001, 0, .002},
		"one problem in five is lost":   {[]Verdicts{{RightPassed: 2}, {RightPassed: 1}, {RightPassed: 9}, {RightPassed: 1}, {RightFailed: 4}}, 0, .02, .1, .25},
		"one right answer in ten fails": {[]Verdicts{{RightPassed: 9, RightFailed: 1}}, .07, .11, 0, .002},
		"only passes are seen":          {[]Verdicts{{Passed: 1}}, .005, .005, .01, .01},
	} {
		l := NewLearner()
		for i := range 100 {
			l.Learn("x", lessonOf("1", c.of[i%len(c.of)]))
		}
		if tests := l.testsOf(strength); !(tests.FalseFail >= c.failLow && tests.FalseFail <= c.failHigh && tests.Broken >= c.low && tests.Broken <= c.high) {
			t.Errorf("%s: a right answer fails with %.4f, %.4f of the suites are broken", name, tests.FalseFail, tests.Broken)
		}
	}
}

// Feedback speaks of answers that were returned, mostly because they passed: it says
// that the suite is whole, and not that right answers never fail.
func TestFeedbackSaysNothingOfFalseFailures(t *testing.T) {
	l := NewLearner()
	strength := Features{Tests: 200}.strength()
	before := l.testsOf(strength)
	late := lessonOf("1", Verdicts{RightPassed: 1})
	late.Late = true
	hundred(l, late)
	if after := l.testsOf(strength); after.FalseFail != before.FalseFail || after.Broken > before.Broken/5 {
		t.Errorf("a right answer fails with %g, before %g; %g of the suites are broken, before %g", after.FalseFail, before.FalseFail, after.Broken, before.Broken)
	}
}
