package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
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
	going := newLearning(config, slog.New(slog.DiscardHandler))
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
	if anew := fold(newLearning(config, slog.New(slog.DiscardHandler))); anew != three {
		t.Errorf("folded as it came %s, from the beginning %s", three, anew)
	}
}

// What was learned of outcomes outlives them: after they are forgotten, a server
// that goes on and one that starts again believe what they would, had nothing
// been forgotten. A model that the configuration names only then learns of the
// published counts too.
func TestForgottenOutcomesStayLearned(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	config := &configs.Config{
		Models: map[string]gateway.ModelConfig{"small": {Name: "s-1"}, "strong": {Name: "g-1"}, "other": {Name: "o-1"}},
		Routes: map[string]gateway.RouteConfig{"auto": {Direct: gateway.Names{"strong"}, Search: []gateway.RungConfig{{Model: "small"}}}},
	}
	ctx, path, now := t.Context(), filepath.Join(t.TempDir(), "drover.db"), time.Unix(1<<30, 0)
	open := func() *ledger.Ledger {
		t.Helper()
		l, err := ledger.Open(path, ledger.Options{Learn: func() ledger.Folder { return newLessons(config, log) }})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	journal := open()
	request := func(n int) {
		t.Helper()
		id := fmt.Sprint("chatcmpl-", n)
		o := policy.Outcome{ID: id, At: now.AddDate(0, 0, n/10), Way: "search", Reason: "tests_given", Plan: &policy.Plan{Samples: 64, LastResort: true, Small: "small"},
			Cost: new(pricing.USD), Status: 200, Features: &policy.Features{Language: "python", Tests: 5}, Versions: map[string]string{"small": "s-1", "strong": "g-1"}}
		for i := range 1 + n%4 {
			o.Samples = append(o.Samples, policy.Sample{Call: i, Model: "small", Verdict: []string{"passed", "failed"}[(n+i)%2], Returned: i == 0})
		}
		o.Samples = append(o.Samples, policy.Sample{Model: "strong", Verdict: []string{"passed", "failed"}[n/3%2]})
		o.Calls = []policy.Call{{Model: "small", Status: 200, Usage: pricing.Usage{Prompt: int64(90 + n), Completion: int64(70 - n)}, Cost: new(pricing.USD)}}
		err := errors.Join(journal.Hold(ctx, policy.Hold{ID: id, At: o.At, Ceiling: new(pricing.USD)}), journal.Settle(ctx, o))
		if n%5 == 0 {
			err = errors.Join(err, journal.Feedback(ctx, policy.Feedback{ID: id, At: o.At, Correct: n%2 == 0}))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	state := func(l *learning) string {
		t.Helper()
		if err := l.fold(ctx, journal); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(l.learner)
		if err != nil {
			t.Fatal(err)
		}
		return l.model.Load().Version() + " " + string(text)
	}
	going, late := newLearning(config, log), newLearning(config, log)
	if err := journal.AddPriors(ctx, policy.Priors{Name: "counts", At: now, By: "test", Counts: []policy.PassCount{
		{Model: "small", Problem: "1", Samples: 9, Right: 4, Passed: 5}, {Model: "other", Problem: "1", Samples: 9, Right: 2, Passed: 2}}}); err != nil {
		t.Fatal(err)
	}
	for n := range 40 {
		request(n)
		if n == 5 {
			state(late) // and then nothing until all is forgotten that came since
		}
	}
	whole := state(going)
	if n, err := journal.Forget(ctx, now.AddDate(0, 0, 2)); err != nil || n != 20 {
		t.Fatalf("forgot %d: %v", n, err)
	}
	for n := 40; n < 50; n++ {
		request(n)
	}
	whole50 := state(going)
	if whole50 == whole {
		t.Fatal("ten requests taught nothing")
	}
	if err := journal.Close(); err != nil {
		t.Fatal(err)
	}
	journal = open()
	defer func() { journal.Close() }()
	for name, l := range map[string]*learning{"one that starts again": newLearning(config, log), "one that had fallen behind": late} {
		if got := state(l); got != whole50 {
			t.Errorf("%s believes %.200s, one that went on %.200s", name, got, whole50)
		}
	}
	if n, err := journal.Forget(ctx, now.AddDate(0, 0, 4)); err != nil || n != 20 {
		t.Fatalf("forgot %d more: %v", n, err)
	}
	if got := state(newLearning(config, log)); got != whole50 {
		t.Errorf("after forgetting twice %.200s, not %.200s", got, whole50)
	}

	config.Routes["another"] = gateway.RouteConfig{Direct: gateway.Names{"strong"}, Search: []gateway.RungConfig{{Model: "other"}}}
	more := newLearning(config, log)
	state(more)
	if more.model.Load().Lessons() != going.model.Load().Lessons()+1 {
		t.Errorf("a model that was named later gives %d lessons, %d before", more.model.Load().Lessons(), going.model.Load().Lessons())
	}
}

// A reloaded configuration that names another model for a search teaches it the
// published counts at once, and believes what a server believes that starts with it;
// one with the same searches changes nothing.
func TestReloadTeachesNewModelsThePublishedCounts(t *testing.T) {
	journal, err := ledger.Open(filepath.Join(t.TempDir(), "drover.db"), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	ctx, log := t.Context(), slog.New(slog.DiscardHandler)
	config := func(searched ...string) *configs.Config {
		c := &configs.Config{Models: map[string]gateway.ModelConfig{"small": {Name: "s-1"}, "other": {Name: "o-1"}, "strong": {Name: "g-1"}}, Routes: map[string]gateway.RouteConfig{}}
		for _, name := range searched {
			c.Routes[name] = gateway.RouteConfig{Direct: gateway.Names{"strong"}, Search: []gateway.RungConfig{{Model: name}}}
		}
		return c
	}
	if err := journal.AddPriors(ctx, policy.Priors{Name: "counts", At: time.Unix(1, 0), By: "test", Counts: []policy.PassCount{
		{Model: "small", Problem: "1", Samples: 9, Right: 4, Passed: 5}, {Model: "other", Problem: "1", Samples: 9, Right: 2, Passed: 2}}}); err != nil {
		t.Fatal(err)
	}
	fold := func(l *learning) *policy.Model {
		t.Helper()
		if err := l.fold(ctx, journal); err != nil {
			t.Fatal(err)
		}
		return l.model.Load()
	}
	going := newLearning(config("small"), log)
	before := fold(going)
	going.reconfigure(config("small"))
	if same := fold(going); same != before || same.Lessons() != 1 {
		t.Errorf("the same searches made another model, of %d lessons", same.Lessons())
	}
	going.reconfigure(config("small", "other"))
	after, started := fold(going), fold(newLearning(config("small", "other"), log))
	if after.Version() != started.Version() || after.Lessons() != 2 {
		t.Errorf("after the reload %s, after a start %s", after.Version(), started.Version())
	}
}
