package lab

import (
	"strconv"

	"github.com/drover-llm/drover/gateway/sandbox"
)

// Agreement compares verdicts with those that were recorded with the samples.
type Agreement struct {
	Compared      int                `json:"compared"` // verdicts of both suites
	Agree         int                `json:"agree"`
	PassAt        map[string]float64 `json:"pass_at"` // by the recorded verdicts of the base tests
	Disagreements []Disagreement     `json:"disagreements"`
}

// Disagreement is a verdict that is not as recorded.
type Disagreement struct {
	TaskID   string          `json:"task_id"`
	Model    string          `json:"model"`
	Attempt  int             `json:"attempt"`
	Suite    Suite           `json:"suite"`
	Recorded string          `json:"recorded"`
	Judged   sandbox.Verdict `json:"judged"`
	Why      string          `json:"why"`
}

func (a *Agreement) add(r Result, t *tally, unsound map[string]bool) {
	for _, c := range []struct {
		suite    Suite
		recorded string
		judged   sandbox.Verdict
	}{{Base, r.Recorded.Base, r.Base}, {Plus, r.Recorded.Plus, r.Plus}} {
		if c.recorded == "" || c.judged == "" || unsound[r.TaskID+" "+string(c.suite)] {
			continue
		}
		if c.suite == Base {
			t.said++
			if c.recorded == "pass" {
				t.passed++
			}
		}
		a.Compared++
		if c.judged != sandbox.Unjudged && (c.recorded == "pass") == (c.judged == sandbox.Passed) {
			a.Agree++
			continue
		}
		a.Disagreements = append(a.Disagreements, Disagreement{r.TaskID, r.Model, r.Attempt, c.suite, c.recorded, c.judged, r.Why})
	}
}

func (a *Agreement) conclude(tallies []tally) {
	if a.Disagreements == nil {
		a.Disagreements = []Disagreement{}
	}
	counts := func(t tally) (int, int) { return t.said, t.passed }
	a.PassAt = map[string]float64{}
	for _, k := range rungs(tallies, counts) {
		a.PassAt[strconv.Itoa(k)] = mean(passRows(tallies, counts, []int{k}), 0)
	}
}
