package configs

import (
	"strings"
	"testing"
)

// One cause is one fault, and every fault has a line.
func TestOneCauseIsOneFault(t *testing.T) {
	const good = "providers:\n  p: { base_url: \"http://127.0.0.1:1/v1\" }\n" +
		"models:\n  m: { provider: p, name: gpt-4o-2024-08-06 }\nroutes:\n  auto: { direct: m }\n"
	for name, tt := range map[string]struct{ text, want string }{
		"a limit that is no amount":   {good + "budgets:\n  b: { limit: abc, every: day, soft: 0.8 }\n", ":8: budgets.b.limit: "},
		"a per_request that is none":  {good + "budgets:\n  b: { per_request: abc }\n", ":8: budgets.b.per_request: "},
		"a misspelt limit":            {good + "budgets:\n  b: { limt: \"1\", every: day }\n", ":8: budgets.b.limt: unknown key"},
		"a limit without a value":     {good + "budgets:\n  b: { limit: , every: day }\n", ":8: budgets.b.limit: has no value"},
		"every without a limit":       {good + "budgets:\n  b: { per_request: \"1\", every: day, soft: 0.5 }\n", ":8: budgets.b.limit: is missing"},
		"a rate that is no number":    {good + "limits:\n  default: { requests_per_minute: abc }\n", ":8: limits.default.requests_per_minute: "},
		"a misspelt rate":             {good + "limits:\n  default: { parallels: 3 }\n", ":8: limits.default.parallels: "},
		"a rate of nothing":           {good + "limits:\n  default: { parallel: 0 }\n", ":8: limits.default.parallel: must not be 0"},
		"budgets that are no section": {good + "budgets: 7\nteams:\n  acme: { budgets: [b] }\nbudgets_on_all: [b]\n", ":7: budgets: must be a section"},
		"models that are no section":  {strings.Replace(good, "models:\n  m:", "models:\n  -", 1), ":4: models: must be a section"},
		"a provider without its URL":  {strings.Replace(good, "base_url", "base_ur", 1), ":2: providers.p.base_ur: unknown key"},
		"a sample without its model":  {strings.Replace(good, "{ direct: m }", "{ direct: m, search: [ { modell: m } ] }", 1), ":6: routes.auto.search[0].modell: unknown key"},
		"a merged section":            {good + "budgets:\n  a: &x { limit: \"1\" }\n  b: { <<: *x, every: day }\n", ":9: budgets.b.<<: keys cannot be merged"},
		"a text":                      {"hello\n", ":1: must be a section"},
		"a byte that is no text":      {good + "listen: \":80\xff\"\n", ":7: not valid YAML: "},
		"a control character":         {good + "listen: \":80\x00\"\n", ":7: not valid YAML: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("drover.yaml", []byte(tt.text), func(string) (string, bool) { return "", false })
			if err == nil || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "drover.yaml"+tt.want) {
				t.Errorf("got %v, want one fault %s", err, tt.want)
			}
		})
	}
}
