package pricing

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// gpt4o is OpenAI's price of gpt-4o-2024-08-06.
var gpt4o = Price{Prompt: 2_500_000, CachedPrompt: 1_250_000, Completion: 10_000_000}

func TestCost(t *testing.T) {
	llama := Price{Prompt: 50_000, CachedPrompt: 50_000, Completion: 80_000}
	for _, tt := range []struct {
		name  string
		price Price
		usage Usage
		want  string
	}{
		{"nothing", gpt4o, Usage{}, "0"},
		{"a usual call", gpt4o, Usage{Prompt: 180, Completion: 220}, "0.00265"},
		{"cached tokens are part of the prompt", gpt4o, Usage{Prompt: 1000, CachedPrompt: 600, Completion: 1}, "0.00176"},
		{"one million of each", gpt4o, Usage{Prompt: 1e6, Completion: 1e6}, "12.5"},
		{"a cheap call", llama, Usage{Prompt: 180, Completion: 220}, "0.0000266"},
		{"rounds up", Price{Prompt: 1, Completion: 1}, Usage{Prompt: 1}, "0.000000001"},
		{"rounds up once, not for each part", Price{Prompt: 500, CachedPrompt: 250, Completion: 250}, Usage{Prompt: 2, CachedPrompt: 1, Completion: 1}, "0.000000001"},
		{"per request", Price{PerRequest: 5}, Usage{}, "0.000000005"},
		{"free of charge", Price{}, Usage{Prompt: math.MaxInt64, CachedPrompt: math.MaxInt64, Completion: math.MaxInt64}, "0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.price.Cost(tt.usage)
			if err != nil || got.String() != tt.want {
				t.Errorf("Cost(%s) = %s, %v; want %s", tt.usage, got, err, tt.want)
			}
		})
	}
}

func TestCostRefusesContradictions(t *testing.T) {
	for _, u := range []Usage{
		{Prompt: -1}, {CachedPrompt: -1}, {Completion: -1}, {Prompt: 3, CachedPrompt: 4}, {Prompt: math.MinInt64},
	} {
		if got, err := gpt4o.Cost(u); !errors.Is(err, ErrInvalidUsage) {
			t.Errorf("Cost(%s) = %s, %v; want ErrInvalidUsage", u, got, err)
		}
	}
	for _, p := range []Price{
		{Prompt: -1, CachedPrompt: -1}, {Completion: -1}, {CachedPrompt: 1}, {PerRequest: -1},
	} {
		if got, err := p.Cost(Usage{Prompt: 1}); err == nil {
			t.Errorf("%+v.Cost = %s, want an error", p, got)
		}
	}
}

func TestCostOverflowIsAnError(t *testing.T) {
	for _, tt := range []struct {
		price Price
		usage Usage
	}{
		{Price{Prompt: math.MaxInt64}, Usage{Prompt: math.MaxInt64}},
		{Price{Completion: math.MaxInt64, PerRequest: math.MaxInt64}, Usage{Completion: 1}},
		{Price{Prompt: 1, PerRequest: math.MaxInt64}, Usage{Prompt: 1}}, // only the rounding does not fit
		{Price{Prompt: 1 << 62}, Usage{Prompt: 4000}},                   // the quotient is 2^64, which 64 bits would wrap to nothing
	} {
		if got, err := tt.price.Cost(tt.usage); !errors.Is(err, ErrOverflow) {
			t.Errorf("%+v.Cost(%s) = %s, %v; want ErrOverflow", tt.price, tt.usage, got, err)
		}
	}
}

// drawPrice and drawUsage mix everyday figures with the largest ones.
func drawPrice(t *rapid.T) Price {
	rate := rapid.OneOf(rapid.Int64Range(0, 100_000_000), rapid.Int64Range(0, math.MaxInt64))
	prompt := rate.Draw(t, "prompt rate")
	return Price{
		Prompt:       Rate(prompt),
		CachedPrompt: Rate(rapid.Int64Range(0, prompt).Draw(t, "cached rate")),
		Completion:   Rate(rate.Draw(t, "completion rate")),
		PerRequest:   USD(rate.Draw(t, "per request")),
	}
}

