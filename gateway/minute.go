package gateway

import "time"

// slotLength is how finely a minute is told apart, and slots how many of them
// there are: 60 seconds and the one that is under way.
const (
	slotLength = 250 * time.Millisecond
	slots      = int64(time.Minute/slotLength) + 1
)

// minute counts what happened in the last 60 seconds: in any 60 seconds, not by
// the clock's minutes, over whose edge twice as much would fit. What happened
// within a quarter of a second is forgotten together, a minute after the last of it:
// never early, and nobody waits for longer than a minute.
type minute struct {
	counts [slots]int64
	last   [slots]int32 // microseconds from the slot's start to the last that was added, rounded up
	latest int64        // number of the newest slot, since 1970
	first  int64        // of the oldest that is not forgotten
	sum    int64
}

func slotOf(at time.Time) int64 { return at.UnixNano() / int64(slotLength) }

// end is when what lies in a slot is forgotten.
func (m *minute) end(slot int64) time.Time {
	return time.Unix(0, slot*int64(slotLength)).Add(time.Duration(m.last[slot%slots])*time.Microsecond + time.Minute)
}

// advance forgets what is older than a minute at a moment, and returns its slot. A
// clock that steps back stands still.
func (m *minute) advance(at time.Time) int64 {
	slot := max(slotOf(at), m.latest)
	for n := min(slot-m.latest, slots); n > 0; n-- {
		i := (slot - n + 1) % slots
		m.sum -= m.counts[i]
		m.counts[i], m.last[i] = 0, 0
	}
	m.latest, m.first = slot, max(m.first, slot-slots+1)
	if oldest := m.first % slots; m.first == slot-slots+1 && !at.Before(m.end(m.first)) {
		m.sum -= m.counts[oldest]
		m.counts[oldest] = 0
		m.first++
	}
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
	since := max(at.Sub(time.Unix(0, slot*int64(slotLength))), 0)
	m.last[slot%slots] = max(m.last[slot%slots], int32((since+time.Microsecond-1)/time.Microsecond)) //nolint:gosec // below a quarter of a second
	m.counts[slot%slots] += n
	m.sum += n
	return slot
}

// correct changes what was counted in a slot, unless that is forgotten.
func (m *minute) correct(slot, n int64) {
	if slot >= m.first {
		m.counts[slot%slots] += n
		m.sum += n
	}
}

// wait is how long it takes until so many are forgotten.
func (m *minute) wait(at time.Time, n int64) time.Duration {
	m.advance(at)
	for slot := m.first; slot <= m.latest; slot++ {
		if n -= m.counts[slot%slots]; n <= 0 {
			return m.end(slot).Sub(at)
		}
	}
	return time.Minute
}

// reset is how long it takes until all are forgotten.
func (m *minute) reset(at time.Time) time.Duration {
	m.advance(at)
	for slot := m.latest; slot >= m.first; slot-- {
		if m.counts[slot%slots] != 0 {
			return m.end(slot).Sub(at)
		}
	}
	return 0
}
