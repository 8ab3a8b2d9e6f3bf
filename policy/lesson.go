package policy

// Lesson is what one request, or one row of a table of published pass counts,
// says about models and tests. Only what was judged is in it: trouble of our own
// teaches nothing.
type Lesson struct {
	Features Features
	Small    Trial   // of the cheapest model, by which the difficulty is told
	Others   []Trial // of the models above it
	Audit    bool    // all that was planned was drawn, whatever passed
	Late     bool    // the truth about what another lesson taught: it tells of the tests alone
}

// trials are those of all models.
func (l Lesson) trials() []Trial { return append([]Trial{l.Small}, l.Others...) }

// Trial is what one model's answers to the problem came to.
type Trial struct {
	Model ModelID
	Verdicts
	Prompt, Completion int64 // tokens, of all calls
	Calls              int   // or samples, where a call brings several
	Published          bool  // from a table of pass counts: it says nothing of the tests at hand
}

// Count adds an answer that was judged, by the tests and, where it is known, by
// the truth.
func (t *Trial) Count(passed bool, right *bool) { t.count(verdictOf(passed), right) }

// Verdicts count answers. Passed and Failed are the tests' word where the truth
// is not known; the others are by the truth, which an audit or a client's
// feedback told, and by the tests.
type Verdicts struct {
	Passed, Failed           int
	RightPassed, RightFailed int
	WrongPassed, WrongFailed int
}

func (v Verdicts) judged() int { return v.Passed + v.Failed + v.known() }
func (v Verdicts) known() int  { return v.right() + v.wrong() }
func (v Verdicts) right() int  { return v.RightPassed + v.RightFailed }
func (v Verdicts) wrong() int  { return v.WrongPassed + v.WrongFailed }

// Lesson is what the outcome teaches, false for nothing. hidden is the word of
// whoever judged the returned answer later; nil: nobody has.
func (o Outcome) Lesson(hidden *bool) (Lesson, bool) {
	if o.Features == nil || o.Plan == nil {
		return Lesson{}, false
	}
	trials := map[string]*Trial{}
	var order []string
	trial := func(model string) *Trial {
		if trials[model] == nil {
			trials[model] = &Trial{Model: ModelID{model, o.Versions[model]}}
			order = append(order, model)
		}
		return trials[model]
	}
	small := o.small()
	trial(small)
	drawn, called := map[string]int{}, map[string]int{}
	for _, s := range o.Samples {
		drawn[s.Model]++
		trial(s.Model)
		if s.Equals == nil || s.Verdict != "" {
			trial(s.Model).count(s.Verdict, o.truth(s, hidden))
		}
	}
	if o.Way != "search" && o.Task != nil && o.Task.Verified != nil && o.Model != "" {
		trial(o.Model).count(verdictOf(*o.Task.Verified), hidden)
	} else if o.Way != "search" && hidden != nil && o.Model != "" {
		trial(o.Model).count("", hidden)
	}
	for _, c := range o.Calls {
		if c.Status == 200 && c.Error == "" {
			t := trial(c.Model)
			t.Prompt, t.Completion = t.Prompt+c.Usage.Prompt, t.Completion+c.Usage.Completion
			called[c.Model]++
			t.Calls = max(called[c.Model], drawn[c.Model]) // one call may have brought several samples
		}
	}
	l := Lesson{Features: *o.Features, Small: *trials[small], Audit: o.Audit}
	for _, name := range order {
		if name != small {
			l.Others = append(l.Others, *trials[name])
		}
	}
	return l, true
}

// small is the name of the model that the difficulty is told by.
func (o Outcome) small() string { return o.Plan.Small }

// truth of a sample: its own hidden verdict, or that of the returned answer if it
// is the one.
func (o Outcome) truth(s Sample, hidden *bool) *bool {
	if s.Correct != nil {
		return s.Correct
	}
	if s.Returned {
		return hidden
	}
	return nil
}

func verdictOf(passed bool) string {
	if passed {
		return "passed"
	}
	return "failed"
}

// count adds an answer, by the tests' verdict and the truth. What fails the
// tests is counted as that, and what only the truth is known of as if the tests
// had said it.
func (t *Trial) count(verdict string, truth *bool) {
	passed := verdict == "passed"
	switch {
	case verdict != "passed" && verdict != "failed":
		if truth != nil && *truth {
			t.RightPassed++
		} else if truth != nil {
			t.WrongFailed++
		}
	case truth == nil && passed:
		t.Passed++
	case truth == nil:
		t.Failed++
	case *truth && passed:
		t.RightPassed++
	case *truth:
		t.RightFailed++
	case passed:
		t.WrongPassed++
	default:
		t.WrongFailed++
	}
}
