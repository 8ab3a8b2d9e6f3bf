package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Reasons why a token does not open the door. All of them are a 401 outside. Of the
// last two, whoever has the right secret is told: the error is an *EndedKeyError.
var (
	ErrUnknownKey = errors.New("unknown API key")
	ErrRevokedKey = errors.New("revoked API key")
	ErrExpiredKey = errors.New("expired API key")
)

// EndedKeyError says which key has ended, and when, to somebody who had its secret.
type EndedKeyError struct {
	ID  string
	At  time.Time // UTC
	Why error     // ErrRevokedKey or ErrExpiredKey
}

func (e *EndedKeyError) Error() string {
	return fmt.Sprintf("%v: %s, since %s", e.Why, e.ID, e.At.Format(time.RFC3339))
}

func (e *EndedKeyError) Unwrap() error { return e.Why }

// Key is an API key without its secret, of which only a keyed hash is kept.
type Key struct {
	ID      string            `json:"id"`
	Name    string            `json:"name"`
	Team    string            `json:"team,omitempty"`
	Models  []string          `json:"models,omitempty"`  // names that it may use; empty means all
	Budgets []string          `json:"budgets,omitempty"` // names of those that it is charged to, beside its team's, the route's and all's
	Tags    map[string]string `json:"tags,omitempty"`    // kept with every outcome; a request's own go before
	Created time.Time         `json:"created"`
	Expires time.Time         `json:"expires,omitzero"` // zero: never
	Revoked time.Time         `json:"revoked,omitzero"` // zero: not revoked
	Rotated time.Time         `json:"rotated,omitzero"` // when it got its present secret; zero: it is the first
	// Overlap is until when the secret before that one is taken too; zero: it is not.
	Overlap time.Time `json:"overlap,omitzero"`
}

// KeyChange says what is to become of a key; nil fields stay as they are.
type KeyChange struct {
	Name    *string
	Models  *[]string
	Budgets *[]string
	Tags    *map[string]string
	Expires *time.Time // zero: never
}

// Apply returns k as it is after the change.
func (c KeyChange) Apply(k Key) Key {
	if c.Name != nil {
		k.Name = *c.Name
	}
	if c.Models != nil {
		k.Models = slices.Clone(*c.Models)
	}
	if c.Budgets != nil {
		k.Budgets = slices.Clone(*c.Budgets)
	}
	if c.Tags != nil {
		k.Tags = maps.Clone(*c.Tags)
	}
	if c.Expires != nil {
		k.Expires = c.Expires.UTC()
	}
	return k
}

// String says in one line what a key is allowed and charged to, and never a secret:
// such as "ci; team acme; models auto; budgets small; until 2027-01-31T00:00:00Z".
func (k Key) String() string {
	var parts []string
	add := func(what, value string) {
		if value != "" {
			parts = append(parts, strings.TrimPrefix(what+" "+value, " "))
		}
	}
	add("", k.Name)
	add("team", k.Team)
	add("models", strings.Join(k.Models, ","))
	add("budgets", strings.Join(k.Budgets, ","))
	var tags []string
	for _, name := range slices.Sorted(maps.Keys(k.Tags)) {
		tags = append(tags, name+"="+k.Tags[name])
	}
	add("tags", strings.Join(tags, ","))
	if !k.Expires.IsZero() {
		add("until", k.Expires.UTC().Format(time.RFC3339))
	}
	return strings.Join(parts, "; ")
}

// AddTags joins the key's tags to those of a request, which go before.
func (k Key) AddTags(request map[string]string) map[string]string {
	if len(k.Tags) == 0 {
		return request
	}
	tags := maps.Clone(k.Tags)
	maps.Copy(tags, request)
	return tags
}

// Account is who pays for what the key asks.
func (k Key) Account() Account { return Account{Key: k.ID, Team: k.Team} }
