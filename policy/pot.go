package policy

import (
	"math"
	"slices"

	"github.com/drover-llm/drover/pricing"
)

// rememberedWindows is how many windows of each kind a pot keeps, the latest by
// their time. A clock that steps back finds the money of those windows as it left
// it; in windows before them nothing can be spent.
const rememberedWindows = 256

// pot is the money of one budget, by all kinds of windows: so that a change of
// the budget's window finds what was spent in the new one.
type pot [len(everies)]windows

// windows are those of one kind.
type windows struct {
	byStart map[int64]*window
	last    *window // the one that was asked for last
	shut    int64   // start of the latest window that is forgotten; it and those before it stay shut
}

// window is what was spent and is held in one window.
type window struct {
	start, end  int64 // Unix seconds
	spent, held pricing.USD
	busy        pricing.USD // the part of held that is for requests under way in this process
	warned      bool        // the soft share was told of
	refused     bool        // a request was refused
}

func newPot() *pot {
	p := new(pot)
	for i := range p {
		p[i] = windows{byStart: map[int64]*window{}, shut: math.MinInt64}
	}
	return p
}

// peek returns the window of the kind that at, in Unix seconds, lies in: nil when
// it is empty, or when it is shut.
func (w *windows) peek(kind int, at int64) (found *window, shut bool) {
	if w.last != nil && w.last.start <= at && at < w.last.end {
		return w.last, false
	}
	start, _ := everies[kind].window(at)
	if found = w.byStart[start]; found != nil {
		w.last = found
		return found, false
	}
	return nil, w.isShut(start)
}

func (w *windows) isShut(start int64) bool { return w.shut != math.MinInt64 && start <= w.shut }

// at is peek, but makes the window where it is empty.
func (w *windows) at(kind int, at int64) *window {
	found, shut := w.peek(kind, at)
	if found != nil || shut {
		return found
	}
	start, end := everies[kind].window(at)
	found = &window{start: start, end: end}
	w.byStart[start] = found
	if len(w.byStart) > rememberedWindows {
		w.forget()
	}
	if w.isShut(start) {
		return nil
	}
	w.last = found
	return found
}

// forget shuts the earliest window. It is called once for each new window, which
// pays for its search.
func (w *windows) forget() {
	first := int64(math.MaxInt64)
	for start := range w.byStart {
		first = min(first, start)
	}
	w.drop(first)
	w.shut = max(w.shut, first)
}

// drop takes a window out.
func (w *windows) drop(start int64) {
	delete(w.byStart, start)
	if w.last != nil && w.last.start == start {
		w.last = nil
	}
}

// starts are the windows' starts in order.
func (w *windows) starts() []int64 {
	starts := make([]int64, 0, len(w.byStart))
	for start := range w.byStart {
		starts = append(starts, start)
	}
	slices.Sort(starts)
	return starts
}

// add changes what is spent and held in every window that at lies in. A window
// that nothing is in is the same as none; one that is shut has no books any more.
func (p *pot) add(at int64, spent, held, busy pricing.USD) {
	for kind := range p {
		w := p[kind].at(kind, at)
		if w == nil {
			continue
		}
		w.spent, w.held, w.busy = plus(w.spent, spent), plus(w.held, held), plus(w.busy, busy)
		if w.spent == 0 && w.held == 0 {
			p[kind].drop(w.start)
		}
	}
}

// left is what a limit leaves in the window of the kind that at lies in.
func (p *pot) left(kind int, at int64, limit pricing.USD) pricing.USD {
	switch w, shut := p[kind].peek(kind, at); {
	case shut:
		return 0
	case w == nil:
		return limit
	default:
		return w.left(limit)
	}
}

// plus adds amounts; a sum that does not fit stays at the largest, which no limit
// reaches.
func plus(a, b pricing.USD) pricing.USD {
	sum, err := a.Add(b)
	if err != nil {
		return math.MaxInt64
	}
	return sum
}

// left is what a limit leaves in w.
func (w *window) left(limit pricing.USD) pricing.USD {
	return max(limit-plus(w.spent, w.held), 0)
}
