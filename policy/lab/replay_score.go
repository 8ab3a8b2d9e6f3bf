package lab

import (
	"cmp"
	"math"
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

// calibration is the expected calibration error, over ten bins of equally many
// forecasts, and the Brier score.
func calibration(all []judgement) (ece, brier float64, bins []Point) {
	if len(all) == 0 {
		return math.NaN(), math.NaN(), nil
	}
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b judgement) int { return cmp.Compare(a.chance, b.chance) })
	const parts = 10
	for i := range parts {
		bin := sorted[i*len(sorted)/parts : (i+1)*len(sorted)/parts]
		if len(bin) == 0 {
			continue
		}
		chance, came := 0.0, 0.0
		for _, j := range bin {
			chance += j.chance
			if j.came {
				came++
			}
		}
		n := float64(len(bin))
		ece += math.Abs(chance-came) / float64(len(sorted))
		bins = append(bins, Point{X: chance / n, Y: came / n})
	}
	for _, j := range sorted {
		y := 0.0
		if j.came {
			y = 1
		}
		brier += (j.chance - y) * (j.chance - y) / float64(len(sorted))
	}
	return ece, brier, bins
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
