package main

import (
	"strings"
	"testing"
	"time"
)

func TestMomentIsADayATimeOrHowLongAgo(t *testing.T) {
	for text, want := range map[string]time.Time{
		"2027-01-31":                time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC),
		"2027-01-31T12:00:00+02:00": time.Date(2027, 1, 31, 10, 0, 0, 0, time.UTC),
	} {
		var m moment
		if err := m.UnmarshalText([]byte(text)); err != nil || !m.Equal(want) {
			t.Errorf("%s: got %v, %v", text, m, err)
		}
	}
	for text, ago := range map[string]time.Duration{"30d": 720 * time.Hour, "90m": 90 * time.Minute} {
		before := time.Now()
		var m moment
		if err := m.UnmarshalText([]byte(text)); err != nil || m.Before(before.Add(-ago)) || m.After(time.Now().Add(-ago)) {
			t.Errorf("%s: got %v, %v", text, m, err)
		}
	}
	for _, text := range []string{"", "yesterday", "-5h", "2027-13-01", "0s"} {
		var m moment
		if err := m.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), "30d") {
			t.Errorf("%q: got %v, %v", text, m, err)
		}
	}
	if got := (moment{}).query(); got != "" {
		t.Errorf("no moment is asked for as %q", got)
	}
}
