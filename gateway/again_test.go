package gateway_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// The strong model is asked again while its answer fails the tests and another one
// pays, as often as the route allows. All of it is within what was held, and the
// policy learns of every answer. With a temperature or a seed by which it would
// repeat itself, or where what is left of the hold does not cover it, it is asked
// once.
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
		"up to three by default":   {0, "", []string{wrongAdd, wrongAdd, rightAdd}, 3, true},
		"once where so set":        {1, "", []string{wrongAdd, rightAdd}, 1, false},
		"not for the same seed":    {3, `"seed":7,`, []string{wrongAdd, rightAdd}, 1, false},
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

// Passes that differ do not confirm each other, so the strong model is asked. Where
// its answer fails the tests or does not come, one of them is handed out, whole and
// in a stream: the failure is no reason to prefer an answer that is known to be wrong.
func TestPassInHandAnswersWhereTheStrongModelDoesNot(t *testing.T) {
	const other = "```python\ndef add(a, b):\n    return 3 if a < b else 10\n```"
	for name, c := range map[string]struct {
		tries  int
		strong standin.Script
	}{
		"its answer fails":                    {1, texts(wrongAdd)},
		"both of its answers fail":            {2, texts(wrongAdd)},
		"it does not answer":                  {1, standin.Script{Faults: []standin.Fault{standin.QuotaSpent}}},
		"it fails, and does not answer again": {2, standin.Script{Answers: []standin.Answer{{Text: wrongAdd}, {Faults: []standin.Fault{standin.QuotaSpent}}}}},
	} {
		for _, stream := range []string{"", `"stream":true,`} {
			h := searching(t, texts(rightAdd, other), c.strong)
			route := h.gateway.Routes["auto"]
			route.Search[0].MaxSamples, route.StrongTries = 2, c.tries
			route.Goal = gateway.GoalConfig{ValueOfCorrect: 50_000_000, LossOfWrong: 20_000_000}
			route.Learn.Explore = new(0.)
			h.gateway.Routes["auto"] = route
			resp, body := h.post(`{` + stream + `"model":"auto","messages":[{"role":"user","content":"Write a Python function add(a, b)."}],"verify":` + strings.TrimSuffix(addTests, "}") + `,"route":"search"}}`)
			o := h.outcomes(1)[0]
			if resp.StatusCode != 200 || o.Way != "search" || o.Model != "llama-3.1-8b" || o.Task.Verified == nil || !*o.Task.Verified {
				t.Errorf("%s: %d %s\n%+v", name, resp.StatusCode, body, o)
			}
			if stream == "" && !strings.Contains(string(body), `"verified":true`) {
				t.Errorf("%s: %s", name, body)
			}
			if n := h.models.Calls("gpt-4o"); n < c.tries {
				t.Errorf("%s: gpt-4o was called %d times", name, n)
			}
			failed := 0
			for _, s := range o.Samples {
				if s.Model == "gpt-4o" && s.Verdict == "failed" {
					failed++
				}
			}
			if want := len(c.strong.Answers); failed == 0 && want > 0 {
				t.Errorf("%s: the outcome has not what failed: %+v", name, o.Samples)
			}
		}
	}
}

