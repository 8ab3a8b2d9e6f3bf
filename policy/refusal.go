package policy

// refusals are what is known of tests and right answers: how often they fail one
// all the same, and of how many suites no answer passes. Every problem counts once,
// however many answers it had.
type refusals struct {
	Passed float64 `json:"passed"` // shares of the right answers
	Failed float64 `json:"failed"`
	Sound  float64 `json:"sound"` // suites that passed one
	Broken float64 `json:"broken"`
}

// assumed is how many problems the assumptions of TestsOf count for: little, since
// they are not measured.
const assumed = 10

// rates are the chance that a right answer fails tests that are not broken, and the
// share of those that are.
func (r refusals) rates(strength int) (falseFail, broken float64) {
	t := TestsOf(weakest[strength])
	return (r.Failed + assumed*t.FalseFail) / (r.Passed + r.Failed + assumed),
		(r.Broken + assumed*t.Broken) / (r.Sound + r.Broken + assumed)
}

// learn takes in the right answers to one problem. Where all of them failed, the
// suite is broken as likely as that explains it. What is known of a returned answer
// alone (late) tells whether the suite is broken, but not how many right answers
// fail: those that passed are the ones that are returned.
func (r refusals) learn(strength, passed, failed int, late bool) refusals {
	if passed+failed == 0 {
		return r
	}
	falseFail, broken := r.rates(strength)
	r = refusals{forget * r.Passed, forget * r.Failed, forget * r.Sound, forget * r.Broken}
	sound := 1.0
	if passed == 0 {
		unlucky := (1 - broken) * power(falseFail, failed)
		sound = unlucky / (unlucky + broken)
	}
	r.Sound, r.Broken = r.Sound+sound, r.Broken+1-sound
	if !late {
		share := float64(passed) / float64(passed+failed)
		r.Passed, r.Failed = r.Passed+sound*share, r.Failed+sound*(1-share)
	}
	return r
}
