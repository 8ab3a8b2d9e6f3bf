package pricing

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestParseUSD(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want USD
		out  string
	}{
		{"0", 0, "0"},
		{"-0", 0, "0"},
		{"2.50", 2_500_000_000, "2.5"},
		{"0.000125", 125_000, "0.000125"},
		{"0.000000001", 1, "0.000000001"},
		{"0.00000000100000000000000000", 1, "0.000000001"},
		{"0000000000000000000000000002", 2 * Dollar, "2"},
		{"-1", -Dollar, "-1"},
		{"-0.5", -Dollar / 2, "-0.5"},
		{"9223372036.854775807", math.MaxInt64, "9223372036.854775807"},
		{"-9223372036.854775808", math.MinInt64, "-9223372036.854775808"},
	} {
		got, err := ParseUSD(tt.in)
		if err != nil || got != tt.want {
			t.Errorf("ParseUSD(%q) = %d, %v; want %d", tt.in, got, err, tt.want)
		}
		if got.String() != tt.out {
			t.Errorf("USD(%d).String() = %q, want %q", got, got.String(), tt.out)
		}
	}
}

func TestParseUSDRefusesWhatItCannotHold(t *testing.T) {
	for _, in := range []string{
		"", " ", "1 ", "$1", "1,5", "1e3", "1E-3", "+1", "--1", "-", ".", "1.", ".5", "-.5", "1.2.3", "1.0.0", "1-2", "1.-0",
		"NaN", "Inf", "0x10", "1_000", "٣",
		"0.0000000001", "0.0000000010000000000000000001",
		"9223372036.854775808", "-9223372036.854775809", "99999999999999999999", "10000000000000000000000000000000000000000",
		"00000000000000000000000000000000000000000000000000000000000000000000000000001",
	} {
		if got, err := ParseUSD(in); err == nil {
			t.Errorf("ParseUSD(%q) = %d, want an error", in, got)
		}
	}
}

func TestUSDTextIsExactInJSON(t *testing.T) {
	type bill struct {
		Cost USD `json:"cost"`
	}
	text, err := json.Marshal(bill{math.MaxInt64})
	if err != nil || string(text) != `{"cost":"9223372036.854775807"}` {
		t.Fatalf("json.Marshal = %s, %v", text, err)
	}
	var b bill
	if err := json.Unmarshal(text, &b); err != nil || b.Cost != math.MaxInt64 {
		t.Fatalf("json.Unmarshal = %v, %v", b, err)
	}
	if err := json.Unmarshal([]byte(`{"cost":"much"}`), &b); err == nil {
		t.Fatal("json.Unmarshal of no amount succeeded")
	}
}

func TestUSDArithmeticIsExactOrRefused(t *testing.T) {
	edges := rapid.SampledFrom([]int64{math.MinInt64, math.MinInt64 + 1, -1, 0, 1, math.MaxInt64 - 1, math.MaxInt64})
	anyInt64 := rapid.OneOf(rapid.Int64(), edges, rapid.Int64Range(-1_000_000, 1_000_000))
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyInt64.Draw(t, "a"), anyInt64.Draw(t, "b")
		x, y := big.NewInt(a), big.NewInt(b)
		check := func(name string, got USD, err error, want *big.Int) {
			switch {
			case !want.IsInt64() && !errors.Is(err, ErrOverflow):
				t.Fatalf("%s of %d and %d = %d, %v; want ErrOverflow", name, a, b, got, err)
			case want.IsInt64() && (err != nil || int64(got) != want.Int64()):
				t.Fatalf("%s of %d and %d = %d, %v; want %d", name, a, b, got, err, want)
			}
		}
		sum, err := USD(a).Add(USD(b))
		check("sum", sum, err, new(big.Int).Add(x, y))
		difference, err := USD(a).Sub(USD(b))
		check("difference", difference, err, new(big.Int).Sub(x, y))
		product, err := USD(a).Mul(b)
		check("product", product, err, new(big.Int).Mul(x, y))
	})
}

func FuzzParseUSD(f *testing.F) {
	for _, s := range []string{"0", "2.50", "-0.000000001", "9223372036.854775807", "1e5", "0.0000000000000000000000000001", "--1", "1.-2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParseUSD(s)
		if err != nil {
			return
		}
		exact, ok := new(big.Rat).SetString(s)
		if !ok {
			t.Fatalf("ParseUSD(%q) = %s, but it is no number", s, u)
		}
		if exact.Cmp(big.NewRat(int64(u), int64(Dollar))) != 0 {
			t.Fatalf("ParseUSD(%q) = %s, which is not the same amount", s, u)
		}
		if again, err := ParseUSD(u.String()); err != nil || again != u {
			t.Fatalf("ParseUSD(%q) = %d, %v; want %d", u.String(), again, err, u)
		}
	})
}
