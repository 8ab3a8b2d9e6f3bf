package policy

// tries knows the chances of what a rung's samples may show, in every cell.
type tries struct {
	cells [][]node // by cell
	fresh table    // while no pass was refused
}

// node is one skill that the model may have in a cell.
type node struct {
	weight              float64
	hit, pass           float64 // chance that a sample is right and passes, and that it passes
	firstHit, firstPass float64 // the same of the first try
}

// table holds, by number of failures from `from` on and by cell, the joint
// chance with what was seen of the rung.
type table struct {
	from  int
	fail  [][]float64 // that the first k failed
	right [][]float64 // that the first k failed and the next is right and passes
	won   [][]float64 // that among the samples from `from` to k one passed, and the first to do so is right
}

func newTries(t Tries, difficulty []atom, cells []cell, falseFail float64, depth int) tries {
	// Every difficulty has its skills; all of them, by rank, meet those of the
	// first try.
	var skills []atom
	var share []float64 // of its difficulty
	start := make([]int, len(difficulty)+1)
	for i, d := range difficulty {
		for _, s := range t.Skill.spread(d.value) {
			skills = append(skills, atom{s.value, s.weight * d.weight})
			share = append(share, s.weight)
		}
		start[i+1] = len(skills)
	}
	first := make([]float64, len(skills))
	for i, s := range skills {
		first[i] = s.value
	}
	if t.First != (Beta{}) {
		first = couple(skills, t.First.discretise(difficultyNodes))
	}
	var r tries
	for _, c := range cells {
		var nodes []node
		for i := start[c.difficulty]; i < start[c.difficulty+1]; i++ {
			n := node{weight: share[i]}
			if !c.broken {
				n.hit, n.firstHit = skills[i].value*(1-falseFail), first[i]*(1-falseFail)
				n.pass, n.firstPass = n.hit+(1-skills[i].value)*c.falsePass, n.firstHit+(1-first[i])*c.falsePass
			}
			nodes = append(nodes, n)
		}
		r.cells = append(r.cells, nodes)
	}
	r.fresh = r.table(Seen{}, depth+1) // one further, to look ahead from the last
	return r
}

// table covers the failures from those seen up to `to`.
func (r tries) table(seen Seen, to int) table {
	rows := max(to-seen.Failed, 0) + 1
	t := table{seen.Failed, matrix(rows, len(r.cells)), matrix(rows, len(r.cells)), matrix(rows, len(r.cells))}
	for c, nodes := range r.cells {
		for _, n := range nodes {
			joint := n.weight * n.likelihood(seen)
			for row := range rows {
				hit, pass := n.hit, n.pass
				if seen.Failed+seen.Refused+row == 0 {
					hit, pass = n.firstHit, n.firstPass
				}
				t.fail[row][c] += joint
				t.right[row][c] += joint * hit
				joint *= 1 - pass
			}
		}
		for row := 1; row < rows; row++ {
			t.won[row][c] = t.won[row-1][c] + t.right[row-1][c]
		}
	}
	return t
}

// likelihood is the chance of what was seen. The first try is taken to be among
// the failures, if there are any.
func (n node) likelihood(seen Seen) float64 {
	switch {
	case seen.Failed > 0:
		return (1 - n.firstPass) * power(1-n.pass, seen.Failed-1) * power(n.pass, seen.Refused)
	case seen.Refused > 0:
		return n.firstPass * power(n.pass, seen.Refused-1)
	}
	return 1
}

// failed is the row of fail for k failures.
func (t table) failed(k int) []float64 { return t.fail[k-t.from] }

// matrix is zero, in one piece of memory.
func matrix(rows, columns int) [][]float64 {
	all := make([]float64, rows*columns)
	m := make([][]float64, rows)
	for i := range m {
		m[i] = all[i*columns : (i+1)*columns : (i+1)*columns]
	}
	return m
}

// power is x to the n-th, by squaring: the exponents are small and whole.
func power(x float64, n int) float64 {
	y := 1.0
	for ; n > 0; n /= 2 {
		if n%2 == 1 {
			y *= x
		}
		x *= x
	}
	return y
}
