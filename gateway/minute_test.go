package gateway

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestMinuteForgetsInTime states what a limit promises: in no 60 seconds more is let
// in than the limit, and whoever waits as long as they are told, which is never
// longer than Retry-After can say, gets in.
func TestMinuteForgetsInTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const limit = 5
		var m minute
		at := time.Unix(1_700_000_000, 0)
		var let []time.Time
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			at = at.Add(time.Duration(rapid.Int64Range(0, rapid.SampledFrom([]int64{int64(time.Millisecond), int64(20 * time.Second)}).Draw(t, "scale")).Draw(t, "later")))
			if m.used(at) >= limit {
				wait := m.wait(at, m.used(at)-limit+1)
				if wait <= 0 || wait > time.Minute+time.Microsecond {
					t.Fatalf("wait %v", wait)
				}
				at = at.Add(wait)
				if m.used(at) >= limit {
					t.Fatalf("refused after waiting %v", wait)
				}
			}
			m.add(at, 1)
			let = append(let, at)
			within := 0
			for _, one := range let {
				if at.Sub(one) < time.Minute {
					within++
				}
			}
			if within > limit || int64(within) > m.sum {
				t.Fatalf("%d within a minute, %d counted", within, m.sum)
			}
			if reset := m.reset(at); reset <= 0 || reset > time.Minute+time.Microsecond || m.used(at) == 0 {
				t.Fatalf("reset %v", reset)
			}
		}
		if left := m.sum; left > 0 { // what was counted at the first moment is gone by now, or is corrected
			m.correct(slotOf(let[0]), -1)
			if m.sum != left && at.Sub(let[0]) > time.Minute+slotLength || m.sum < 0 {
				t.Fatalf("%d of %d are left", m.sum, left)
			}
		}
		if m.used(at.Add(2*time.Minute)) != 0 {
			t.Fatal("something is left after two minutes")
		}
	})
}
