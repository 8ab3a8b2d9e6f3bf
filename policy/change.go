package policy

import "time"

// Change is what an administrator did: the journal keeps who, what and when.
type Change struct {
	At      time.Time `json:"at"` // UTC
	By      string    `json:"by"`
	Action  string    `json:"action"`            // such as key.create, hold.release or reload
	Subject string    `json:"subject,omitempty"` // id of what was changed
	Detail  string    `json:"detail,omitempty"`  // for people; never a secret
}

// ChangeEntry is a change and its place in the journal.
type ChangeEntry struct {
	Seq    uint64 `json:"seq"`
	Change Change `json:"change"`
}
