package policy

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Every is how often a budget begins anew: a calendar window in UTC. The zero
// value never does.
type Every string

// The windows that a budget can have.
const (
	Ever        Every = ""
	EveryMinute Every = "minute"
	EveryHour   Every = "hour"
	EveryDay    Every = "day"
	EveryWeek   Every = "week" // from Monday
	EveryMonth  Every = "month"
)

// everies are all kinds of windows; the book keeps totals by each of them.
var everies = [...]Every{Ever, EveryMinute, EveryHour, EveryDay, EveryWeek, EveryMonth}

// index is e's place in everies, -1 for a word that is none.
func (e Every) index() int {
	for i, known := range everies {
		if e == known {
			return i
		}
	}
	return -1
}

// UnmarshalText reads a word of a configuration.
func (e *Every) UnmarshalText(text []byte) error {
	*e = Every(text)
	if *e == Ever || e.index() < 0 {
		var words []string
		for _, known := range everies[1:] {
			words = append(words, string(known))
		}
		return fmt.Errorf("must be one of %s, got %q", strings.Join(words, ", "), text)
	}
	return nil
}

const daySeconds = 24 * 60 * 60

// window returns the bounds of the window that at, in Unix seconds, lies in:
// start is in it, end is not.
func (e Every) window(at int64) (start, end int64) {
	switch e {
	case EveryMinute:
		return around(at, 60, 0)
	case EveryHour:
		return around(at, 60*60, 0)
	case EveryDay:
		return around(at, daySeconds, 0)
	case EveryWeek:
		return around(at, 7*daySeconds, -3*daySeconds) // 1970 began on a Thursday
	case EveryMonth:
		y, m, _ := time.Unix(at, 0).UTC().Date()
		return time.Date(y, m, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(y, m+1, 1, 0, 0, 0, 0, time.UTC).Unix()
	}
	return math.MinInt64, math.MaxInt64
}

// around is the window of a length that at lies in, where one begins at origin.
func around(at, length, origin int64) (start, end int64) {
	past := (at - origin) % length
	if past < 0 {
		past += length
	}
	return at - past, at - past + length
}

// Window returns the bounds of the calendar window that at lies in, in UTC; both
// are zero for Ever.
func (e Every) Window(at time.Time) (start, end time.Time) {
	if e == Ever {
		return time.Time{}, time.Time{}
	}
	from, to := e.window(at.Unix())
	return time.Unix(from, 0).UTC(), time.Unix(to, 0).UTC()
}
