package policy

import "time"

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
	Passed  int    `json:"passed"`
}
