package pricing

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// faultsOf gathers what a Validate reports.
func faultsOf(validate func(func(path, format string, args ...any))) []string {
	var got []string
	validate(func(path, format string, args ...any) { got = append(got, path+": "+fmt.Sprintf(format, args...)) })
	return got
}

func TestPriceConfigIsReadExactly(t *testing.T) {
	got, err := PriceConfig{Prompt: "2.50", CachedPrompt: "1.25", Completion: "10.00", PerRequest: "0.001"}.Price()
	want := Price{Prompt: 2_500_000, CachedPrompt: 1_250_000, Completion: 10_000_000, PerRequest: Dollar / 1000}
	if err != nil || got != want {
		t.Errorf("Price() = %+v, %v; want %+v", got, err, want)
	}
	if s := got.Prompt.String(); s != "2.5" {
		t.Errorf("Rate.String() = %q, want 2.5", s)
	}
}

func TestPriceConfigDefaults(t *testing.T) {
	got, err := PriceConfig{Prompt: "1.00002", Completion: "0"}.Price()
	if want := (Price{Prompt: 1_000_020, CachedPrompt: 1_000_020}); err != nil || got != want {
		t.Errorf("Price() = %+v, %v; want %+v", got, err, want)
	}
}

func TestPriceConfigReportsEveryFault(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config PriceConfig
		want   []string // path and a part of the message, in order
	}{
		{"empty", PriceConfig{}, []string{"prompt_per_1m: missing", "completion_per_1m: missing"}},
		{"not decimals", PriceConfig{Prompt: "cheap", CachedPrompt: "1e-3", Completion: "1,5", PerRequest: "$1"},
			[]string{`prompt_per_1m: parsing USD per 1M tokens: "cheap"`, "cached_prompt_per_1m: ", "completion_per_1m: ", "per_request: "}},
		{"negative", PriceConfig{Prompt: "-1", CachedPrompt: "-1", Completion: "-2", PerRequest: "-3"},
			[]string{"prompt_per_1m: ", "cached_prompt_per_1m: ", "completion_per_1m: ", `per_request: must not be negative, got "-3"`}},
		{"too fine", PriceConfig{Prompt: "0.0000001", Completion: "1"}, []string{`prompt_per_1m: parsing USD per 1M tokens: "0.0000001" has more than 6 decimals`}},
		{"cached dearer than uncached", PriceConfig{Prompt: "1", CachedPrompt: "2", Completion: "3"},
			[]string{`cached_prompt_per_1m: must not exceed prompt_per_1m, got "2" above "1"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := faultsOf(tt.config.Validate)
			if len(got) != len(tt.want) {
				t.Fatalf("faults: %s", cmp.Diff(tt.want, got))
			}
			for i := range got {
				if !strings.HasPrefix(got[i], tt.want[i]) {
					t.Errorf("fault %d = %q, want it to start with %q", i, got[i], tt.want[i])
				}
			}
			_, err := tt.config.Price()
			if err == nil || strings.Count(err.Error(), "\n") != len(tt.want)-1 {
				t.Errorf("Price() = %v, want an error of %d lines", err, len(tt.want))
			}
		})
	}
}
