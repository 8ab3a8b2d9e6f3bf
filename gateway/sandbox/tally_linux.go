package sandbox

import (
	"runtime"
	"time"
)

// tally adds up a run's processor time over all its processes, those that have
// ended included, from one look to the next.
//
// A process that was waited for hands its time to its parent, and one that was
// not takes it along. So there are two sums, neither of which is ever more than
// the truth: what the processes that are there say of themselves and of the
// children they waited for, and what every process said of itself when it was
// last seen. The larger one counts.
//
// A child that nobody waits for and that lives for less than the time between two
// looks is mostly missed by both. Where there are such children, a process that is
// first seen running is taken for what has run since the look before.
type tally struct {
	cpu time.Duration // so far; never falls

	looks int
	at    time.Time // of the look
	since time.Duration
	seen  map[string]account // by name, at the look before
	now   map[string]account
	gone  time.Duration // of those that have ended
	total time.Duration // what those there say of themselves and the children they waited for
	left  time.Duration // of the guess, which the machine's processors bound

	deaf   bool // some process lets its children go unheard
	behind int  // looks in a row at which time was missing that had been seen
}

// account is what a tally keeps of a process.
type account struct {
	cpu      time.Duration
	mappings int64
}

// unheard is how much time must be missing before children count as not waited for,
// beside what rounding to ticks loses.
const unheard = 100 * time.Millisecond

// Every so many looks, mappings are counted anew.
const mappingsEvery = 5

func newTally() *tally { return &tally{seen: map[string]account{}, at: time.Now()} }

func (t *tally) begin(at time.Time) {
	t.looks++
	t.since, t.at = at.Sub(t.at), at
	t.left = t.since * time.Duration(runtime.NumCPU())
	t.now = make(map[string]account, len(t.seen))
	t.total = 0
}

// add takes in one process, and returns how many mappings it has.
func (t *tally) add(p member, mappings func() int64) int64 {
	a, known := t.seen[p.name]
	t.deaf = t.deaf || p.deaf
	if !known && p.running && t.deaf {
		guess := min(t.since, t.left)
		t.left -= guess
		a.cpu = guess
	}
	a.cpu = max(a.cpu, p.own)
	if len(t.now) > 0 && (!known || t.looks%mappingsEvery == 0) {
		a.mappings = mappings() // one process alone cannot have enough of them to matter
	}
	t.now[p.name] = a
	t.total += p.own + p.reaped
	return a.mappings
}

func (t *tally) end() {
	var alive time.Duration
	for name, a := range t.seen {
		if _, ok := t.now[name]; !ok {
			t.gone += a.cpu
		}
	}
	for _, a := range t.now {
		alive += a.cpu
	}
	t.seen = t.now
	// A child that ends during a look can be missing from the first sum once, not twice.
	if alive+t.gone > t.total+unheard+time.Duration(len(t.now))*2*time.Second/clockTicks {
		t.behind++
	} else {
		t.behind = 0
	}
	t.deaf = t.deaf || t.behind > 1
	t.cpu = max(t.cpu, t.total, alive+t.gone)
}
