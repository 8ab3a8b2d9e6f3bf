package lab

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/drover-llm/drover/policy"
)

// invented is a table on which one in two of the small model's samples is right,
// and every answer of the strong one: what a policy comes to is known.
func invented(t *testing.T) PassCounts {
	t.Helper()
	table := &strings.Builder{}
	table.WriteString("task_id,Small (n=100),Strong (n=100)\n")
	for i := range 20 {
		fmt.Fprintf(table, "t%d,50.0,100.0\n", i)
	}
	counts, err := ReadPassCounts(strings.NewReader(table.String()), 0)
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

func replayOf(t *testing.T, seed uint64, orders int) Replay {
	t.Helper()
	return Replay{
		Counts: invented(t), Small: "small", Strong: "strong", Prompt: 100, Completion: 100,
		SmallPrompt: 1e-7, SmallCompletion: 1e-7, StrongPrompt: 5e-6, StrongCompletion: 5e-6, // a fiftieth
		Depth: 8, StrongTries: 3, Rule: policy.Rule{ValueOfCorrect: .05, LossOfWrong: .05},
		Orders: orders, Repeats: 20, Requests: 50 * orders, AuditShare: .1, AuditDepth: 4, Explore: .02, Bootstraps: 50, Seed: seed,
	}
}

func replayed(t *testing.T, seed uint64, orders int) (*ReplayReport, []byte) {
	t.Helper()
	report, err := replayOf(t, seed, orders).Run()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	return report, text
}

// A seed tells a replay to the byte, another one another replay.
func TestReplayIsToldByItsSeed(t *testing.T) {
	_, one := replayed(t, 1, 1)
	_, again := replayed(t, 1, 1)
	_, other := replayed(t, 2, 1)
	if !bytes.Equal(one, again) || bytes.Equal(one, other) {
		t.Errorf("equal by seed %v, equal beside it %v", bytes.Equal(one, again), bytes.Equal(one, other))
	}
}

// On a table where it is known, policies come to what they must: a search with
// the strong model behind it is always right, at a cost of .02·(2 - .5^(K-1)) +
// .5^K; the small model alone is right one time in two; a mix of both lies
// between; audits cost 4·.02 + 1 and are apart.
func TestReplayComesToWhatIsKnown(t *testing.T) {
	report, _ := replayed(t, 1, 2)
	if math.Abs(report.StrongAccuracy-1) > 1e-9 || math.Abs(report.SmallAccuracy-.5) > .1 || report.Depth != 8 || report.Problems != 20 {
		t.Errorf("strong %g, small %g, depth %d, %d problems", report.StrongAccuracy, report.SmallAccuracy, report.Depth, report.Problems)
	}
	if want := .02*(2-math.Pow(.5, 7)) + math.Pow(.5, 8); math.Abs(report.CascadeAsGood-want) > .02 {
		t.Errorf("the cascade is as good as the strong model at %g, must be about %g", report.CascadeAsGood, want)
	}
	aiq := map[string]float64{}
	for _, f := range report.Families {
		aiq[f.Name] = f.AIQ.Value
	}
	if mix := aiq["random mix"]; math.Abs(mix-.74) > .03 || math.Abs(aiq["GPT-4o, retried"]-.5) > 1e-9 {
		t.Errorf("a mix has %g, must have about .74; the strong model retried %g, must have .5", mix, aiq["GPT-4o, retried"])
	}
	if !(aiq["static cascades"] > aiq["best of N, at once"] && aiq["best of N, at once"] > aiq["random mix"] && aiq["clairvoyant"] > aiq["random mix"] && aiq["Drover's policy"] > aiq["best of N, at once"]) {
		t.Errorf("out of order: %v", aiq)
	}
	if gap := aiq["limit: knows the test half, not which problem"] - aiq["Drover's policy"]; gap < -.002 {
		t.Errorf("the policy is %g above what can be reached", -gap)
	}
	l := report.Learning
	if l.Audits < .03 || l.Audits > .2 {
		t.Errorf("%g of the requests were audited, one in ten was to be", l.Audits)
	}
	// Audits over the rest: their share of requests, times their cost, over what the rest cost.
	if want := l.Audits * 1.08 / ((1 - l.Audits) * l.Cost); math.Abs(l.AuditSpend/want-1) > .2 {
		t.Errorf("audits spent %g of the rest, must be about %g", l.AuditSpend, want)
	}
	if math.Abs(l.StrongAccuracy-1) > 1e-9 || l.Accuracy < .99 || l.Cost > .6 {
		t.Errorf("learning %+v", l)
	}
}

// What is handed out unverified may be wrong for nothing, as the rule has it.
func TestOnlyVerifiedAnswersLose(t *testing.T) {
	r := Replay{sample: 1, escalate: 10}
	rule := policy.Rule{ValueOfCorrect: 100, LossOfWrong: 50}
	for p, want := range map[played]float64{
		{samples: 1, right: true, answered: true, passed: true}: 99,
		{samples: 2, answered: true, passed: true}:              -52,
		{samples: 2, strong: 1, answered: true}:                 -12,
		{}:                                                      0,
	} {
		if got := r.utility(p, rule); got != want {
			t.Errorf("%+v is worth %g, want %g", p, got, want)
		}
	}
}

func TestPassCountsAreRead(t *testing.T) {
	table := "task_id,difficulty,A (n=10),B\na,hard,30,50\nb,easy,,100\n"
	c, err := ReadPassCounts(strings.NewReader("\n "+table), 4)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Models) != 2 || c.Tasks[0].Counts["A"] != (Count{Of: 10, Right: 3, Passed: 3}) || c.Tasks[0].Counts["B"] != (Count{Of: 4, Right: 2, Passed: 2}) {
		t.Errorf("%+v", c)
	}
	if _, ran := c.Tasks[1].Counts["A"]; ran {
		t.Errorf("%+v: an empty cell is no sample", c)
	}
	samples := `{"task_id":"a","model":"m","base":"pass","plus":"fail","prompt_tokens":5,"completion_tokens":7}` + "\n\n" +
		`{"task_id":"a","model":"m","base":"pass","plus":"pass"}` + "\n" + `{"task_id":"a","model":"m","base":"fail"}`
	if c, err = ReadPassCounts(strings.NewReader(samples), 0); err != nil || c.Tasks[0].Counts["m"] != (Count{Of: 3, Right: 1, Passed: 2, Prompt: 5, Completion: 7}) {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestFaultyPassCountsAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "EOF",
		"task_id\na\n":                "names no model",
		"task_id,A\na,50\n":           "how many samples",
		"task_id,A (n=10)\na,101\n":   `line 2, column "A": must be a percentage`,
		"task_id,A (n=10)\na,NaN\n":   "must be a percentage",
		"task_id,A (n=10)\na,5,6\n":   "wrong number of fields",
		`{"task_id":"a","model":"m"}`: "line 1: needs task_id, model, and base or plus",
		"{}\n{":                       "line 1",
		`{"task_id":"a","base":"pass","model":"m","prompt_tokens":-1}`: "line 1: tokens must not be negative",
	} {
		if _, err := ReadPassCounts(strings.NewReader(text), 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, must say %q", text, err, want)
		}
	}
}

