package pricing

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// Rate is a price per token in trillionths of a US dollar, so that the usual
// quotation of dollars per million tokens is exact to six decimals: "2.50" is
// 2,500,000.
type Rate int64

const rateScale = 6

// ParseRate reads dollars per million tokens, such as "2.50", exactly. A
// negative rate and more than six significant decimals are errors.
func ParseRate(s string) (Rate, error) {
	v, err := parseFixed(s, rateScale)
	if err != nil {
		return 0, fmt.Errorf("parsing USD per 1M tokens: %w", err)
	}
	if v < 0 {
		return 0, fmt.Errorf("parsing USD per 1M tokens: must not be negative, got %q", s)
	}
	return Rate(v), nil
}

// String returns dollars per million tokens without trailing zeros.
func (r Rate) String() string { return formatFixed(int64(r), rateScale) }

// Price is what one model asks. The zero value is free of charge, which is a
// price that somebody has to state: a model whose price is unknown has no Price.
type Price struct {
	Prompt       Rate // for a prompt token that was not cached
	CachedPrompt Rate // for a prompt token read from the provider's cache; at most Prompt
	Completion   Rate // for a completion token, reasoning included
	PerRequest   USD  // for every call, whatever it consumed
}

// ErrInvalidUsage says that a provider's token counts contradict themselves.
var ErrInvalidUsage = errors.New("invalid usage")

// trillionthsPerUSD converts a USD, in billionths, to the unit of a Rate.
const trillionthsPerUSD = 1000

// Cost returns the price of u, rounded up once so that a ledger never owes.
// Cached tokens are taken out of the prompt tokens first, as providers count
// them twice. Counts that contradict themselves are ErrInvalidUsage, a price
// beyond what USD holds is ErrOverflow.
//
// Cost never falls when Prompt or Completion grow, and never rises when
// CachedPrompt does; so the cost of an upper bound with no cached token is an
// upper bound of the cost.
func (p Price) Cost(u Usage) (USD, error) {
	if err := u.check(); err != nil {
		return 0, err
	}
	if err := p.check(); err != nil {
		return 0, err
	}
	// Three products below 2^126 and one below 2^73 fit 128 bits.
	var sum uint128
	sum.addProduct(uint64(u.Prompt-u.CachedPrompt), uint64(p.Prompt))
	sum.addProduct(uint64(u.CachedPrompt), uint64(p.CachedPrompt))
	sum.addProduct(uint64(u.Completion), uint64(p.Completion))
	sum.addProduct(uint64(p.PerRequest), trillionthsPerUSD)
	if sum.hi >= trillionthsPerUSD {
		return 0, fmt.Errorf("pricing %s: %w", u, ErrOverflow)
	}
	cost, rest := bits.Div64(sum.hi, sum.lo, trillionthsPerUSD)
	if cost > math.MaxInt64 || cost == math.MaxInt64 && rest > 0 {
		return 0, fmt.Errorf("pricing %s: %w", u, ErrOverflow)
	}
	if rest > 0 {
		cost++
	}
	return USD(cost), nil
}

// check returns what makes p unusable as a price.
func (p Price) check() error {
	if p.Prompt < 0 || p.CachedPrompt < 0 || p.Completion < 0 || p.PerRequest < 0 {
		return errors.New("price must not be negative")
	}
	if p.CachedPrompt > p.Prompt {
		return fmt.Errorf("cached prompt tokens at %s must not cost more than uncached ones at %s", p.CachedPrompt, p.Prompt)
	}
	return nil
}

// uint128 is a sum that needs more than 64 bits.
type uint128 struct{ hi, lo uint64 }

func (s *uint128) addProduct(a, b uint64) {
	hi, lo := bits.Mul64(a, b)
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, lo, 0)
	s.hi, _ = bits.Add64(s.hi, hi, carry)
}
