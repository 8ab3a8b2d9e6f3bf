package policy

const (
	mostPasses  = 6 // of the small model on one problem that are told apart: a seventh says no more
	mostStrongs = 3 // answers of the strong model to one problem that a search may buy
)

// evidence holds the chance of what a search with one rung can have seen, and
// what is right with it. Its tables are indexed by the strong model's failures,
// then by the passes and the failures of the rung's samples. No price is in
// them: they are summed up once for a belief, and every request of its class
// plays on them.
type evidence struct {
	depth int
	seen  [mostStrongs + 1][mostPasses + 1][]float64 // that it is seen
	held  [mostStrongs + 1][mostPasses + 1][]float64 // and a given one of the passes is right
	right [mostStrongs + 1][mostPasses + 1][]float64 // and the strong model's next answer is right and passes
	lost  [mostStrongs + 1][mostPasses + 1][]float64 // and the strong model's last answer is right although it failed
}

// gather sums the grid up. The order of the outcomes does not matter, so that
// every table needs one power a node.
func (b *Belief) gather() *evidence {
	nodes := b.rungs[0].nodes
	e := &evidence{depth: b.depth}
	var strong [mostStrongs + 1]strongColumns
	for j := range strong {
		strong[j] = b.strongAfter(j)
	}
	passed, joint := make([]float64, len(nodes)), make([]float64, len(nodes))
	for i, n := range nodes {
		passed[i] = b.weight[n.cell] * n.weight
	}
	for s := range mostPasses + 1 {
		for j := range strong {
			rows := matrix(4, b.depth+1)
			e.seen[j][s], e.held[j][s], e.right[j][s], e.lost[j][s] = rows[0], rows[1], rows[2], rows[3]
		}
		copy(joint, passed)
		for f := range b.depth + 1 {
			for j := range strong {
				var seen, held, right, lost float64
				c := &strong[j]
				for i := range nodes {
					n := &nodes[i]
					x := joint[i] * c.failed[n.cell]
					seen += x
					held += x * n.hold
					right += joint[i] * c.right[n.cell]
					lost += joint[i] * c.lost[n.cell]
				}
				e.seen[j][s][f], e.held[j][s][f], e.right[j][s][f], e.lost[j][s][f] = seen, held, right, lost
			}
			for i := range nodes {
				joint[i] *= 1 - nodes[i].pass
			}
		}
		for i := range nodes {
			passed[i] *= nodes[i].pass
		}
	}
	return e
}

// strongColumns are, by cell, the chances that the strong model failed so often,
// that it did and is right and passes next, and that it did and was right the
// last time.
type strongColumns struct{ failed, right, lost []float64 }

func (b *Belief) strongAfter(failures int) strongColumns {
	c := strongColumns{make([]float64, len(b.weight)), make([]float64, len(b.weight)), make([]float64, len(b.weight))}
	for _, n := range b.strongs {
		before := n.weight * power(1-n.pass, max(failures-1, 0))
		now := before
		if failures > 0 {
			now = before * (1 - n.pass)
			c.lost[n.cell] += before * (n.chance - n.hit)
		}
		c.failed[n.cell] += now
		c.right[n.cell] += now * n.hit
	}
	return c
}