func drawUsage(t *rapid.T) Usage {
	count := rapid.OneOf(rapid.Int64Range(0, 200_000), rapid.Int64Range(0, math.MaxInt64))
	prompt := count.Draw(t, "prompt")
	return Usage{
		Prompt:       prompt,
		CachedPrompt: rapid.Int64Range(0, prompt).Draw(t, "cached"),
		Completion:   count.Draw(t, "completion"),
	}
}

// trillionths is the cost of u in exact arithmetic, before any rounding.
func trillionths(p Price, u Usage) *big.Int {
	sum := big.NewInt(0)
	for _, part := range [][2]int64{
		{u.Prompt - u.CachedPrompt, int64(p.Prompt)},
		{u.CachedPrompt, int64(p.CachedPrompt)},
		{u.Completion, int64(p.Completion)},
		{int64(p.PerRequest), 1000},
	} {
		sum.Add(sum, new(big.Int).Mul(big.NewInt(part[0]), big.NewInt(part[1])))
	}
	return sum
}

func TestCostIsExactAndRoundsUpOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, u := drawPrice(t), drawUsage(t)
		exact := trillionths(p, u)
		want := new(big.Int).Add(exact, big.NewInt(999))
		want.Div(want, big.NewInt(1000))
		got, err := p.Cost(u)
		switch {
		case !want.IsInt64() && !errors.Is(err, ErrOverflow):
			t.Fatalf("Cost = %d, %v; want ErrOverflow for %s", got, err, want)
		case want.IsInt64() && (err != nil || int64(got) != want.Int64()):
			t.Fatalf("Cost = %d, %v; want %s", got, err, want)
		}
	})
}

func TestCostIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, small := drawPrice(t), drawUsage(t)
		more := func(n int64, name string) int64 { return rapid.Int64Range(n, math.MaxInt64).Draw(t, name) }
		big := Usage{
			Prompt:       more(small.Prompt, "more prompt"),
			CachedPrompt: rapid.Int64Range(0, small.CachedPrompt).Draw(t, "fewer cached"),
			Completion:   more(small.Completion, "more completion"),
		}
		high, err := p.Cost(big)
		if err != nil {
			return // an overflow is above everything
		}
		low, err := p.Cost(small)
		if err != nil || low > high {
			t.Fatalf("Cost(%s) = %s, %v, above Cost(%s) = %s", small, low, err, big, high)
		}
	})
}

func TestCostPartsSumToTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, u := drawPrice(t), drawUsage(t)
		whole, err := p.Cost(u)
		if err != nil {
			return
		}
		// Each part is rounded up by less than a billionth, so three parts are at
		// most two billionths above the whole, and never below it.
		noFee := p
		noFee.PerRequest = 0
		parts := p.PerRequest
		for _, part := range []Usage{
			{Prompt: u.Prompt - u.CachedPrompt},
			{Prompt: u.CachedPrompt, CachedPrompt: u.CachedPrompt},
			{Completion: u.Completion},
		} {
			cost, err := noFee.Cost(part)
			if err != nil {
				t.Fatalf("a part of %s costs more than the whole: %v", u, err)
			}
			if parts, err = parts.Add(cost); err != nil {
				return
			}
		}
		if parts < whole || parts-whole > 2 {
			t.Fatalf("parts sum to %s, whole is %s", parts, whole)
		}
	})
}

func TestUsageAdd(t *testing.T) {
	sum, err := Usage{Prompt: 5, CachedPrompt: 2, Completion: 1}.Add(Usage{Prompt: 1, CachedPrompt: 1, Completion: 4})
	if want := (Usage{Prompt: 6, CachedPrompt: 3, Completion: 5}); err != nil || sum != want || sum.Total() != 11 {
		t.Errorf("sum = %s (total %d), %v; want %s", sum, sum.Total(), err, want)
	}
	if _, err := (Usage{Prompt: math.MaxInt64}).Add(Usage{Prompt: 1}); !errors.Is(err, ErrOverflow) {
		t.Errorf("sum beyond int64: %v, want ErrOverflow", err)
	}
	if _, err := (Usage{}).Add(Usage{Completion: -1}); !errors.Is(err, ErrInvalidUsage) {
		t.Errorf("sum with a negative count: %v, want ErrInvalidUsage", err)
	}
	if got := (Usage{Prompt: math.MaxInt64, Completion: 1}).Total(); got != math.MaxInt64 {
		t.Errorf("Total beyond int64 = %d", got)
	}
}
