package policy

import (
	"errors"
	"time"
)

// Errors about feedback that callers tell apart.
var (
	ErrUnknownOutcome = errors.New("unknown outcome")
	ErrSettled        = errors.New("there is an outcome with this id")
	ErrFeedbackFull   = errors.New("too many sources have spoken about this answer")
)

// MaxFeedbackSources is how many sources may speak about one answer.
const MaxFeedbackSources = 16

// Feedback is a hidden verdict: what somebody found out later about an answer.
// The last word of a source counts; several sources may disagree.
type Feedback struct {
	ID      string    `json:"id"` // of the outcome
	At      time.Time `json:"at"` // UTC
	Account Account   `json:"account"`
	Source  string    `json:"source,omitempty"` // who says so: "ci", "review"; may be empty
	Correct bool      `json:"correct"`
	Before  *bool     `json:"before,omitempty"` // what the source said before; nil for its first word
}
