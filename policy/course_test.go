package policy

import (
	"fmt"
	"testing"
)

func TestCourseTellsWhatWasDoneInItsOrder(t *testing.T) {
	calls := func(models ...string) (all []Call) {
		for _, m := range models {
			all = append(all, Call{Model: m})
		}
		return all
	}
	sample := func(call int, model, verdict string) Sample {
		return Sample{Call: call, Model: model, Verdict: verdict}
	}
	for name, tt := range map[string]struct {
		outcome Outcome
		want    string
	}{
		"nothing":         {Outcome{}, "[]"},
		"direct":          {Outcome{Way: "direct", Model: "strong", Calls: calls("strong"), Task: &Task{Verified: new(true)}}, "[strong gave 1 tested answer, of which 1 passed]"},
		"direct, no test": {Outcome{Way: "direct", Model: "strong", Calls: calls("strong")}, "[strong answered nothing that was tested]"},
		"taken up again": {Outcome{Way: "search", Model: "small", Calls: calls("small", "strong", "small"), Task: &Task{Verified: new(true)},
			Samples: []Sample{sample(0, "small", "failed"), sample(0, "small", "unjudged"), sample(2, "small", "passed"), sample(1, "strong", "failed")}},
			"[small gave 1 tested answer, of which 0 passed strong gave 1 tested answer, of which 0 passed small gave 1 tested answer, of which 1 passed]"},
		"to no avail": {Outcome{Way: "escalated", Model: "strong", Calls: calls("small", "small", "strong", "small"), Task: &Task{Verified: new(false)},
			Samples: []Sample{sample(0, "small", "failed"), sample(1, "small", "failed"), sample(3, "small", "failed")}},
			"[small gave 2 tested answers, of which 0 passed strong gave 1 tested answer, of which 0 passed small gave 1 tested answer, of which 0 passed]"},
		"asked again in vain": {Outcome{Way: "escalated", Model: "strong", Calls: append(calls("small", "strong", "small"), Call{Model: "strong", Error: "unavailable"}), Task: &Task{Verified: new(false)},
			Samples: []Sample{sample(0, "small", "failed"), sample(2, "small", "failed")}},
			"[small gave 1 tested answer, of which 0 passed strong gave 1 tested answer, of which 0 passed small gave 1 tested answer, of which 0 passed strong answered nothing that was tested]"},
	} {
		if got := fmt.Sprint(tt.outcome.Course()); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}
