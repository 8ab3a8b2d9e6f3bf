package policy

// tries knows the chances of what a rung's samples may show, in every cell.
type tries struct {
	nodes []node
	cells int   // how many there are
	fresh table // while no pass was refused
}

// node is one skill that the model may have in a cell.
type node struct {
	cell                int
	weight              float64
	chance              float64 // that a sample is right
	hit, pass           float64 // chance that a sample is right and passes, and that it passes
	hold                float64 // chance that a sample that passed is right
	firstHit, firstPass float64 // the same of the first try
}

// table holds, by number of failures from `from` on and by cell, the joint
// chance with what was seen of the rung.
type table struct {
	from  int
	fail  [][]float64 // that the first k failed
	pass  [][]float64 // that the first k failed and the next passes
	right [][]float64 // that it is right as well
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
	r := tries{cells: len(cells)}
	for at, c := range cells {
		for i := start[c.difficulty]; i < start[c.difficulty+1]; i++ {
			n := node{cell: at, weight: share[i], chance: skills[i].value}
			if !c.broken {
				n.hit, n.firstHit = skills[i].value*(1-falseFail), first[i]*(1-falseFail)
				n.pass, n.firstPass = n.hit+(1-skills[i].value)*c.falsePass, n.firstHit+(1-first[i])*c.falsePass
			}
			if n.pass > 0 {
				n.hold = n.hit / n.pass
			}
			r.nodes = append(r.nodes, n)
		}
	}
	r.fresh = r.table(Seen{}, depth+1) // one further, to look ahead from the last
	return r
}

// table covers the failures from those seen up to `to`.
func (r tries) table(seen Seen, to int) table {
	rows := max(to-seen.Failed, 0) + 1
	t := table{seen.Failed, matrix(rows, r.cells), matrix(rows, r.cells), matrix(rows, r.cells), matrix(rows, r.cells)}
	joint := make([]float64, len(r.nodes))
	for i, n := range r.nodes {
		joint[i] = n.weight * n.likelihood(seen)
	}
	for row := range rows {
		fails, passes, rights := t.fail[row], t.pass[row], t.right[row]
		first := seen.Failed+seen.Refused+row == 0
		for i := range r.nodes {
			n := &r.nodes[i]
			hit, pass := n.hit, n.pass
			if first {
				hit, pass = n.firstHit, n.firstPass
			}
			fails[n.cell] += joint[i]
			passes[n.cell] += joint[i] * pass
			rights[n.cell] += joint[i] * hit
			joint[i] *= 1 - pass
		}
		if row > 0 {
			for c, x := range t.won[row-1] {
				t.won[row][c] = x + t.right[row-1][c]
			}
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

// alike says whether the first try is as the others.
func (r tries) alike() bool {
	for _, n := range r.nodes {
		if n.pass != n.firstPass {
			return false
		}
	}
	return true
}
