package policy

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestKeyValidateReportsEveryFault(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		key  Key
		want []string
	}{
		"empty":       {Key{}, nil},
		"full":        {Key{Name: "Zoë's laptop", Team: "acme", Models: []string{"auto", "gpt-4o"}, Expires: now.Add(1)}, nil},
		"longest":     {Key{Name: strings.Repeat("é", maxNameLength)}, nil},
		"too long":    {Key{Name: strings.Repeat("é", maxNameLength+1)}, []string{"name"}},
		"two lines":   {Key{Name: "a\nb"}, []string{"name"}},
		"terminal":    {Key{Team: "\x1b[2J"}, []string{"team"}},
		"not UTF-8":   {Key{Team: "\xff"}, []string{"team"}},
		"no model":    {Key{Models: []string{"auto", ""}}, []string{"models[1]"}},
		"expired":     {Key{Expires: now}, []string{"expires_at"}},
		"own budgets": {Key{Budgets: []string{"acme-daily"}, Tags: map[string]string{"env": "ci"}}, nil},
		"bad budgets": {Key{Budgets: []string{"", "\n"}}, []string{"budgets[0]", "budgets[1]"}},
		"bad tags":    {Key{Tags: map[string]string{"a,b": "c"}}, []string{"tags"}},
		"everything":  {Key{Name: "\t", Team: "\t", Models: []string{"\t"}, Expires: now.Add(-1)}, []string{"name", "team", "models[0]", "expires_at"}},
	} {
		var got []string
		tt.key.Validate(now, func(path, _ string, _ ...any) { got = append(got, path) })
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: faults at %q, want %q", name, got, tt.want)
		}
	}
}
