package policy

import "time"

// Entry is an outcome and its place in the journal.
type Entry struct {
	Seq      uint64  `json:"seq"` // grows with time, with gaps
	Outcome  Outcome `json:"outcome"`
	Imported bool    `json:"imported,omitempty"` // recorded elsewhere: its cost is no money of this ledger
}

// Filter says which outcomes are wanted; a zero field wants all.
type Filter struct {
	Key, Team, Route, Model string
	Status                  int
	Since                   time.Time         // arrived then or later
	Until                   time.Time         // arrived before
	Verified                string            // true, false, or null for what was not judged
	Tags                    map[string]string // all of them
}

// Matches reports whether the outcome is wanted.
func (f Filter) Matches(o *Outcome) bool {
	for _, c := range []struct{ want, have string }{
		{f.Key, o.Account.Key}, {f.Team, o.Account.Team}, {f.Route, o.Route}, {f.Model, o.Model}, {f.Verified, o.VerifiedWord()},
	} {
		if c.want != "" && c.want != c.have {
			return false
		}
	}
	for name, value := range f.Tags {
		if have, tagged := o.Tags[name]; !tagged || have != value {
			return false
		}
	}
	return (f.Status == 0 || f.Status == o.Status) &&
		(f.Since.IsZero() || !o.At.Before(f.Since)) && (f.Until.IsZero() || o.At.Before(f.Until))
}

// VerifiedWord is whether the answer passed its tests: true, false or null.
func (o *Outcome) VerifiedWord() string {
	switch {
	case o.Task == nil || o.Task.Verified == nil:
		return "null"
	case *o.Task.Verified:
		return "true"
	}
	return "false"
}
