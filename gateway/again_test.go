package gateway_test

import (
	"strings"
	"testing"

	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/policy"
)

// Where a route allows it, the strong model is asked again while its answer fails
// the tests and another one pays. All of it is within what was held, and the
// policy learns of every answer. Without, with a temperature that repeats itself,
// or where what is left of the hold does not cover it, it is asked once.
func TestStrongModelIsAskedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tries    int
		more     string
		answers  []string
		calls    int
		verified bool
	}{
		"until it passes":          {3, "", []string{wrongAdd, wrongAdd, rightAdd}, 3, true},
		"and no more than allowed": {2, "", []string{wrongAdd, wrongAdd, rightAdd}, 2, false},
		"not by default":           {0, "", []string{wrongAdd, rightAdd}, 1, false},
		"not for the same":         {3, `"temperature":0,`, []string{wrongAdd, rightAdd}, 1, false},
		"not beyond the hold":      {3, `"max_tokens":64,`, []string{wrongAdd, rightAdd}, 1, false},
		"as a stream":              {3, `"stream":true,`, []string{wrongAdd, rightAdd}, 2, true},
	} {
		h := searching(t, texts(wrongAdd), texts(c.answers...))
		route := h.gateway.Routes["auto"]
		route.StrongTries = c.tries
		route.Search[0].MaxSamples = 2 // after many failures the tests themselves are suspect
		route.Goal = gateway.GoalConfig{ValueOfCorrect: 50_000_000}
		route.Learn.Explore = new(0.)
		h.gateway.Routes["auto"] = route
		journal := &holding{Journal: h.ledger, holds: map[string]policy.Hold{}}
		h.gateway.Journal = journal
		resp, body := h.post(`{` + c.more + `"model":"auto","messages":[{"role":"user","content":"Write a Python function add(a, b)."}],"verify":` + addTests + `}`)
		if resp.StatusCode != 200 {
			t.Fatalf("%s: %d %s", name, resp.StatusCode, body)
		}
		o := h.outcomes(1)[0]
		if n := h.models.Calls("gpt-4o"); n != c.calls || o.Way != "escalated" || o.Task.Verified == nil || *o.Task.Verified != c.verified {
			t.Errorf("%s: %d calls of the strong model, %+v", name, n, o)
		}
		if held := journal.holds[o.ID].Ceiling; held == nil || *o.Cost > *held {
			t.Errorf("%s: spent %s of %v", name, o.Cost, held)
		}
		lesson, ok := o.Lesson(nil)
		if !ok || len(lesson.Others) != 1 || lesson.Others[0].Passed+lesson.Others[0].Failed != c.calls || lesson.Others[0].Calls != c.calls {
			t.Errorf("%s: lesson %+v", name, lesson)
		}
		if strings.Contains(string(body), "return a + b") != c.verified && !strings.Contains(c.more, "stream") {
			t.Errorf("%s: %s", name, body)
		}
	}
}

// When the strong model cannot be asked again, the answer that is there is handed
// out, and what the attempt spent is told.
func TestAnswerSurvivesTheNextOnesTrouble(t *testing.T) {
	strong := texts(wrongAdd, "")
	strong.Answers[1].Faults = []standin.Fault{standin.QuotaSpent}
	h := searching(t, texts(wrongAdd), strong)
	route := h.gateway.Routes["auto"]
	route.Search[0].MaxSamples = 2
	route.StrongTries, route.Goal = 2, gateway.GoalConfig{ValueOfCorrect: 50_000_000}
	h.gateway.Routes["auto"] = route
	v, text := h.solve("")
	if v.Route != "escalated" || v.Verified == nil || *v.Verified || text != wrongAdd {
		t.Errorf("verify %+v, answer %q", v, text)
	}
	if n := h.models.Calls("gpt-4o"); n < 2 {
		t.Errorf("it was asked %d times", n)
	}
}
