package policy

import (
	"encoding/json"
	"errors"
	"time"
)

// Bounds on what one owner may register. A suite is kept in the ledger for as
// long as nobody deletes it.
const (
	MaxSuites     = 1000
	MaxSuiteBytes = 4 << 20   // of one suite
	MaxSuitesSize = 256 << 20 // of all suites of an owner together, in bytes
)

// Errors about suites that callers tell apart.
var (
	ErrUnknownSuite = errors.New("unknown suite")
	ErrSuitesFull   = errors.New("no room for another suite")
)

// Suite is a verify object that was registered once, to be named by its id.
type Suite struct {
	ID      string          `json:"id"` // "suite_…"
	At      time.Time       `json:"at"` // when it was registered, UTC
	Account Account         `json:"account"`
	Spec    json.RawMessage `json:"spec"` // the request object of the verify schema
}

// Owner names who shares suites and hears feedback with the account: its team,
// or the key alone where it has none. Teams and keys cannot be mistaken for each
// other.
func (a Account) Owner() string {
	if a.Team != "" {
		return "team:" + a.Team
	}
	return "key:" + a.Key
}
