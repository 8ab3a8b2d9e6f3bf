package lab

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/go-json-experiment/json"
)

// PassAt is the unbiased estimate of pass@k from n samples of a problem of which
// c are right: the share of all sets of k samples that hold a right one (Chen et
// al. 2021, the Codex paper). It needs 0 ≤ c ≤ n and 1 ≤ k ≤ n, and is NaN
// elsewhere: fewer than k samples say nothing unbiased about k.
func PassAt(n, c, k int) float64 {
	if c < 0 || c > n || k < 1 || k > n {
		return math.NaN()
	}
	return 1 - missAll(n, c, k)
}

// missAll is the chance that k of n samples, drawn without putting back, hold
// none of the c right ones.
func missAll(n, c, k int) float64 {
	if n-c < k {
		return 0
	}
	miss := 1.0
	for i := n - c + 1; i <= n; i++ {
		miss *= 1 - float64(k)/float64(i)
	}
	return miss
}

// DrawsTo is the expected number of samples that are drawn from n, of which c
// are right, when drawing stops at the first right one and at most at k.
func DrawsTo(n, c, k int) float64 {
	draws := 0.0
	for j := range min(k, n) {
		draws += missAll(n, c, j)
	}
	return draws
}

// Interval bounds a value with a confidence of 95 %.
type Interval struct{ Low, High float64 }

// MarshalJSON writes [low, high].
func (i Interval) MarshalJSON() ([]byte, error) {
	return json.Marshal([2]float64{i.Low, i.High})
}

// Wilson is the score interval of a share of k in n (Wilson 1927), from 0 to 1
// where there is nothing to go by.
func Wilson(k, n int) Interval {
	if n == 0 {
		return Interval{0, 1}
	}
	const z = 1.959963984540054
	p, m := float64(k)/float64(n), float64(n)
	centre := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return Interval{max(centre-half, 0), min(centre+half, 1)}
}

// Resamples is how many bootstrap samples an interval rests on.
const Resamples = 10_000

// bootstrapSeed makes reports of the same results equal.
const bootstrapSeed = 20240731

// Bootstrap gives the percentile interval of each column's mean (Efron 1979):
// rows, the problems, are drawn with putting back, Resamples times, whole, so
// that columns stay paired. NaN stands for a value that a row does not have.
func Bootstrap(rows [][]float64) []Interval {
	if len(rows) == 0 {
		return nil
	}
	columns := len(rows[0])
	means := make([][]float64, columns)
	draw := rand.New(rand.NewPCG(bootstrapSeed, uint64(len(rows))))
	sums, counts := make([]float64, columns), make([]int, columns)
	for range Resamples {
		clear(sums)
		clear(counts)
		for range rows {
			for c, v := range rows[draw.IntN(len(rows))] {
				if v == v {
					sums[c] += v
					counts[c]++
				}
			}
		}
		for c := range columns {
			if counts[c] > 0 {
				means[c] = append(means[c], sums[c]/float64(counts[c]))
			}
		}
	}
	intervals := make([]Interval, columns)
	for c, m := range means {
		intervals[c] = Interval{math.NaN(), math.NaN()}
		if len(m) > 0 {
			slices.Sort(m)
			intervals[c] = Interval{quantile(m, 0.025), quantile(m, 0.975)}
		}
	}
	return intervals
}

// quantile of sorted values: the smallest that at least a share q does not exceed.
func quantile[T any](sorted []T, q float64) T {
	return sorted[max(int(math.Ceil(q*float64(len(sorted))))-1, 0)]
}
