package policy

import (
	"errors"
	"time"
)

// Reasons why a token does not open the door. All of them are a 401 outside;
// only the log tells them apart.
var (
	ErrUnknownKey = errors.New("unknown API key")
	ErrRevokedKey = errors.New("revoked API key")
	ErrExpiredKey = errors.New("expired API key")
)

// Key is an API key without its secret, of which only a keyed hash is kept.
type Key struct {
	ID      string            `json:"id"`
	Name    string            `json:"name"`
	Team    string            `json:"team,omitempty"`
	Models  []string          `json:"models,omitempty"`  // names that it may use; empty means all
	Budgets []string          `json:"budgets,omitempty"` // names of those that it is charged to, beside its team's, the route's and all's
	Tags    map[string]string `json:"tags,omitempty"`    // kept with each of its outcomes
	Created time.Time         `json:"created"`
	Expires time.Time         `json:"expires,omitzero"` // zero: never
	Revoked time.Time         `json:"revoked,omitzero"` // zero: not revoked
}

// Account is who pays for what the key asks.
func (k Key) Account() Account { return Account{Key: k.ID, Team: k.Team} }
