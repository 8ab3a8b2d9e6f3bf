package policy

import "github.com/drover-llm/drover/pricing"

// Inspection is what a check of the whole ledger found.
type Inspection struct {
	Records   int         `json:"records"`
	Outcomes  int         `json:"outcomes"`
	Imported  int         `json:"imported"`
	OpenHolds int         `json:"open_holds"` // each counts as spent until somebody says otherwise
	Keys      int         `json:"keys"`
	Spent     pricing.USD `json:"spent_usd"` // by the outcomes that are there, as far as prices are known
	Unpriced  int         `json:"unpriced"`  // outcomes of which some price was not known
	Faulty    int         `json:"faults"`
	Faults    []string    `json:"fault_list"` // the first of them
}
