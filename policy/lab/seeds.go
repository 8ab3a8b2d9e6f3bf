package lab

import (
	"math"
	"strconv"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/optimize"
)

// SeedRow compares k samples of a model with one answer of a strong one.
type SeedRow struct {
	K            int       `json:"k"`
	Pass         *float64  `json:"pass"` // nil: nothing is known
	Interval     *Interval `json:"interval"`
	Extrapolated bool      `json:"extrapolated"` // from the fit to fewer samples
	Strong       *float64  `json:"strong"`       // the strong model's pass@1; nil: not given
	Difference   *float64  `json:"difference"`   // Pass - Strong
	Between      *Interval `json:"difference_interval"`
}

// seedLadder are the numbers of samples of the seeds' table.
var seedLadder = []int{1, 10, 100, 1000}

// Against fills the seeds' table with the strong model's pass@1: a figure, or an
// evaluation of the same problems, by which differences are paired.
func (m *ModelReport) Against(figure *float64, strong *ModelReport) {
	m.Seeds = m.seeds(figure, strong)
}

func (m *ModelReport) seeds(figure *float64, strong *ModelReport) []SeedRow {
	single := map[string]float64{} // the strong model's pass@1 of each problem
	if strong != nil {
		if p, ok := strong.PassAt["1"]; ok {
			figure = &p
		}
		for _, t := range strong.tallies {
			single[t.taskID] = PassAt(t.base.n, t.base.c, 1)
		}
	}
	counts := func(t tally) (int, int) { return t.base.n, t.base.c }
	have := map[int]bool{}
	for _, k := range rungs(m.tallies, counts) {
		have[k] = true
	}
	var rows []SeedRow
	for _, k := range seedLadder {
		row := SeedRow{K: k, Strong: figure}
		var pass, differences [][]float64
		for _, t := range m.tallies {
			if t.base.n == 0 {
				continue
			}
			p := PassAt(t.base.n, t.base.c, k)
			pass = append(pass, []float64{p})
			switch other, ok := single[t.taskID]; {
			case ok:
				differences = append(differences, []float64{p - other})
			case strong == nil && figure != nil:
				differences = append(differences, []float64{p - *figure})
			}
		}
		switch {
		case have[k]:
			row.Pass, row.Interval = new(m.PassAt[strconv.Itoa(k)]), new(Bootstrap(pass)[0])
		default:
			a, b, ok := fitBeta(m.tallies)
			if !ok {
				rows = append(rows, row)
				continue
			}
			row.Pass, row.Extrapolated = new(1-math.Exp(lnBeta(a, b+float64(k))-lnBeta(a, b))), true
		}
		if figure != nil {
			row.Difference = new(*row.Pass - *figure)
			if have[k] && len(differences) > 0 {
				row.Between = new(Bootstrap(differences)[0])
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func lnBeta(a, b float64) float64 { return mathext.Lbeta(a, b) }

// fitBeta fits Beta(a, b) to the problems' chances by the likelihood of their
// counts (Beta-binomial). It needs problems with at least ten samples and both
// outcomes among them: one sample tells nothing of how problems differ.
func fitBeta(tallies []tally) (a, b float64, ok bool) {
	least, passes, fails := math.MaxInt, 0, 0
	for _, t := range tallies {
		if t.base.n > 0 {
			least, passes, fails = min(least, t.base.n), passes+t.base.c, fails+t.base.n-t.base.c
		}
	}
	if least < 10 || least == math.MaxInt || passes == 0 || fails == 0 {
		return 0, 0, false
	}
	minus := func(x []float64) float64 {
		a, b := math.Exp(x[0]), math.Exp(x[1])
		sum := 0.0
		for _, t := range tallies {
			if t.base.n > 0 {
				sum -= lnBeta(a+float64(t.base.c), b+float64(t.base.n-t.base.c)) - lnBeta(a, b)
			}
		}
		return sum
	}
	found, err := optimize.Minimize(optimize.Problem{Func: minus}, []float64{-0.7, -0.7}, nil, &optimize.NelderMead{})
	if err != nil {
		return 0, 0, false
	}
	return math.Exp(found.X[0]), math.Exp(found.X[1]), true
}
