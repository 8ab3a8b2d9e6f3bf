package lab

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// xy is a policy's mean cost, over that of one call of the strong model, and its
// accuracy.
type xy struct{ cost, accuracy float64 }

// front is the upper convex hull of policies, from nothing at no cost up to the
// most accurate: between two policies one may mix.
func front(points []xy) []xy {
	sorted := append([]xy{{0, 0}}, points...)
	slices.SortFunc(sorted, func(a, b xy) int { return cmp.Or(cmp.Compare(a.cost, b.cost), cmp.Compare(a.accuracy, b.accuracy)) })
	var hull []xy
	for _, p := range sorted {
		if len(hull) > 0 && p.accuracy <= hull[len(hull)-1].accuracy {
			continue
		}
		for len(hull) > 1 {
			a, b := hull[len(hull)-2], hull[len(hull)-1]
			if (b.accuracy-a.accuracy)*(p.cost-a.cost) > (p.accuracy-a.accuracy)*(b.cost-a.cost) {
				break
			}
			hull = hull[:len(hull)-1]
		}
		hull = append(hull, p)
	}
	return hull
}

// at is a front's accuracy at a cost.
func at(hull []xy, cost float64) float64 {
	for i := 1; i < len(hull); i++ {
		if a, b := hull[i-1], hull[i]; cost < b.cost {
			return a.accuracy + (b.accuracy-a.accuracy)*(cost-a.cost)/(b.cost-a.cost)
		}
	}
	return hull[len(hull)-1].accuracy
}

// reach is the least cost at which a front has an accuracy, +Inf for none.
func reach(hull []xy, accuracy float64) float64 {
	if accuracy <= 0 {
		return 0
	}
	for i := 1; i < len(hull); i++ {
		if a, b := hull[i-1], hull[i]; accuracy <= b.accuracy {
			return a.cost + (b.cost-a.cost)*(accuracy-a.accuracy)/(b.accuracy-a.accuracy)
		}
	}
	return math.Inf(1)
}

// area under a front over costs from 0 to 1: the AIQ in Drover's form. It is
// after RouterBench, which averages over its own range of costs.
func area(hull []xy) float64 {
	sum, last := 0.0, xy{}
	for _, p := range hull[1:] {
		if p.cost >= 1 {
			y := at(hull, 1)
			return sum + (1-last.cost)*(last.accuracy+y)/2
		}
		sum += (p.cost - last.cost) * (last.accuracy + p.accuracy) / 2
		last = p
	}
	return sum + (1-last.cost)*last.accuracy
}

// calibrationParts is how many bins of equally many forecasts calibration is
// judged by.
const calibrationParts = 10

// calibration is of forecasts, in bins.
type calibration struct {
	all []judgement // in rising order of the chance
}

func newCalibration(all []judgement) calibration {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b judgement) int { return cmp.Compare(a.chance, b.chance) })
	return calibration{sorted}
}

// bins are the mean forecasts and the shares that came true, each with its part of
// all forecasts; weights are of the tasks, nil: all alike.
func (c calibration) bins(weights []float64) (points []Point, parts []float64) {
	total := 0.0
	points, parts = make([]Point, calibrationParts), make([]float64, calibrationParts)
	for i := range points {
		for _, j := range c.all[i*len(c.all)/calibrationParts : (i+1)*len(c.all)/calibrationParts] {
			w := 1.0
			if weights != nil {
				w = weights[j.task]
			}
			points[i].X += w * j.chance
			points[i].Y += w * one(j.came)
			parts[i] += w
		}
		total += parts[i]
	}
	for i := range points {
		points[i].X, points[i].Y = points[i].X/max(parts[i], 1e-300), points[i].Y/max(parts[i], 1e-300)
		parts[i] /= max(total, 1e-300)
	}
	return points, parts
}

// error is the expected calibration error, NaN where nothing was foretold.
func (c calibration) error() float64 {
	if len(c.all) == 0 {
		return math.NaN()
	}
	ece := 0.0
	points, parts := c.bins(nil)
	for i, p := range points {
		ece += parts[i] * math.Abs(p.X-p.Y)
	}
	return ece
}

// noise is by how much the error's parts move when other problems of the same kind
// are drawn: what it cannot tell from 0.
func (c calibration) noise(tasks, bootstraps int, rng *rand.Rand) float64 {
	if len(c.all) == 0 {
		return math.NaN()
	}
	points, _ := c.bins(nil)
	weights, mean := make([]float64, tasks), 0.0
	for range bootstraps {
		resample(weights, rng)
		other, parts := c.bins(weights)
		for i, p := range other {
			mean += parts[i] * math.Abs(p.X-p.Y-points[i].X+points[i].Y) / float64(bootstraps)
		}
	}
	return mean
}

// brier is the mean square of the forecasts' errors.
func (c calibration) brier() float64 {
	sum := 0.0
	for _, j := range c.all {
		sum += (j.chance - one(j.came)) * (j.chance - one(j.came)) / float64(len(c.all))
	}
	return sum
}

// resample draws problems with putting back: weights say how often each.
func resample(weights []float64, rng *rand.Rand) {
	clear(weights)
	for range weights {
		weights[rng.IntN(len(weights))]++
	}
}

// interval is the middle 95 % of values.
func interval(values []float64) (low, high float64) {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return math.NaN(), math.NaN()
	}
	return sorted[n*25/1000], sorted[min(n-1, n*975/1000)]
}
