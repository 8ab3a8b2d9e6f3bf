package policy

// ladder decides where there is a later rung: by backward induction over the
// ends of the batches, for each of which stopping, climbing and going on are
// compared (Bellman). Samples are limited along the way; money and time are
// looked at again when it comes to spending them.
func (l look) ladder(s State, step Step, now mass, left int, short Why) Step {
	seen := s.seen(s.Rung)
	outside := l.outside(now)
	best := outside
	climb := false
	if open, _ := l.left(s, s.Rung+1); open > 0 {
		if worth := l.climb(s.Rung, l.prior, l.table.failed(seen.Failed), s.Samples); l.beats(worth, best, now) {
			best, climb = worth, true
		}
	}
	// A batch may be too long to pay where its half would.
	at := place{s.Rung, seen.Failed, seen.Refused, s.Samples, now}
	for n := batch(seen.Failed+seen.Refused, left); n > 0; n /= 2 {
		if worth := l.draw(at, n, l.prior, l.table); l.beats(worth, best, now) {
			step.Move, step.N, step.Why, step.Gain = GoOn, n, WhyPays, (worth-outside)/now.all
			return step
		}
	}
	if climb {
		step.Move, step.Why, step.Gain = Climb, WhyPays, (best-outside)/now.all
		return step
	}
	return l.stop(step, short, left)
}

// place is a point of the search that is followed ahead.
type place struct {
	rung, failed, refused int
	samples               int // left to the request
	now                   mass
}

// follow is the worth of the best play from a place, times its mass.
func (l look) follow(at place, prior []float64, t table) float64 {
	best := l.outside(at.now)
	left := min(at.samples, l.rungs[at.rung].MaxSamples-at.failed-at.refused)
	if n := batch(at.failed+at.refused, left); n > 0 {
		best = max(best, l.draw(at, n, prior, t))
	}
	if at.rung+1 < len(l.rungs) && at.samples > 0 {
		best = max(best, l.climb(at.rung, prior, t.failed(at.failed), at.samples))
	}
	return best
}

// draw is the worth of a batch of n and of the best play after it. The whole
// batch is paid for, also what the first pass cancels.
func (l look) draw(at place, n int, prior []float64, t table) float64 {
	then := at
	then.failed, then.samples = at.failed+n, at.samples-n
	then.now = l.weigh(prior, t.failed(then.failed))
	right := dot(prior, t.won[then.failed-t.from]) - dot(prior, t.won[at.failed-t.from])
	cost := l.rungs[at.rung].Cost * float64(n) * at.now.all
	return l.passed(at.now.less(then.now), right) - cost + l.follow(then, prior, t)
}

// climb is the worth of the best play from the foot of the next rung.
func (l look) climb(rung int, prior, failed []float64, samples int) float64 {
	next := make([]float64, len(prior))
	for c, p := range prior {
		next[c] = p * failed[c]
	}
	t := l.belief.rungs[rung+1].fresh
	foot := place{rung: rung + 1, samples: samples}
	foot.now = l.weigh(next, t.failed(0))
	return l.follow(foot, next, t)
}
