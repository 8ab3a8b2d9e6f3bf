package pricing

import (
	"errors"
	"slices"
	"testing"
)

func TestTableCostsByModel(t *testing.T) {
	table, err := NewTable(map[string]Price{"gpt-4o": gpt4o})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := table.Cost("gpt-4o", Usage{Prompt: 180, Completion: 220}); err != nil || got.String() != "0.00265" {
		t.Errorf("Cost = %s, %v; want 0.00265", got, err)
	}
	if p, ok := table.Price("gpt-4o"); !ok || p != gpt4o {
		t.Errorf("Price = %+v, %t", p, ok)
	}
	if _, err := table.Cost("gpt-4o", Usage{Prompt: 1, CachedPrompt: 2}); !errors.Is(err, ErrInvalidUsage) {
		t.Errorf("Cost of an impossible usage: %v, want ErrInvalidUsage", err)
	}
	if got := table.Models(); !slices.Equal(got, []string{"gpt-4o"}) {
		t.Errorf("Models = %q", got)
	}
}

func TestUnknownModelIsAnErrorAndNeverFree(t *testing.T) {
	table, err := NewTable(map[string]Price{"free": {}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := table.Cost("free", Usage{Prompt: 1}); err != nil || got != 0 {
		t.Errorf("Cost of a free model = %s, %v", got, err)
	}
	for _, table := range []Table{table, {}} {
		if got, err := table.Cost("gpt-4o", Usage{}); !errors.Is(err, ErrUnknownModel) {
			t.Errorf("Cost of an unknown model = %s, %v; want ErrUnknownModel", got, err)
		}
		if p, ok := table.Price("gpt-4o"); ok {
			t.Errorf("Price of an unknown model = %+v", p)
		}
	}
}

func TestTableNeverChanges(t *testing.T) {
	prices := map[string]Price{"gpt-4o": gpt4o}
	table, err := NewTable(prices)
	if err != nil {
		t.Fatal(err)
	}
	version := table.Version()
	prices["gpt-4o"] = Price{}
	if p, _ := table.Price("gpt-4o"); p != gpt4o || table.Version() != version {
		t.Errorf("the table changed with the map it was made of: %+v", p)
	}
}

func TestTableVersionFollowsContent(t *testing.T) {
	version := func(prices map[string]Price) string {
		t.Helper()
		table, err := NewTable(prices)
		if err != nil {
			t.Fatal(err)
		}
		return table.Version()
	}
	base := version(map[string]Price{"a": gpt4o, "b": {}})
	if again := version(map[string]Price{"b": {}, "a": gpt4o}); again != base {
		t.Errorf("equal tables have versions %s and %s", base, again)
	}
	seen := map[string]string{base: "base"}
	dearer := gpt4o
	dearer.PerRequest = 1
	for name, prices := range map[string]map[string]Price{
		"empty":         nil,
		"fewer models":  {"a": gpt4o},
		"swapped names": {"b": gpt4o, "a": {}},
		"a fee":         {"a": dearer, "b": {}},
	} {
		v := version(prices)
		if other, taken := seen[v]; taken {
			t.Errorf("%s and %s have the same version %s", name, other, v)
		}
		seen[v] = name
	}
	if got, want := (Table{}).Version(), version(nil); got != want {
		t.Errorf("zero table's version = %q, want the empty table's %q", got, want)
	}
}

func TestNewTableRefusesImpossiblePrices(t *testing.T) {
	for _, p := range []Price{{Prompt: -1}, {Completion: -1}, {PerRequest: -1}, {CachedPrompt: 1}} {
		if _, err := NewTable(map[string]Price{"m": p}); err == nil {
			t.Errorf("NewTable of %+v succeeded", p)
		}
	}
}

func BenchmarkCost(b *testing.B) {
	table, err := NewTable(map[string]Price{"gpt-4o": gpt4o})
	if err != nil {
		b.Fatal(err)
	}
	usage := Usage{Prompt: 1800, CachedPrompt: 1024, Completion: 220}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := table.Cost("gpt-4o", usage); err != nil {
			b.Fatal(err)
		}
	}
}
