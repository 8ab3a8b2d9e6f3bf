package main

import (
	"fmt"
	"time"

	"github.com/drover-llm/drover/configs"
)

// moment is a time in the past that a flag names. The zero value is none.
type moment struct{ time.Time }

// UnmarshalText reads a day, a time of RFC 3339, or how long ago it was, with d for
// days of 24 hours.
func (m *moment) UnmarshalText(text []byte) error {
	s := string(text)
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, s); err == nil {
			m.Time = at
			return nil
		}
	}
	ago, err := configs.ParseDuration(s)
	if err != nil || ago <= 0 {
		return fmt.Errorf("must be a day such as 2027-01-31, a time such as 2027-01-31T12:00:00Z, or how long ago, such as 30d or 12h, got %q", s)
	}
	m.Time = time.Now().Add(-ago)
	return nil
}

// query is the moment as the admin API takes it, "" for none.
func (m moment) query() string {
	if m.IsZero() {
		return ""
	}
	return m.UTC().Format(time.RFC3339Nano)
}
