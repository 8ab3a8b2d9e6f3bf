package gateway

import "time"

// slotLength is how finely a minute is told apart, and slots how many of them
// there are: 60 seconds and the one that is under way.
const (
	slotLength = 250 * time.Millisecond
	slots      = int64(time.Minute/slotLength) + 1
)

// minute counts what happened in the last 60 seconds: in any 60 seconds, not by
// the clock's minutes, over whose edge twice as much would fit. What happened is
// forgotten up to a quarter of a second late, never early.
type minute struct {
	counts [slots]int64
	latest int64 // number of the newest slot, since 1970
	sum    int64
}

func slotOf(at time.Time) int64 { return at.UnixNano() / int64(slotLength) }

// advance forgets what is older than a minute at a moment, and returns its slot. A
// clock that steps back stands still.
func (m *minute) advance(at time.Time) int64 {
	slot := max(slotOf(at), m.latest)
	for n := min(slot-m.latest, slots); n > 0; n-- {
		m.sum -= m.counts[(slot-n+1)%slots]
		m.counts[(slot-n+1)%slots] = 0
	}
	m.latest = slot
	return slot
}

// used is the sum over the last minute.
func (m *minute) used(at time.Time) int64 {
	m.advance(at)
	return m.sum
}

// add counts n and returns the slot that it lies in.
func (m *minute) add(at time.Time, n int64) int64 {
	slot := m.advance(at)
	m.counts[slot%slots] += n
	m.sum += n
	return slot
}

// correct changes what was counted in a slot, unless that is forgotten.
func (m *minute) correct(slot, n int64) {
	if slot > m.latest-slots {
		m.counts[slot%slots] += n
		m.sum += n
	}
}

// wait is how long it takes until so many are forgotten.
func (m *minute) wait(at time.Time, n int64) time.Duration {
	m.advance(at)
	for slot := m.latest - slots + 1; slot <= m.latest; slot++ {
		if n -= m.counts[slot%slots]; n <= 0 {
			return m.until(slot, at)
		}
	}
	return time.Minute
}

// reset is how long it takes until all are forgotten.
func (m *minute) reset(at time.Time) time.Duration {
	m.advance(at)
	for slot := m.latest; slot > m.latest-slots; slot-- {
		if m.counts[slot%slots] != 0 {
			return m.until(slot, at)
		}
	}
	return 0
}

// until is how long it takes until a slot is forgotten.
func (m *minute) until(slot int64, at time.Time) time.Duration {
	return time.Unix(0, (slot+slots)*int64(slotLength)).Sub(at)
}
