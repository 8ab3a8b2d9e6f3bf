package main

import (
	"encoding/json"
	"log/slog"
	"slices"

	"github.com/drover-llm/drover/configs"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/ledger"
)

// lessons fold events of the journal into what is believed. The ledger folds some
// of its own before it forgets outcomes, and keeps what they came to.
type lessons struct {
	learner  *policy.Learner
	pairings []policy.Pairing // of the configuration
	known    []policy.Pairing // that priors were folded for: those, and of earlier configurations
	priors   []policy.Priors  // folded so far
	log      *slog.Logger
}

// lessonsState is what the ledger keeps. Published counts are in it whole: a model
// that a later configuration names learns of them too.
type lessonsState struct {
	Learner  *policy.Learner  `json:"learner"`
	Pairings []policy.Pairing `json:"pairings"`
	Priors   []policy.Priors  `json:"priors,omitempty"`
}

func newLessons(c *configs.Config, log *slog.Logger) *lessons {
	all := pairings(c)
	return &lessons{learner: policy.NewLearner(), pairings: all, known: all, log: log}
}

// Fold learns of one event.
func (l *lessons) Fold(e ledger.Event) error {
	switch {
	case e.Feedback != nil:
		l.learner.Feedback(*e.Outcome, e.Feedback.Correct)
	case e.Outcome != nil:
		l.learner.Outcome(*e.Outcome)
	case e.Priors != nil:
		l.learner.Priors(*e.Priors, l.pairings)
		l.priors = append(l.priors, *e.Priors)
	}
	return nil
}

// Snapshot is what was learned.
func (l *lessons) Snapshot() ([]byte, error) {
	return json.Marshal(lessonsState{l.learner, l.known, l.priors})
}

// Restore takes up what Snapshot returned, nil: nothing. What another version of
// drover learned over other grids is left out: there is no reading it.
func (l *lessons) Restore(state []byte) error {
	kept := lessonsState{Learner: policy.NewLearner()}
	if state != nil {
		if err := json.Unmarshal(state, &kept); err != nil {
			l.log.Warn("what was learned of outcomes that were forgotten since cannot be used, and is left out", "error", err)
			kept = lessonsState{Learner: policy.NewLearner()}
		}
	}
	var since []policy.Pairing // that the configuration has now, and had not then
	for _, p := range l.pairings {
		if !slices.ContainsFunc(kept.Pairings, func(q policy.Pairing) bool { return q.Small == p.Small }) {
			since = append(since, p)
		}
	}
	l.learner, l.priors, l.known = kept.Learner, kept.Priors, slices.Concat(kept.Pairings, since)
	for _, p := range l.priors {
		l.learner.Priors(p, since)
	}
	return nil
}
