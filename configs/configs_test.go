package configs

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// secrets is an environment in which every variable that the shipped files name
// is set.
func secrets(name string) (string, bool) {
	switch name {
	case "OPENAI_API_KEY", "GROQ_API_KEY", "TOGETHER_API_KEY", "AZURE_OPENAI_API_KEY":
		return "sk-test", true
	case "AZURE_OPENAI_RESOURCE":
		return "acme", true
	}
	return "", false
}

func TestShippedFilesLoad(t *testing.T) {
	for _, file := range shipped(t) {
		c, err := Load(file, secrets)
		if err != nil {
			t.Errorf("%s:\n%v", file, err)
			continue
		}
		for model := range c.Models {
			if _, _, known := c.Price(model); !known {
				t.Errorf("%s: %s has no price", file, model)
			}
		}
		if _, err := c.Table(); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestDroverYAMLNeedsOnlyTheKey(t *testing.T) {
	c, err := Load("drover.yaml", func(name string) (string, bool) { return "sk-1", name == "OPENAI_API_KEY" })
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Providers["llama"].BaseURL; got != "http://localhost:11434/v1" {
		t.Errorf("the Llama is at %s", got)
	}
	if c.Providers["openai"].APIKey != "sk-1" {
		t.Error("the key was not taken")
	}
	price, source, _ := c.Price("gpt-4o")
	if price.Prompt.String() != "2.5" || price.CachedPrompt.String() != "1.25" || price.Completion.String() != "10" || source != "openai's list" {
		t.Errorf("price %v from %s", price, source)
	}
	_, err = Load("drover.yaml", noEnv)
	var faults Faults
	if !errors.As(err, &faults) || len(faults) != 1 || faults[0].Path != "providers.openai.api_key" || !strings.Contains(faults[0].Message, "OPENAI_API_KEY is not set") {
		t.Errorf("without the key: %v", err)
	}
}

func TestDefaults(t *testing.T) {
	c, err := Parse("d.yaml", []byte("providers: {p: {base_url: http://h/v1/}}\nmodels: {m: {provider: p}}\n"), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	p := c.Providers["p"]
	got := fmt.Sprintln(c.Listen, c.Drain, c.Admin.Listen, c.Ledger.Path, p.BaseURL, p.Timeout, p.MaxInFlight, p.Breaker.Failures, p.Breaker.Cooldown, c.Models["m"].Name)
	if want := fmt.Sprintln(":8080", 30*time.Second, "127.0.0.1:8081", "drover.db", "http://h/v1", 2*time.Minute, 128, 5, 30*time.Second, "m"); got != want {
		t.Errorf("got %swant %s", got, want)
	}
}

// Every fault is there, with its line and path, and says what to do.
func TestEveryFaultIsNamed(t *testing.T) {
	const text = `lisen: ":8080"
drain: soon
admin: { listen: "8081" }
providers:
  a: { base_url: "ftp://h", timeout: -1s, breaker: { failures: x } }
  b: { base_url: "http://h/v1", api_key: "${NO_SUCH}", max_in_flight: [1] }
  b: { base_url: "http://h/v1" }
models:
  m: { provider: a, price: { prompt_per_1m: "1" , completion_per_1m: } }
  n: 7
routes: [auto]
search: {}
`
	_, err := Parse("drover.yaml", []byte(text), noEnv)
	var faults Faults
	if !errors.As(err, &faults) {
		t.Fatalf("got %v", err)
	}
	var got []string
	for _, f := range faults {
		got = append(got, f.String())
	}
	want := []string{
		`drover.yaml:1: lisen: unknown key; did you mean listen?`,
		`drover.yaml:2: drain: must be a duration such as 30s, 5m or 90d, got "soon"`,
		`drover.yaml:3: admin.listen: must be host:port, such as "127.0.0.1:8081", got "8081"`,
		`drover.yaml:5: providers.a.breaker.failures: must be a whole number, got "x"`,
		`drover.yaml:5: providers.a.base_url: must start with http:// or https:// and name a host, got "ftp://h"`,
		`drover.yaml:5: providers.a.timeout: must be positive, got -1s`,
		`drover.yaml:6: providers.b.api_key: the environment variable NO_SUCH is not set; set it, or write ${NO_SUCH:-default}`,
		`drover.yaml:6: providers.b.max_in_flight: must be a whole number, got a list`,
		`drover.yaml:7: providers.b: stands here twice, first in line 6; remove one of them`,
		`drover.yaml:9: models.m.price.completion_per_1m: has no value; give one, or leave the key out`,
		`drover.yaml:10: models.n: must be a section of keys and values, got "7"`,
		`drover.yaml:11: routes: must be a section of keys and values, got a list`,
		`drover.yaml:12: search: unknown key; known here: admin, budgets, budgets_on_all, drain, http, ledger, limits, listen, models, providers, retention, routes, sandbox, teams`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMeaningIsChecked(t *testing.T) {
	const text = `listen: "nowhere"
admin: { listen: "127.0.0.1:99999" }
providers:
  a: { base_url: "ftp://h", timeout: -1s }
  c: { base_url: "http://user:pw@h/v1" }
models:
  foo3: { provider: a }
  m: { provider: z }
  dear: { provider: a, price: { prompt_per_1m: "-1", completion_per_1m: "x" } }
routes:
  m: { direct: [m, m, q] }
  auto: { }
`
	_, err := Parse("drover.yaml", []byte(text), noEnv)
	var faults Faults
	if !errors.As(err, &faults) {
		t.Fatalf("got %v", err)
	}
	all := faults.Error()
	for _, want := range []string{
		`drover.yaml:1: listen: must be an address such as :8080`,
		`drover.yaml:2: admin.listen: must `,
		`drover.yaml:4: providers.a.base_url: must start with http:// or https://`,
		`drover.yaml:4: providers.a.timeout: must be positive`,
		`drover.yaml:5: providers.c.base_url: must not contain a user`,
		`drover.yaml:7: models.foo3: the name contains "o3"`,
		`drover.yaml:8: models.m.provider: there is no provider "z"; the providers are a, c`,
		`drover.yaml:9: models.dear.price.prompt_per_1m: `,
		`drover.yaml:9: models.dear.price.completion_per_1m: `,
		`drover.yaml:11: routes.m: a model has this name too`,
		`drover.yaml:11: routes.m.direct[1]: "m" stands here twice`,
		`drover.yaml:11: routes.m.direct[2]: there is no model "q"; the models are dear, foo3, m`,
		`drover.yaml:12: routes.auto.direct: is missing`,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("missing: %s\nin:\n%s", want, all)
		}
	}
}

func TestBrokenYAMLIsSaidWhere(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "f.yaml:1: the file is empty",
		"# only a comment\n":      "f.yaml:1: the file is empty",
		"a: 1\nb: [1\nc: 2\n":     "f.yaml:3: not valid YAML",
		"a:\n\tb: 1\n":            "f.yaml:2: not valid YAML",
		"listen: a\n---\nb: 1\n":  "f.yaml:2: a second YAML document",
		"- a\n":                   "f.yaml:1: must be a section",
		"providers: *nowhere\n":   "f.yaml:1: not valid YAML",
		"listen: \"${A\"\n":       "f.yaml:1: listen: ${A is not a reference",
		"listen: \"${}\"\n":       "f.yaml:1: listen: ${} is not a reference",
		"admin: {token: ~}\n":     "f.yaml:1: admin.token: has no value",
		"? [a]\n: b\n":            "a key must be a plain word",
		"listen: a\nlisten: b\n":  "f.yaml:2: listen: stands here twice, first in line 1",
		"ledger: {path: [a, b]}":  "f.yaml:1: ledger.path: must be text, got a list",
		"ledger:\n  pth: here\n":  "f.yaml:2: ledger.pth: unknown key; did you mean path?",
		"budget:\n  a: {}\n":      "f.yaml:1: budget: unknown key",
		"dashboard: {open: true}": "f.yaml:1: dashboard: unknown key",
	} {
		_, err := Parse("f.yaml", []byte(text), noEnv)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gave %v, want %s", text, err, want)
		}
	}
}

func TestExpand(t *testing.T) {
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"A": "x: [", "EMPTY": ""}[name]
		return v, ok
	}
	for text, want := range map[string]string{
		"${A}": "x: [", "a${A}b${A}": "ax: [bx: [", "${B:-d}": "d", "${B:-}": "", "${EMPTY}": "", "${EMPTY:-d}": "d",
		"$${A}": "${A}", "$A": "$A", "plain": "plain", "${B:-a:-b}": "a:-b",
	} {
		if got, err := expand(text, env); err != nil || got != want {
			t.Errorf("%s gave %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"${B}", "${", "${A", "${1}", "${A:+x}", "${ A }"} {
		if got, err := expand(text, env); err == nil {
			t.Errorf("%s gave %q", text, got)
		}
	}
}

func TestAliasesAndMergedText(t *testing.T) {
	c, err := Parse("d.yaml", []byte("providers:\n  a: &p { base_url: http://h/v1, timeout: 5s }\n  b: *p\nmodels: {m: {provider: b}}\nroutes: {r: {direct: m}}\n"), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if c.Providers["b"].Timeout != 5*time.Second || c.Routes["r"].Direct[0] != "m" {
		t.Errorf("read %+v", c)
	}
}

// A missing file is no riddle.
func TestLoadSaysThatThereIsNoFile(t *testing.T) {
	_, err := Load(t.TempDir()+"/drover.yaml", noEnv)
	if err == nil || !strings.Contains(err.Error(), "-c") {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	text, err := os.ReadFile("drover.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("providers: {a: &x {base_url: http://h}, b: *x}\nmodels: {m: {provider: a, price: {prompt_per_1m: '1', completion_per_1m: 2}}}"))
	f.Add([]byte("a: ${B:-c}\n? [x]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("f.yaml", text, secrets)
		if err == nil {
			if _, err := c.Table(); err != nil {
				t.Fatalf("a configuration without faults has no price table: %v", err)
			}
			return
		}
		var faults Faults
		if !errors.As(err, &faults) || len(faults) == 0 {
			t.Fatalf("a fault without a place: %v", err)
		}
		for _, f := range faults {
			if f.Message == "" || f.Line < 0 {
				t.Fatalf("%+v", f)
			}
		}
	})
}

// The section about money in the shipped file is commented out, and works when it
// is not.
func TestShippedBudgetsWorkWithoutTheirComments(t *testing.T) {
	text, err := os.ReadFile("drover.yaml")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	from := slices.Index(lines, "# budgets:")
	for i := from; i >= 0 && strings.HasPrefix(lines[i], "# "); i++ {
		lines[i] = lines[i][2:]
	}
	c, err := Parse("drover.yaml", []byte(strings.Join(lines, "\n")), func(name string) (string, bool) { return "x", name == "OPENAI_API_KEY" })
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Budgets) != 2 || len(c.Teams) != 1 || len(c.Limits) != 2 || c.Budgets["acme-daily"].Then != "cheapest" {
		t.Errorf("%+v", c.Budgets)
	}
}

func TestFaultsOfMoneyAreNamed(t *testing.T) {
	base := "providers: {a: {base_url: \"http://h/v1\"}}\nmodels: {m: {provider: a, price: {prompt_per_1m: \"1\", completion_per_1m: \"1\"}}, n: {provider: a}}\nroutes: {r: {direct: m}}\n"
	for text, want := range map[string]string{
		"budgets: {b: {limit: \"-1\"}}":                       "drover.yaml:4: budgets.b.limit: must be positive, got -1",
		"budgets: {b: {every: day}}":                          "drover.yaml:4: budgets.b.limit: is missing, or 0; a budget needs a limit above 0, or a per_request, or both",
		"budgets: {b: {limit: \"1\", webhook: \"https://\"}}": "drover.yaml:4: budgets.b.webhook: must be a URL that begins with https:// or http:// and names a host",
		"budgets: {b: {limit: \"1\", every: year}}":           "drover.yaml:4: budgets.b.every: must be one of minute, hour, day, week, month, got \"year\"",
		"budgets: {b: {limit: \"1\", soft: 1.5}}":             "drover.yaml:4: budgets.b.soft: must be a share between 0 and 1, such as 0.8, got 1.5",
		"budgets: {b: {limit: \"1\", then: stop}}":            "drover.yaml:4: budgets.b.then: must be refuse or cheapest, got \"stop\"",
		"budgets: {b: {limit: \"1\"}}\nbudgets_on_all: [c]":   "drover.yaml:5: budgets_on_all: there is no budget \"c\"; the budgets are b",
		"budgets: {b: {limit: \"1\"}}\nbudgets_on_all: b":     "drover.yaml:2: models.n: its price is not known, and budgets_on_all puts it under a budget, which could not be kept; state price",
		"teams: {t: {budgets: b}}":                            "drover.yaml:4: teams.t.budgets: there is no budget \"b\"; no budgets are configured",
		"teams: {t: {models: [m, x]}}":                        "drover.yaml:4: teams.t.models[1]: there is no model or route \"x\"; there are r, m, n",
		"limits: {t: {parallel: 1}}":                          "drover.yaml:4: limits.t: must be default or the name of a team; no teams are configured",
		"limits: {default: {queue: 1s}}":                      "drover.yaml:4: limits.default: limits nothing; state requests_per_minute, tokens_per_minute or parallel",
		"limits: {default: {parallel: 1, queue: 2m}}":         "drover.yaml:4: limits.default.queue: must be at most 1m, got 2m0s",
	} {
		_, err := Parse("drover.yaml", []byte(base+text), noEnv)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
}
