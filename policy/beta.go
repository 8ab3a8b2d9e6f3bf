package policy

import "math"

// Beta is a Beta distribution of a chance that differs from problem to problem:
// A counts like successes seen before, B like failures. The zero value stands
// for "not given".
type Beta struct{ A, B float64 }

// Mean is the chance over all problems.
func (b Beta) Mean() float64 { return b.A / (b.A + b.B) }

// Miss is the chance that n draws on one problem all fail: the S(n) of which
// pass@n (Chen et al. 2021, the Codex paper) is the complement.
func (b Beta) Miss(n int) float64 {
	s := 1.0
	for i := range n {
		s *= (b.B + float64(i)) / (b.A + b.B + float64(i))
	}
	return s
}

// check reports what keeps b from being a distribution that the grid can hold.
func (b Beta) check(path string, fault func(path, format string, args ...any)) {
	for _, x := range []float64{b.A, b.B} {
		if !(x >= 1e-3 && x <= 1e6) { // also NaN
			fault(path, "must be a Beta with both parameters from 0.001 to 1000000, got (%g, %g)", b.A, b.B)
			return
		}
	}
}

// atom is a value with its probability: a distribution is a slice of them whose
// weights sum to 1, in rising order of value.
type atom struct{ value, weight float64 }

// discretise replaces b by n points with the same first 2n-1 moments, so that
// Miss comes out exact up to n' = 2n-1 draws and closely beyond. The points are
// the nodes of Gauss-Jacobi quadrature, found as the eigenvalues of the Jacobi
// matrix (Golub and Welsch 1969); the weights are Christoffel's.
func (b Beta) discretise(n int) []atom {
	diagonal, off := b.recurrence(n)
	atoms := make([]atom, n)
	for i := range atoms {
		x := eigenvalue(diagonal, off, i)
		atoms[i] = atom{x, christoffel(diagonal, off, x)}
	}
	total := 0.0
	for _, a := range atoms {
		total += a.weight
	}
	for i := range atoms {
		atoms[i].weight /= total
	}
	return atoms
}

// recurrence returns the Jacobi matrix of the polynomials that are orthonormal
// under b on [0, 1]: its diagonal, and below it off, of which off[i] couples i
// and i+1.
func (b Beta) recurrence(n int) (diagonal, off []float64) {
	diagonal, off = make([]float64, n), make([]float64, n)
	p, q := b.B-1, b.A-1 // exponents of (1-x) and (1+x) on [-1, 1]
	for i := range n {
		k := float64(i)
		t := 2*k + p + q
		centre := (q - p) / (p + q + 2)
		if i > 0 {
			centre = (q*q - p*p) / (t * (t + 2))
		}
		diagonal[i] = (1 + centre) / 2
		k++
		t += 2
		square := 4 * k * (k + p) * (k + q) * (k + p + q) / (t * t * (t + 1) * (t - 1))
		if i == 0 { // k+p+q over t-1 is 1, also where both vanish
			square = 4 * (1 + p) * (1 + q) / (t * t * (t + 1))
		}
		off[i] = math.Sqrt(square) / 2
	}
	return diagonal, off
}

// eigenvalue is the i-th smallest of the symmetric tridiagonal matrix, by
// bisection: all of them lie between 0 and 1.
func eigenvalue(diagonal, off []float64, i int) float64 {
	low, high := 0.0, 1.0
	for range 60 {
		middle := (low + high) / 2
		if below(diagonal, off, middle) > i {
			high = middle
		} else {
			low = middle
		}
	}
	return (low + high) / 2
}

// below counts the eigenvalues under x: the negative pivots of the matrix less
// x (Sylvester's law of inertia).
func below(diagonal, off []float64, x float64) int {
	count, pivot := 0, 1.0
	for i := range diagonal {
		before := 0.0
		if i > 0 {
			before = off[i-1] * off[i-1] / pivot
		}
		pivot = diagonal[i] - x - before
		if pivot == 0 {
			pivot = 1e-300
		}
		if pivot < 0 {
			count++
		}
	}
	return count
}

// christoffel is the quadrature weight at the node x: one over the sum of the
// squares of the orthonormal polynomials there.
func christoffel(diagonal, off []float64, x float64) float64 {
	before, now, sum := 0.0, 1.0, 0.0
	for i := range diagonal {
		sum += now * now
		next := (x - diagonal[i]) * now
		if i > 0 {
			next -= off[i-1] * before
		}
		before, now = now, next/off[i]
	}
	return 1 / sum
}
