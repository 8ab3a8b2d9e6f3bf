package policy

import (
	"time"

	"github.com/drover-llm/drover/pricing"
)

// Spending is what one request cost, or what several of one day did that the
// ledger has folded together: as much as a budget has to know. It counts in the
// windows that At lies in.
type Spending struct {
	At       time.Time // when the request arrived, UTC; of folded ones, the beginning of their day
	Account  Account
	Route    string
	Model    string
	Cost     pricing.USD // what is known of it
	Requests int64
	Unknown  int64 // requests of which some price was not known
}

// Day is what the requests of one account, route and model came to on one day in
// UTC, kept when their outcomes were forgotten.
type Day struct {
	Account  Account     `json:"account"`
	Route    string      `json:"route,omitempty"`
	Model    string      `json:"model,omitempty"`
	Cost     pricing.USD `json:"cost"` // what is known of it
	Requests int64       `json:"requests"`
	Unknown  int64       `json:"unknown,omitempty"`  // requests of which some price was not known
	Failed   int64       `json:"failed,omitempty"`   // answered with a status of 400 or more
	Verified int64       `json:"verified,omitempty"` // answers that passed their tests
	Refuted  int64       `json:"refuted,omitempty"`  // answers that failed them
	Calls    int64       `json:"calls"`              // calls to models
	Prompt   int64       `json:"prompt"`             // tokens
	Output   int64       `json:"output"`             // tokens
}

// Add takes an outcome into the sums.
func (d *Day) Add(o *Outcome) error {
	d.Requests++
	if o.Cost == nil {
		d.Unknown++
	} else {
		sum, err := d.Cost.Add(*o.Cost)
		if err != nil {
			return err
		}
		d.Cost = sum
	}
	if o.Status >= 400 {
		d.Failed++
	}
	switch o.VerifiedWord() {
	case "true":
		d.Verified++
	case "false":
		d.Refuted++
	}
	for _, c := range o.Calls {
		d.Calls, d.Prompt, d.Output = d.Calls+1, d.Prompt+c.Usage.Prompt, d.Output+c.Usage.Completion
	}
	return nil
}
