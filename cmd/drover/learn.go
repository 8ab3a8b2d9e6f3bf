package main

import (
	"context"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	"github.com/drover-llm/drover/configs"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/ledger"
)

// learnEvery is how often what was journalled is looked at. Between two looks the
// model stays what it is: making another takes some milliseconds.
const learnEvery = time.Second

// learning folds the journal into a model, in its order, so that the same journal
// gives the same model. One goroutine learns; requests read the latest model.
type learning struct {
	lessons
	after uint64 // last record that was folded
	whole uint64 // up to here, nothing was forgotten before it was folded
	model atomic.Pointer[policy.Model]

	latest []policy.Pairing        // of the configuration in force
	anew   atomic.Pointer[lessons] // to begin again with, because it has other searches
}

func newLearning(c *configs.Config, log *slog.Logger) *learning {
	l := &learning{lessons: *newLessons(c, log)}
	l.latest = l.pairings
	l.model.Store(l.learner.Model())
	return l
}

// reconfigure is told of another configuration, one at a time. Where its searches
// are others, the journal is folded anew, as a start would: their models learn of the
// published counts in it, and the same journal still gives the same model. Until that
// is done, requests are decided by what was learned before.
func (l *learning) reconfigure(c *configs.Config) {
	if now := pairings(c); !reflect.DeepEqual(now, l.latest) {
		l.latest = now
		l.anew.Store(newLessons(c, l.log))
	}
}

// pairings are the searches of the routes.
func pairings(c *configs.Config) []policy.Pairing {
	id := func(name string) policy.ModelID { return policy.ModelID{Name: name, Version: c.Models[name].Name} }
	var all []policy.Pairing
	for _, name := range slices.Sorted(maps.Keys(c.Routes)) {
		route := c.Routes[name]
		if len(route.Search) == 0 {
			continue
		}
		p := policy.Pairing{Small: id(route.Search[0].Model)}
		for _, rung := range route.Search[1:] {
			p.Others = append(p.Others, id(rung.Model))
		}
		for _, direct := range route.Direct {
			p.Others = append(p.Others, id(direct))
		}
		all = append(all, p)
	}
	return all
}

// fold learns what was journalled since. What is forgotten meanwhile is in what
// the ledger says was learned, and is taken from there.
func (l *learning) fold(ctx context.Context, journal *ledger.Ledger) error {
	if anew := l.anew.Swap(nil); anew != nil {
		l.lessons, l.after, l.whole = *anew, 0, 0
	}
	for {
		state, through, err := journal.Learned()
		if err != nil {
			return err
		}
		if through > l.whole {
			if err := l.Restore(state); err != nil {
				return err
			}
			l.after, l.whole = through, through
		} else if l.after > l.whole {
			l.whole = l.after
		}
		read := false
		for e, err := range journal.Events(ctx, l.after) {
			if err == nil {
				err = l.Fold(e)
			}
			if err != nil {
				return err
			}
			l.after, read = e.Seq, true
		}
		if !read {
			break
		}
	}
	if l.learner.Version() != l.model.Load().Version() {
		m := l.learner.Model()
		m.Warm(l.model.Load())
		l.model.Store(m)
	}
	return nil
}

// follow learns until ctx ends. Trouble with the journal is said once each time
// that it begins: what was learned goes on being used.
func (l *learning) follow(ctx context.Context, journal *ledger.Ledger, log *slog.Logger) error {
	tick := time.NewTicker(learnEvery)
	defer tick.Stop()
	failing := false
	for {
		err := l.fold(ctx, journal)
		if err != nil && ctx.Err() == nil && !failing {
			log.Error("learning stands still", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
