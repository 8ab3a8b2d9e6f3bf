package policy

import (
	"errors"
	"time"

	"github.com/drover-llm/drover/pricing"
)

// Account says who is charged for a request.
type Account struct {
	Key  string `json:"key"`            // id of the API key, never its secret
	Team string `json:"team,omitempty"` // the key's team, "" for none
}

// Hold is the most that one request may spend. It is journalled before the
// first token is bought; while no Outcome with its ID follows, the whole
// ceiling counts as spent.
type Hold struct {
	ID      string       `json:"id"` // of the request: the Outcome that settles it has the same
	At      time.Time    `json:"at"` // UTC
	Account Account      `json:"account"`
	Route   string       `json:"route,omitempty"`
	Ceiling *pricing.USD `json:"ceiling"`           // nil: no bound is known, because a price or an output limit is not
	Budgets []string     `json:"budgets,omitempty"` // names of those that it was taken from
}

// Errors about holds that an administrator may end.
var (
	ErrUnknownHold = errors.New("there is no open hold with this id")
	ErrUnderWay    = errors.New("the request is under way; its hold settles by itself")
)

// OpenHold is a hold that nothing has ended yet.
type OpenHold struct {
	Hold
	UnderWay bool // its request is being answered; otherwise it was cut off, and the hold counts as spent
}

// Release ends a hold that no Outcome will settle, because its request ended with
// the process: an administrator says what became of its money.
type Release struct {
	ID     string    `json:"id"` // of the hold
	At     time.Time `json:"at"`
	By     string    `json:"by"`     // who said so
	Charge bool      `json:"charge"` // the whole ceiling was spent; otherwise nothing was
}

// Outcome is what one request left behind: what was asked, what was done, what
// every call cost and how it ended. It is written once and never changed.
type Outcome struct {
	ID        string            `json:"id"` // of the answer, "chatcmpl-…"
	At        time.Time         `json:"at"` // when the request arrived, UTC
	Account   Account           `json:"account"`
	Requested string            `json:"requested"`       // model name that the client sent
	Route     string            `json:"route,omitempty"` // YAML route, "" when a model was called by name
	Model     string            `json:"model,omitempty"` // YAML name of the model that answered, "" when none did
	Reason    string            `json:"reason"`          // word of the verify schema
	Way       string            `json:"way"`             // direct, search, escalated or cache
	Task      *Task             `json:"task,omitempty"`  // what was to be solved; nil without tests
	Samples   []Sample          `json:"samples,omitempty"`
	Stop      string            `json:"stop,omitempty"` // why the search ended
	Stream    bool              `json:"stream,omitempty"`
	Calls     []Call            `json:"calls,omitempty"`    // in the order in which they were made
	Cost      *pricing.USD      `json:"cost"`               // sum over Calls; nil when the price of any is unknown
	Baseline  *pricing.USD      `json:"baseline,omitempty"` // what the route's first model would have cost; nil: not known
	Status    int               `json:"status"`             // HTTP status; 499 when the client had gone
	Error     string            `json:"error,omitempty"`    // code or type of the error that the client got
	Took      time.Duration     `json:"took"`               // nanoseconds from arrival to settling
	Tags      map[string]string `json:"tags,omitempty"`     // from x-drover-tags
	Prices    string            `json:"prices"`             // version of the price table that Cost was computed with

	// What was decided and on what grounds; absent where no plan was chosen.
	Features *Features         `json:"features,omitempty"`
	Plan     *Plan             `json:"plan,omitempty"`
	Chances  []Chance          `json:"chances,omitempty"`  // of every plan that was open
	Audit    bool              `json:"audit,omitempty"`    // everything planned was drawn, to learn from
	Policy   string            `json:"policy,omitempty"`   // version of the learned model
	Versions map[string]string `json:"versions,omitempty"` // by YAML name, what providers call the models
}

// Task is what was to be solved, and whether the returned answer does.
type Task struct {
	Language  string `json:"language,omitempty"`
	Source    string `json:"source"`              // of the tests: field, header, suite or prompt
	Tests     int    `json:"tests"`               // checks
	Passed    int    `json:"passed"`              // of the returned answer
	Verified  *bool  `json:"verified"`            // nil: nothing was judged
	Assurance string `json:"assurance,omitempty"` // high or low
}

// Sample is one answer of a search that was tested, or was to be.
type Sample struct {
	Call        int           `json:"call"` // index in the outcome's calls
	Model       string        `json:"model"`
	Temperature float64       `json:"temperature"`
	Hash        string        `json:"hash"`               // of the program, without its comments and layout
	Verdict     string        `json:"verdict,omitempty"`  // passed, failed, unjudged; empty: it came too late
	Equals      *int          `json:"equals,omitempty"`   // index of the equal sample that was run in its place
	Passed      int           `json:"passed"`             // checks
	Took        time.Duration `json:"took"`               // from the search's beginning until it came
	Judged      time.Duration `json:"judged"`             // from then until its verdict
	Returned    bool          `json:"returned,omitempty"` // it is the answer
	Correct     *bool         `json:"correct,omitempty"`  // by hidden tests
}

// Call is one call to a model, also one that failed or was cancelled: whatever
// spends is in here.
type Call struct {
	Model    string        `json:"model"`    // YAML name
	Provider string        `json:"provider"` // YAML name
	Usage    pricing.Usage `json:"usage"`
	Counted  bool          `json:"counted,omitempty"` // Usage is our own count: the provider sent none
	Cost     *pricing.USD  `json:"cost"`              // nil when the model's price is unknown
	Most     *pricing.USD  `json:"most,omitempty"`    // the most that it can have cost, where its end was not seen; nil: Cost is all
	Status   int           `json:"status,omitempty"`  // the provider's HTTP status, 0 when it sent none
	Tries    int           `json:"tries"`             // HTTP requests made, retries included
	Finish   string        `json:"finish,omitempty"`  // finish_reason of the first choice
	Error    string        `json:"error,omitempty"`   // what went wrong, without the provider's text
	Took     time.Duration `json:"took"`              // nanoseconds
}

// Saved is what the request cost less than the route's first model would have, below 0
// where it cost more; nil when that is not known.
func (o Outcome) Saved() *pricing.USD {
	if o.Baseline == nil || o.Cost == nil {
		return nil
	}
	saved, err := o.Baseline.Sub(*o.Cost)
	if err != nil {
		return nil
	}
	return &saved
}

// Charge is what the budgets are charged: what the calls cost, and those whose
// end was not seen the most that they can have cost. It is nil when that is not
// known.
func (o Outcome) Charge() *pricing.USD {
	if o.Cost == nil {
		return nil
	}
	sum := *o.Cost
	for _, c := range o.Calls {
		if c.Most == nil || c.Cost == nil || *c.Most <= *c.Cost {
			continue
		}
		more, err := sum.Add(*c.Most - *c.Cost)
		if err != nil {
			return nil
		}
		sum = more
	}
	return &sum
}
