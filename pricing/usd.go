package pricing

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// ErrOverflow says that an amount does not fit its type. Money never wraps
// around: a sum that cannot be held is refused.
var ErrOverflow = errors.New("amount out of range")

// USD is an amount of money in billionths of a US dollar. The zero value is
// nothing; the largest amount is a little above 9.2 billion dollars.
type USD int64

// Dollar is one US dollar.
const Dollar USD = 1_000_000_000

const usdScale = 9

// ParseUSD reads a plain decimal such as "2.50" exactly. More than nine
// significant decimals, exponents, signs other than a leading minus and amounts
// that do not fit are errors.
func ParseUSD(s string) (USD, error) {
	v, err := parseFixed(s, usdScale)
	if err != nil {
		return 0, fmt.Errorf("parsing amount in USD: %w", err)
	}
	return USD(v), nil
}

// String returns the exact decimal without trailing zeros and without a
// currency sign: "0.000125".
func (u USD) String() string { return formatFixed(int64(u), usdScale) }

// Float64 returns the amount in dollars for display and for JSON numbers. It
// may be off by a rounding error; sums are made in USD.
func (u USD) Float64() float64 { return float64(u) / float64(Dollar) }

// MarshalText writes what String returns.
func (u USD) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText reads what ParseUSD reads.
func (u *USD) UnmarshalText(text []byte) error {
	v, err := ParseUSD(string(text))
	if err != nil {
		return err
	}
	*u = v
	return nil
}

// Add returns u + v, or ErrOverflow.
func (u USD) Add(v USD) (USD, error) {
	if v > 0 && u > math.MaxInt64-v || v < 0 && u < math.MinInt64-v {
		return 0, fmt.Errorf("adding $%s to $%s: %w", v, u, ErrOverflow)
	}
	return u + v, nil
}

// Sub returns u - v, or ErrOverflow.
func (u USD) Sub(v USD) (USD, error) {
	if v < 0 && u > math.MaxInt64+v || v > 0 && u < math.MinInt64+v {
		return 0, fmt.Errorf("taking $%s from $%s: %w", v, u, ErrOverflow)
	}
	return u - v, nil
}

// Mul returns u taken n times, or ErrOverflow.
func (u USD) Mul(n int64) (USD, error) {
	hi, lo := bits.Mul64(magnitude(int64(u)), magnitude(n))
	negative := (u < 0) != (n < 0)
	switch {
	case hi == 0 && lo <= math.MaxInt64 && negative:
		return -USD(lo), nil
	case hi == 0 && lo <= math.MaxInt64:
		return USD(lo), nil
	case hi == 0 && lo == 1<<63 && negative:
		return math.MinInt64, nil
	}
	return 0, fmt.Errorf("taking $%s %d times: %w", u, n, ErrOverflow)
}

// magnitude is |v|, also of the smallest int64.
func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}