// Whatever is read, counts are within their samples.
func FuzzReadPassCounts(f *testing.F) {
	f.Add([]byte("task_id,A (n=10),B\na,30,50\n"), 4)
	f.Add([]byte(`{"task_id":"a","model":"m","base":"pass","plus":"fail","prompt_tokens":5}`), 0)
	f.Add([]byte{0x1f, 0x8b, 8, 0}, 1)
	f.Fuzz(func(t *testing.T, text []byte, of int) {
		c, err := ReadPassCounts(bytes.NewReader(text), of)
		if err != nil {
			return
		}
		for _, task := range c.Tasks {
			for model, n := range task.Counts {
				if n.Right < 0 || n.Right > n.Passed || n.Passed > n.Of || n.Of < 1 || n.Prompt < 0 || n.Completion < 0 {
					t.Errorf("%q %q: %+v", task.ID, model, n)
				}
			}
		}
	})
}

// An episode goes on after the strong model has failed, as the gateway does; and where
// it then gives up, the strong model's failed answer is handed out, not a pass that was
// not worth taking.
func TestEpisodeGoesOnAfterTheStrongModelFailed(t *testing.T) {
	index := func(tests policy.Tests, rule policy.Rule, depth int) *policy.Index {
		belief, err := policy.NewBelief(policy.Models{Depth: depth, Rungs: []policy.Tries{{}}, Strong: policy.GPT4o}, tests)
		if err != nil {
			t.Fatal(err)
		}
		ix, err := policy.NewIndex(policy.IndexConfig{Belief: belief, Rule: rule, Rungs: []policy.Rung{{Cost: 2e-4}}, Strong: 2.6e-3, StrongTries: 1})
		if err != nil {
			t.Fatal(err)
		}
		return ix
	}
	wrong := simulated{}
	hard := episode{small: make([]simulated, 64), strong: make([]simulated, 3)}
	hard.small[63] = simulated{true, true}
	p := hard.search(index(policy.Tests{}, policy.Rule{ValueOfCorrect: .5}, 64), 64, false, nil)
	if p.strong != 1 || p.samples != 64 || !p.right || !p.passed {
		t.Errorf("the episode came to %+v", p)
	}
	fooled := episode{small: []simulated{{false, true}, wrong, wrong, wrong}, strong: make([]simulated, 3)}
	p = fooled.search(index(policy.TestsOf(5), policy.Rule{ValueOfCorrect: .05, LossOfWrong: .2}, 4), 4, false, nil)
	if p.strong != 1 || p.samples < 1 || p.passed || !p.answered {
		t.Errorf("with a doubtful pass, the episode came to %+v", p)
	}
}