// When the strong model's answer fails the tests and further samples pay, they are
// drawn: the search is taken up again where it ended. A pass of them is handed out,
// whole and in a stream; otherwise the strong model is asked again as the index wants.
// All of it is within what was held, and the outcome has every call in its order.
func TestSearchGoesOnAfterTheStrongModelFailed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tries  int
		more   string
		passes int64 // calls of the strong model after which the small one's samples pass; 0: never
		faulty bool  // its second call fails
		per    pricing.Rate
		calls  int
		way    string
	}{
		"after its first answer":         {3, "", 1, false, 10, 1, "search"},
		"after its second":               {3, "", 2, false, 7, 2, "search"},
		"where it is asked once":         {1, "", 1, false, 10, 1, "search"},
		"where it would repeat":          {3, `"seed":7,`, 1, false, 10, 1, "search"},
		"as a stream":                    {3, `"stream":true,`, 1, false, 10, 1, "search"},
		"to no avail":                    {2, "", 0, false, 7, 2, "escalated"},
		"where its second never came":    {2, "", 2, true, 7, 2, "search"},
		"where little is held beside it": {3, `"max_tokens":64,`, 1, false, 10, 1, "search"},
	} {
		var asked atomic.Int64
		h := searching(t, standin.Script{Func: func(standin.Request) standin.Answer {
			if c.passes > 0 && asked.Load() >= c.passes {
				return standin.Answer{Text: rightAdd}
			}
			return standin.Answer{Text: wrongAdd}
		}}, standin.Script{Func: func(standin.Request) standin.Answer {
			if asked.Add(1) > 1 && c.faulty {
				return standin.Answer{Faults: []standin.Fault{standin.QuotaSpent}}
			}
			return standin.Answer{Text: wrongAdd}
		}})
		dear := priced // too dear to draw all before the strong model is asked
		dear.Prompt, dear.CachedPrompt, dear.Completion = dear.Prompt/c.per, dear.CachedPrompt/c.per, dear.Completion/c.per
		h.gateway.Prices = pricesOf(t, map[string]pricing.Price{"gpt-4o": priced, "llama-3.1-8b": dear})
		route := h.gateway.Routes["auto"]
		route.StrongTries, route.Search[0].MaxSamples = c.tries, 64
		route.Goal = gateway.GoalConfig{ValueOfCorrect: 50_000_000}
		route.Learn.Explore = new(0.)
		h.gateway.Routes["auto"] = route
		journal := &holding{Journal: h.ledger, holds: map[string]policy.Hold{}}
		h.gateway.Journal = journal
		resp, body := h.post(`{` + c.more + `"model":"auto","messages":[{"role":"user","content":"Write a Python function add(a, b)."}],"verify":` + addTests + `}`)
		o := h.outcomes(1)[0]
		if resp.StatusCode != 200 || o.Way != c.way || o.Task.Verified == nil || *o.Task.Verified != (c.way == "search") {
			t.Errorf("%s: %d %s\n%d calls", name, resp.StatusCode, body, len(o.Calls))
			continue
		}
		if n := h.models.Calls("gpt-4o"); n != c.calls {
			t.Errorf("%s: gpt-4o was called %d times", name, n)
		}
		if held := journal.holds[o.ID].Ceiling; held == nil || *o.Cost > *held {
			t.Errorf("%s: spent %s of %v", name, o.Cost, held)
		}
		first, last := slices.IndexFunc(o.Calls, ofStrong), len(o.Calls)-1
		if first <= 0 || c.way == "search" && ofStrong(o.Calls[last]) {
			t.Errorf("%s: the calls are %+v", name, o.Calls)
		}
		for i, s := range o.Samples {
			if o.Calls[s.Call].Model != s.Model || s.Returned && s.Call < first {
				t.Errorf("%s: sample %d of %s is that of call %d, %+v", name, i, s.Model, s.Call, o.Calls[s.Call])
			}
		}
		if legs := o.Course(); c.way == "search" && (len(legs) != 2*c.calls+1 && !c.faulty || legs[len(legs)-1].Passed == 0 || legs[1] != policy.Leg{Model: "gpt-4o", Calls: 1, Failed: 1}) {
			t.Errorf("%s: went %v", name, legs)
		}
		if c.way == "search" && (o.Stop != "passed" || c.more == "" && !strings.Contains(string(body), "What gpt-4o answered does not pass, so more samples were drawn, of which one does.")) {
			t.Errorf("%s: stopped by %q, %s", name, o.Stop, body)
		}
	}
}

func ofStrong(c policy.Call) bool { return c.Model == "gpt-4o" }
