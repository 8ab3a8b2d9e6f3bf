package policy

import (
	"math"
	"slices"
	"sync"
)

// mostPasses is how many passes of the small model on one problem are told apart:
// a seventh says no more.
const mostPasses = 6

// sights are the ways in which the passes on one problem may look: only how many
// there are, or, where programs are compared by what they do at further inputs,
// the sizes of the groups that behave alike. A sight's chance is a sum over rows:
// of chances that stand for its passes in an order that does not matter.
type sights struct {
	sizes [][]int // of the groups, largest first; the sight of no passes comes first
	joins [][]int // by sight and group: the sight after one more pass of that group, at last after one of a group of its own
	seen  [][]part
	held  [][]part // the share of seen in which the first group, which is handed out, is right
	rows  func(n node) []float64
}

// part is a row that counts so often in a sight.
type part struct {
	row   int
	times float64
}

// counted are the sights of passes that are not compared: one group, of which a
// given one is right or not.
var counted = sync.OnceValue(func() *sights {
	s := &sights{sizes: [][]int{nil}}
	for n := range mostPasses + 1 {
		if n > 0 {
			s.sizes = append(s.sizes, []int{n})
		}
		s.joins = append(s.joins, nil)
		if n < mostPasses {
			s.joins[n] = []int{n + 1}
		}
		s.seen = append(s.seen, []part{{n, 1}})
		s.held = append(s.held, []part{{mostPasses + 1 + n, 1}})
	}
	s.rows = func(n node) []float64 {
		rows := make([]float64, 2*(mostPasses+1))
		for k := range mostPasses + 1 {
			rows[k] = power(n.pass, k)
			rows[mostPasses+1+k] = rows[k] * n.hold
		}
		return rows
	}
	return s
})

// What is believed of programs that pass and are compared by what they do. Counted on
// the bundled problems with their visible asserts, at 120 inputs (go test
// ./gateway/search -run BehaveAlike -v -args -all): 146 of 161 pairs of right
// programs behave alike, 124 of 334 of a right and a wrong one that pass, and 26 of
// 83 pairs of wrong ones.
const (
	// blind is the share of problems where the inputs tell right from wrong not at
	// all, so that all passes look alike: there alone a right and a wrong one do,
	// 124/334.
	blind = 0.37
	// rightApart and wrongApart are the concentrations of a Chinese restaurant
	// process over the right and the wrong passes: the second one behaves otherwise
	// than the first with chance x/(x+1). Right ones: blind + (1-blind)/(1+x) =
	// 146/161. That of the wrong ones is assumed, not measured: the bundled ones were
	// written to differ, and models' mistakes are taken to be alike more often, three
	// pairs in five with the blind problems.
	rightApart, wrongApart = 0.17, 1.5
)

// compared are the sights of passes that are compared.
var compared = sync.OnceValue(func() *sights {
	s := &sights{sizes: [][]int{nil}}
	for at := 0; ; at++ {
		if at == len(s.sizes) { // a sight is made before it is looked at: there are no more
			break
		}
		sizes := s.sizes[at]
		s.joins = append(s.joins, nil)
		if total(sizes) == mostPasses {
			continue
		}
		for g := range len(sizes) + 1 {
			s.joins[at] = append(s.joins[at], s.place(join(sizes, g)))
		}
	}
	row := func(right, wrong int) int { return (right+wrong)*(right+wrong+1)/2 + right }
	for _, sizes := range s.sizes {
		n := total(sizes)
		seen, held := make([]float64, n+1), make([]float64, n+1)
		for right := range 1 << len(sizes) { // which of the groups are
			var of, others []int
			for g, size := range sizes {
				if right>>g&1 == 1 {
					of = append(of, size)
				} else {
					others = append(others, size)
				}
			}
			chance := (1 - blind) * seating(of, rightApart) * seating(others, wrongApart)
			seen[total(of)] += chance
			if right&1 == 1 {
				held[total(of)] += chance
			}
		}
		if len(sizes) <= 1 {
			for right := range n + 1 {
				seen[right] += blind * choose(n, right)
				held[right] += blind * choose(n-1, right-1)
			}
		}
		s.seen, s.held = append(s.seen, nil), append(s.held, nil)
		last := len(s.seen) - 1
		for right := range n + 1 {
			if seen[right] > 0 {
				s.seen[last] = append(s.seen[last], part{row(right, n-right), seen[right]})
			}
			if held[right] > 0 {
				s.held[last] = append(s.held[last], part{row(right, n-right), held[right]})
			}
		}
	}
	s.rows = func(n node) []float64 {
		rows := make([]float64, row(mostPasses, 0)+1)
		for right := range mostPasses + 1 {
			for wrong := range mostPasses + 1 - right {
				rows[row(right, wrong)] = power(n.hit, right) * power(n.pass-n.hit, wrong)
			}
		}
		return rows
	}
	return s
})

// place is the sight of groups of these sizes, which it makes where there is none.
func (s *sights) place(sizes []int) int {
	at := slices.IndexFunc(s.sizes, func(known []int) bool { return slices.Equal(known, sizes) })
	if at < 0 {
		at = len(s.sizes)
		s.sizes = append(s.sizes, sizes)
	}
	return at
}

// at is the sight of a state: of passes that are told by groups, or only counted.
// Passes beyond those that are told apart are left out.
func (s *sights) at(passes int, groups []int) int {
	if s == counted() {
		return min(passes, mostPasses)
	}
	sizes := slices.Clone(groups)
	slices.SortFunc(sizes, func(a, b int) int { return b - a })
	for n := total(sizes); n > mostPasses; n-- { // the shares stay about what they are
		g := n % len(sizes)
		for sizes[g] == 0 {
			g = (g + 1) % len(sizes)
		}
		sizes[g]--
	}
	slices.SortFunc(sizes, func(a, b int) int { return b - a })
	sizes = slices.DeleteFunc(sizes, func(n int) bool { return n <= 0 })
	return slices.IndexFunc(s.sizes, func(known []int) bool { return slices.Equal(known, sizes) })
}

// join is what the groups are after one more pass of group g.
func join(sizes []int, g int) []int {
	joined := append(slices.Clone(sizes), 0)
	joined[g]++
	slices.SortFunc(joined, func(a, b int) int { return b - a })
	if joined[len(joined)-1] == 0 {
		joined = joined[:len(joined)-1]
	}
	return joined
}

func total(sizes []int) (n int) {
	for _, size := range sizes {
		n += size
	}
	return n
}

// seating is the chance that a Chinese restaurant process seats its guests, in
// their order, at tables of these sizes.
func seating(sizes []int, concentration float64) float64 {
	x := 1.0
	for _, size := range sizes {
		x *= concentration * rising(1, size-1)
	}
	return x / rising(concentration, total(sizes))
}

// choose is the number of ways to choose k of n; 0 outside of them.
func choose(n, k int) float64 {
	if k < 0 || n < k {
		return 0
	}
	return math.Round(rising(float64(n-k+1), k) / rising(1, k))
}
