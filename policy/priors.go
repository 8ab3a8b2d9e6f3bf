package policy

import (
	"errors"
	"fmt"
	"time"
)

// Priors are published pass counts: how many of so many samples of a model
// passed, by problem. They say what to expect before there are outcomes.
type Priors struct {
	Name   string      `json:"name"` // of the table; another of the same name takes its place
	At     time.Time   `json:"at"`   // when they were imported, UTC
	By     string      `json:"by"`
	Counts []PassCount `json:"counts"`
}

// PassCount is what became of one model's samples for one problem.
type PassCount struct {
	Model   string `json:"model"`
	Problem string `json:"problem"`
	Samples int    `json:"samples"`
	Right   int    `json:"right"`
	// Passed the weaker tests, the right ones among them; equal to Right where
	// there was one kind of tests.
	Passed     int `json:"passed"`
	Prompt     int `json:"prompt,omitempty"`     // tokens of all samples; 0: not recorded
	Completion int `json:"completion,omitempty"` // tokens
}

// Validate says what is wrong with the first table that is.
func (p Priors) Validate() error {
	if p.Name == "" || len(p.Name) > maxNameLength {
		return fmt.Errorf("the name of the table must have 1 to %d bytes", maxNameLength)
	}
	if len(p.Counts) == 0 {
		return errors.New("the table is empty")
	}
	for i, c := range p.Counts {
		if c.Model == "" || c.Problem == "" || c.Samples < 1 || c.Right < 0 || c.Right > c.Passed || c.Passed > c.Samples {
			return fmt.Errorf("count %d: needs a model, a problem, and right <= passed <= samples, got %+v", i+1, c)
		}
	}
	return nil
}
