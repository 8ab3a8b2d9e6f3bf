package lab

import (
	"math"
	"math/bits"
	"testing"

	"pgregory.net/rapid"
)

// PassAt is the share of all sets of k samples with a right one, by counting them.
func TestPassAtIsTheShareOfSetsWithARightSample(t *testing.T) {
	for n := 1; n <= 12; n++ {
		for c := 0; c <= n; c++ {
			for k := 1; k <= n; k++ {
				sets, right := 0, 0
				for set := range 1 << n {
					if bits.OnesCount(uint(set)) != k {
						continue
					}
					sets++
					if set&(1<<c-1) != 0 { // the first c samples are the right ones
						right++
					}
				}
				if want := float64(right) / float64(sets); math.Abs(PassAt(n, c, k)-want) > 1e-12 {
					t.Fatalf("PassAt(%d, %d, %d) = %g, want %g", n, c, k, PassAt(n, c, k), want)
				}
			}
		}
	}
}

func TestPassAtLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 2000).Draw(t, "n")
		c := rapid.IntRange(0, n).Draw(t, "c")
		k := rapid.IntRange(1, n).Draw(t, "k")
		p := PassAt(n, c, k)
		if !(p >= 0 && p <= 1) {
			t.Fatalf("%g is no chance", p)
		}
		if one := PassAt(n, c, 1); math.Abs(one-float64(c)/float64(n)) > 1e-9 {
			t.Fatalf("pass@1 is %g, want %d/%d", one, c, n)
		}
		if k < n && PassAt(n, c, k+1) < p-1e-12 {
			t.Fatal("falls with k")
		}
		if c < n && PassAt(n, c+1, k) < p-1e-12 {
			t.Fatal("falls with c")
		}
		draws := DrawsTo(n, c, k)
		if draws < 1-1e-9 || draws > float64(k)+1e-9 {
			t.Fatalf("%g draws of at most %d", draws, k)
		}
		if k > 1 { // one more draw happens exactly where those before missed
			if step := draws - DrawsTo(n, c, k-1); math.Abs(step-(1-PassAt(n, c, k-1))) > 1e-9 {
				t.Fatalf("step %g", step)
			}
		}
	})
	for _, bad := range [][3]int{{10, 3, 0}, {10, 3, 11}, {10, 11, 1}, {10, -1, 1}, {0, 0, 1}} {
		if !math.IsNaN(PassAt(bad[0], bad[1], bad[2])) {
			t.Errorf("PassAt%v is a number", bad)
		}
	}
}

// A problem of known skill: the mean of the estimate over all outcomes is the
// true pass@k, whatever n is.
func TestPassAtIsUnbiased(t *testing.T) {
	for _, p := range []float64{.01, .2, .5, .97} {
		for n := 1; n <= 40; n += 3 {
			for k := 1; k <= n; k += 2 {
				mean, binomial := 0.0, math.Pow(1-p, float64(n))
				for c := 0; c <= n; c++ {
					mean += binomial * PassAt(n, c, k)
					binomial *= float64(n-c) / float64(c+1) * p / (1 - p)
				}
				if want := 1 - math.Pow(1-p, float64(k)); math.Abs(mean-want) > 1e-9 {
					t.Fatalf("p = %g, n = %d, k = %d: mean %g, want %g", p, n, k, mean, want)
				}
			}
		}
	}
}

// Wilson's figures, as any table has them.
func TestWilson(t *testing.T) {
	for _, c := range []struct {
		k, n      int
		low, high float64
	}{{0, 10, 0, .2775}, {5, 10, .2366, .7634}, {10, 10, .7225, 1}, {69, 72, .8845, .9857}, {0, 0, 0, 1}} {
		if got := Wilson(c.k, c.n); math.Abs(got.Low-c.low) > 1e-4 || math.Abs(got.High-c.high) > 1e-4 {
			t.Errorf("Wilson(%d, %d) = %v, want %g to %g", c.k, c.n, got, c.low, c.high)
		}
	}
}

// The bootstrap holds the mean about as often as it says, and keeps columns paired.
func TestBootstrapCoversTheMean(t *testing.T) {
	rows := make([][]float64, 100)
	for i := range rows {
		x := float64(i%10) / 9
		rows[i] = []float64{x, x + 1, math.NaN()}
	}
	got := Bootstrap(rows)
	// By the normal approximation: .5 ± 1.96·sd/√n, sd of 0..9/9 is .319.
	if math.Abs(got[0].Low-.4374) > .01 || math.Abs(got[0].High-.5626) > .01 {
		t.Errorf("interval %v", got[0])
	}
	if math.Abs(got[1].Low-got[0].Low-1) > 1e-9 || !math.IsNaN(got[2].Low) {
		t.Errorf("intervals %v", got)
	}
	if again := Bootstrap(rows); again[0] != got[0] {
		t.Error("two runs differ")
	}
}
