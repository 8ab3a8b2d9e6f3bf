package pricing

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/govalues/decimal"
)

// maxDecimalLength bounds what parseFixed reads; the longest amount that fits
// has 20 characters, the rest is room for zeros.
const maxDecimalLength = 64

// parseFixed reads a plain decimal such as "2.50" as an integer count of
// 10^-scale. It refuses whatever it cannot hold exactly: rounding a price that
// somebody wrote down would be a silent change of the price. Exponents are
// refused because "1e3" in a price list is more often a slip than a price.
func parseFixed(s string, scale int) (int64, error) {
	if s == "" {
		return 0, errors.New("empty, want a decimal such as 2.50")
	}
	if len(s) > maxDecimalLength {
		return 0, fmt.Errorf("%d characters, want at most %d", len(s), maxDecimalLength)
	}
	if strings.Trim(s, "-.0123456789") != "" {
		return 0, fmt.Errorf("%q is no plain decimal such as 2.50", s)
	}
	whole, fraction, hasPoint := strings.Cut(s, ".")
	if hasPoint && (fraction == "" || strings.Trim(whole, "-") == "") {
		return 0, fmt.Errorf("%q needs digits on both sides of the point", s)
	}
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > scale {
		return 0, fmt.Errorf("%q has more than %d decimals", s, scale)
	}
	// With the zeros gone, whatever fits the result also fits the 19 digits that
	// the library holds without rounding.
	if fraction != "" {
		whole += "." + fraction
	}
	d, err := decimal.Parse(whole)
	if err != nil {
		return 0, fmt.Errorf("%q is no plain decimal in range: %w", s, err)
	}
	units, rest, ok := d.Int64(scale)
	step := int64(1)
	for range scale {
		step *= 10
	}
	if !ok || units > math.MaxInt64/step || units < math.MinInt64/step {
		return 0, fmt.Errorf("%q is too large", s)
	}
	units *= step
	if rest > 0 && units > math.MaxInt64-rest || rest < 0 && units < math.MinInt64-rest {
		return 0, fmt.Errorf("%q is too large", s)
	}
	return units + rest, nil
}

// formatFixed is the inverse of parseFixed, without trailing zeros.
func formatFixed(v int64, scale int) string {
	d, err := decimal.New(v, scale)
	if err != nil {
		// Unreachable: every int64 has at most 19 digits and scale is a constant.
		return fmt.Sprintf("%de-%d", v, scale)
	}
	return d.Trim(0).String()
}
