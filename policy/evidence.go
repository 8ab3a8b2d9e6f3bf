package policy

// mostStrongs is how many answers of the strong model to one problem a search may
// buy.
const mostStrongs = 3

// evidence holds the chance of what a search with one rung can have seen, and
// what is right with it. Its tables are indexed by the strong model's failures,
// then by the sight of the passes and the failures of the rung's samples. No price
// is in them: they are summed up once for a belief, and every request of its class
// plays on them.
type evidence struct {
	*sights
	depth int
	seen  [mostStrongs + 1][][]float64 // that it is seen
	held  [mostStrongs + 1][][]float64 // and what would be handed out of the passes is right
	right [mostStrongs + 1][][]float64 // and the strong model's next answer is right and passes
	lost  [mostStrongs + 1][][]float64 // and the strong model's last answer is right although it failed
}

// gather sums the grid up, row by row; a sight is a sum of rows. The order of the
// outcomes does not matter, so that every row needs one power a node.
func (b *Belief) gather(s *sights) *evidence {
	e := &evidence{sights: s, depth: b.depth}
	var strong [mostStrongs + 1]strongColumns
	for j := range strong {
		strong[j] = b.strongAfter(j)
		e.seen[j], e.held[j] = matrix(len(s.sizes), b.depth+1), matrix(len(s.sizes), b.depth+1)
		e.right[j], e.lost[j] = matrix(len(s.sizes), b.depth+1), matrix(len(s.sizes), b.depth+1)
	}
	nodes := b.rungs[0].nodes
	rows := make([][]float64, len(nodes)) // by node
	for i, n := range nodes {
		rows[i] = s.rows(n)
	}
	joint := make([]float64, len(nodes))
	seen, right, lost := make([]float64, b.depth+1), make([]float64, b.depth+1), make([]float64, b.depth+1)
	for row := range rows[0] {
		for j := range strong {
			c := &strong[j]
			for i, n := range nodes {
				joint[i] = b.weight[n.cell] * n.weight * rows[i][row]
			}
			for f := range b.depth + 1 {
				seen[f], right[f], lost[f] = 0, 0, 0
				for i := range nodes {
					n, x := &nodes[i], joint[i]
					seen[f] += x * c.failed[n.cell]
					right[f] += x * c.right[n.cell]
					lost[f] += x * c.lost[n.cell]
					joint[i] = x * (1 - n.pass)
				}
			}
			for at := range s.sizes {
				add(e.seen[j][at], seen, s.seen[at], row)
				add(e.held[j][at], seen, s.held[at], row)
				add(e.right[j][at], right, s.seen[at], row)
				add(e.lost[j][at], lost, s.seen[at], row)
			}
		}
	}
	return e
}

// add adds a row to a table as often as it counts there.
func add(to, row []float64, parts []part, number int) {
	for _, p := range parts {
		if p.row == number {
			for f, x := range row {
				to[f] += p.times * x
			}
		}
	}
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
