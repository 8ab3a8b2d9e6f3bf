package pricing

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

func entry(prompt, completion string, maxOutput int64) Entry {
	return Entry{PriceConfig: PriceConfig{Prompt: prompt, Completion: completion}, MaxOutput: maxOutput}
}

func TestListFind(t *testing.T) {
	list := List{
		"openai": {Owner: true, Hosts: []string{"api.openai.com"}, Models: map[string]Entry{
			"gpt-4o": entry("2.50", "10.00", 16384), "shared": entry("1.0", "2", 10)}},
		"europe": {Hosts: []string{"eu.api.openai.com"}, Models: map[string]Entry{
			"gpt-4o": entry("2.75", "11.00", 16384), "shared": entry("1.00", "2.00", 20)}},
		"groq": {Hosts: []string{"groq.com"}, Models: map[string]Entry{"llama": entry("0.05", "0.08", 8192)}},
		"dear": {Models: map[string]Entry{"llama": entry("5", "8", 0), "only-dear": entry("7", "7", 5)}},
	}
	if faults := faultsOf(list.Validate); faults != nil {
		t.Fatal(faults)
	}
	for _, tt := range []struct {
		name                  string
		provider, host, model string
		prompt, source        string // empty: not found
		maxOutput             int64
	}{
		{"by host", "mine", "api.openai.com", "gpt-4o", "2.50", "openai's list", 16384},
		{"by host with port and case", "mine", "API.OpenAI.com:443", "gpt-4o", "2.50", "openai's list", 16384},
		{"by a host below", "mine", "api.groq.com", "llama", "0.05", "groq's list", 8192},
		{"the longest host wins", "mine", "eu.api.openai.com", "gpt-4o", "2.75", "europe's list", 16384},
		{"host before provider's name", "dear", "api.groq.com", "llama", "0.05", "groq's list", 8192},
		{"no partial label", "mine", "evilgroq.com", "llama", "", "", 0},
		{"by the provider's name", "dear", "10.0.0.1:8000", "llama", "5", "dear's list", 0},
		{"by its owner's name", "mine", "10.0.0.1:8000", "gpt-4o", "2.50", "openai's list, by the model's name", 16384},
		{"a name that nobody owns", "mine", "[::1]:8000", "only-dear", "", "", 0},
		{"a known host does not list it", "mine", "api.groq.com", "only-dear", "", "", 0},
		{"a known provider does not list it", "groq", "localhost", "only-dear", "", "", 0},
		{"nobody lists it", "mine", "", "no-such-model", "", "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, source, ok := list.Find(tt.provider, tt.host, tt.model)
			if ok != (tt.source != "") || source != tt.source || e.Prompt != tt.prompt || e.MaxOutput != tt.maxOutput {
				t.Errorf("Find(%q, %q, %q) = %+v, %q, %t", tt.provider, tt.host, tt.model, e, source, ok)
			}
		})
	}
}

func TestListReportsEveryFault(t *testing.T) {
	list := List{
		"a": {Hosts: []string{"https://x.com", "X.com", "ok.com", "*.com", ".com", ""}, Models: map[string]Entry{
			"m": {PriceConfig: PriceConfig{Prompt: "-1", Completion: "1"}, MaxOutput: -1}}},
		"b": {Hosts: []string{"ok.com"}},
	}
	var paths []string
	list.Validate(func(path, _ string, _ ...any) { paths = append(paths, path) })
	want := []string{"a.hosts[0]", "a.hosts[1]", "a.hosts[3]", "a.hosts[4]", "a.hosts[5]",
		`a.models["m"].prompt_per_1m`, `a.models["m"].max_output`, "b.hosts[0]", "b.models"}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("fault paths (-want +got):\n%s", diff)
	}
}

// moduleRoot walks up to the directory that holds go.mod.
func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test's directory")
		}
		dir = parent
	}
}

func defaultList(t testing.TB) List {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(moduleRoot(t), "configs", "pricing.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var list List
	if err := yaml.Load(data, &list, yaml.WithKnownFields(), yaml.WithUniqueKeys()); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestDefaultListIsValid(t *testing.T) {
	list := defaultList(t)
	if faults := faultsOf(list.Validate); faults != nil {
		t.Error(strings.Join(faults, "\n"))
	}
	for _, tt := range []struct{ host, model, prompt, cached, completion string }{
		{"api.openai.com", "gpt-4o-2024-08-06", "2.50", "1.25", "10.00"},
		{"api.openai.com", "gpt-4o-mini", "0.15", "0.075", "0.60"},
		{"api.groq.com", "llama-3.1-8b-instant", "0.05", "", "0.08"},
		{"api.together.xyz", "meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo", "0.88", "", "0.88"},
		{"api.fireworks.ai", "accounts/fireworks/models/llama-v3p1-405b-instruct", "3.00", "", "3.00"},
	} {
		e, _, ok := list.Find("any", tt.host, tt.model)
		want := PriceConfig{Prompt: tt.prompt, CachedPrompt: tt.cached, Completion: tt.completion}
		if !ok || e.PriceConfig != want {
			t.Errorf("%s at %s = %+v, %t; want %+v", tt.model, tt.host, e, ok, want)
		}
	}
}

// TestDefaultListAgreesWithItsSource compares every line of the list with the
// price table that it was taken from.
func TestDefaultListAgreesWithItsSource(t *testing.T) {
	file, err := os.Open(filepath.Join(moduleRoot(t), "..", "shared", "data", "prices", "gpt4o_llama31_prices_per_1M.csv"))
	if err != nil {
		t.Skipf("the source of the prices is not here: %v", err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	type key struct {
		model, prompt, cached, completion string
		maxOutput                         int64
	}
	known := map[key]bool{}
	for _, row := range rows[1:] {
		cell := func(name string) string { return row[column[name]] }
		maxOutput, _ := strconv.ParseInt(cell("max_output_tokens"), 10, 64)
		k := key{"", rate(t, cell("input_usd_per_1M")), rate(t, cell("cached_input_usd_per_1M")), rate(t, cell("output_usd_per_1M")), maxOutput}
		// The source prefixes the host's name; the model's own name may hold slashes too.
		parts := strings.Split(cell("model_key"), "/")
		for i := range parts {
			k.model = strings.Join(parts[i:], "/")
			known[k] = true
		}
	}
	list, lines := defaultList(t), 0
	for _, section := range list {
		for model, e := range section.Models {
			if strings.HasPrefix(model, "text-embedding-") || strings.HasPrefix(model, "gpt-3.5-") {
				continue // of these the extract has nothing: it is of GPT-4o and Llama
			}
			lines++
			k := key{model, rate(t, e.Prompt), rate(t, e.CachedPrompt), rate(t, e.Completion), e.MaxOutput}
			if !known[k] {
				t.Errorf("%s: %+v is not in the source", model, e)
			}
			if slices.Contains([]string{"", "0"}, rate(t, e.Prompt)) {
				t.Errorf("%s: an unknown price is listed as free", model)
			}
		}
	}
	if lines < 50 {
		t.Errorf("the list has only %d lines", lines)
	}
}

// rate writes a price in one way: "2.5" for 2.5, 2.50 and 2.500; "" for none.
func rate(t *testing.T, s string) string {
	t.Helper()
	if s == "" {
		return ""
	}
	r, err := ParseRate(s)
	if err != nil {
		t.Fatal(err)
	}
	return r.String()
}
