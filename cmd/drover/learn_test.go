package main

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/drover-llm/drover/configs"
	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/ledger"
	"github.com/drover-llm/drover/pricing"
)

// The journal, folded in parts or from its beginning, gives the same model; what
// cannot teach changes nothing.
func TestTheJournalGivesTheSameModelAgain(t *testing.T) {
	journal, err := ledger.Open(filepath.Join(t.TempDir(), "drover.db"), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	ctx := context.Background()
	config := &configs.Config{
		Models: map[string]gateway.ModelConfig{"small": {Name: "s-1"}, "strong": {Name: "g-1"}},
		Routes: map[string]gateway.RouteConfig{"auto": {Direct: gateway.Names{"strong"}, Search: []gateway.RungConfig{{Model: "small"}}}},
	}
	going := newLearning(config)
	before := going.model.Load().Version()
	settle := func(id, verdict string, plan *policy.Plan) {
		t.Helper()
		h := policy.Hold{ID: id, At: time.Unix(1, 0), Ceiling: new(pricing.USD)}
		if err := journal.Hold(ctx, h); err != nil {
			t.Fatal(err)
		}
		o := policy.Outcome{ID: id, At: h.At, Way: "search", Reason: "tests_given", Plan: plan, Cost: new(pricing.USD), Status: 200,
			Features: &policy.Features{Language: "python", Tests: 5}, Versions: map[string]string{"small": "s-1", "strong": "g-1"},
			Samples: []policy.Sample{{Model: "small", Verdict: verdict, Returned: true}}}
		if err := journal.Settle(ctx, o); err != nil {
			t.Fatal(err)
		}
	}
	fold := func(l *learning) string {
		t.Helper()
		if err := l.fold(ctx, journal); err != nil {
			t.Fatal(err)
		}
		return l.model.Load().Version()
	}
	settle("chatcmpl-0", "passed", nil)
	if v := fold(going); v != before {
		t.Errorf("an outcome without a plan made %s of %s", v, before)
	}
	plan := &policy.Plan{Samples: 64, LastResort: true, Small: "small"}
	settle("chatcmpl-1", "passed", plan)
	one := fold(going)
	settle("chatcmpl-2", "failed", plan)
	if err := journal.Feedback(ctx, policy.Feedback{ID: "chatcmpl-1", At: time.Unix(2, 0), Correct: false}); err != nil {
		t.Fatal(err)
	}
	three := fold(going)
	if one == before || three == one || going.model.Load().Lessons() != 3 {
		t.Errorf("versions %s, %s, %s after %d lessons", before, one, three, going.model.Load().Lessons())
	}
	if anew := fold(newLearning(config)); anew != three {
		t.Errorf("folded as it came %s, from the beginning %s", three, anew)
	}
}
