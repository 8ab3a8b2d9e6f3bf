package lab

import "math"

// Figures are the plots of a report, by the name of their file: "pass_at_k",
// the share of problems that k samples solve; and "cost", the same share over what
// a problem costs when sampling stops at the first pass, in dollars where every
// sample's cost is known and in samples elsewhere.
func (r Report) Figures() map[string]Figure {
	pass := Figure{Title: "pass@k", X: "samples of a problem (k)", Y: "share of problems solved", LogX: true, YMax: 1}
	cost := Figure{Title: "Cost of sampling until a pass", Y: "share of problems solved", LogX: true, YMax: 1}
	inDollars := true
	for _, m := range r.Models {
		inDollars = inDollars && m.Cost != nil && m.CostOf == m.Samples && *m.Cost > 0
	}
	cost.X = "samples drawn of a problem, mean"
	if inDollars {
		cost.X = "dollars for a problem, mean"
	}
	for _, m := range r.Models {
		base := func(t tally) (int, int) { return t.base.n, t.base.c }
		pass.Series = append(pass.Series, m.curve(m.Model, base))
		if m.Plus != nil {
			pass.Series = append(pass.Series, m.curve(m.Model+", extended tests", func(t tally) (int, int) { return t.plus.n, t.plus.c }))
		}
		if m.Seeds[0].Strong != nil && m.curve("", base).Points != nil {
			points := pass.Series[0].Points
			strong := *m.Seeds[0].Strong
			pass.Series = append(pass.Series, Series{Name: "strong model, one answer",
				Points: []Point{{X: 1, Y: strong}, {X: points[len(points)-1].X, Y: strong}}})
		}
		price := 1.0
		if inDollars {
			price = float64(*m.Cost) / 1e9 / float64(m.Samples)
		}
		cost.Series = append(cost.Series, m.costs(price))
	}
	return map[string]Figure{"pass_at_k": pass, "cost": cost}
}

// steps are the k of a curve up to most: every small one, then in even ratios.
func steps(most int) []int {
	var ks []int
	for k := 1; k < most; k = max(k+1, int(math.Round(float64(k)*1.15))) {
		ks = append(ks, k)
	}
	return append(ks, most)
}

// curve is pass@k over k.
func (m ModelReport) curve(name string, counts func(tally) (n, c int)) Series {
	s := Series{Name: name}
	rows := rungs(m.tallies, counts)
	if len(rows) == 0 {
		return s
	}
	ks := steps(rows[len(rows)-1])
	values := passRows(m.tallies, counts, ks)
	intervals := Bootstrap(values)
	for i, k := range ks {
		s.Points = append(s.Points, Point{float64(k), mean(values, i), intervals[i].Low, intervals[i].High})
	}
	return s
}

// costs is the share that is solved over the mean price of a problem, for rising
// limits of samples.
func (m ModelReport) costs(price float64) Series {
	s := m.curve(m.Model, func(t tally) (int, int) { return t.base.n, t.base.c })
	for i := range s.Points {
		draws, problems := 0.0, 0
		for _, t := range m.tallies {
			if t.base.n > 0 {
				draws += DrawsTo(t.base.n, t.base.c, int(s.Points[i].X))
				problems++
			}
		}
		s.Points[i].X = price * draws / float64(problems)
	}
	return s
}

// mean of a column, over the rows that have it.
func mean(rows [][]float64, column int) float64 {
	sum, n := 0.0, 0
	for _, row := range rows {
		if row[column] == row[column] {
			sum += row[column]
			n++
		}
	}
	return sum / float64(n)
}
