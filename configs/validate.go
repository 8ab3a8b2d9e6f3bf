package configs

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/gateway/upstream"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// validate reports every fault that concerns the meaning of the file; where a section
// is unread, not what others name of it.
func (c *Config) validate(unread bool, fault func(path, format string, args ...any)) {
	if err := checkAddress(c.Listen); err != nil {
		fault("listen", "%v", err)
	}
	if c.Drain < 0 {
		fault("drain", "must be positive, got %v", c.Drain)
	}
	c.HTTP.Validate(below("http", fault))
	c.Admin.Validate(below("admin", fault))
	if sameAddress(c.Admin.Listen, c.Listen) {
		fault("admin.listen", "must differ from listen: the control plane is never on the data plane's listener")
	}
	if len(c.Providers) == 0 && !unread {
		fault("providers", "is missing; name at least one, for example openai: { base_url: \"https://api.openai.com/v1\", api_key: \"${OPENAI_API_KEY}\" }")
	}
	providers := slices.Sorted(maps.Keys(c.Providers))
	for _, name := range providers {
		c.Providers[name].Validate(below("providers."+name, fault))
	}
	if len(c.Models) == 0 && !unread {
		fault("models", "is missing; name at least one, for example gpt-4o: { provider: openai, name: gpt-4o-2024-08-06 }")
	}
	c.Retention.Validate(below("retention", fault))
	c.Sandbox.Validate(below("sandbox", fault))
	if unread {
		return
	}
	gateway.Validate(providers, c.Models, c.Routes, fault)
	names := slices.Concat(slices.Sorted(maps.Keys(c.Routes)), slices.Sorted(maps.Keys(c.Models)))
	c.Money().Validate(names, fault)
	c.checkPriced(fault)
	gateway.ValidateLimits(c.Limits, slices.Sorted(maps.Keys(c.Teams)), fault)
}

// Money are the budgets, and who is under them.
func (c *Config) Money() *policy.Budgets {
	b := &policy.Budgets{Rules: c.Budgets, Teams: c.Teams, All: c.BudgetsOnAll, Routes: map[string][]string{}}
	for name, route := range c.Routes {
		if len(route.Budgets) > 0 {
			b.Routes[name] = route.Budgets
		}
	}
	return b
}

// checkPriced reports models under a budget whose price is not known: nothing
// could be asked of them.
func (c *Config) checkPriced(fault func(path, format string, args ...any)) {
	under := map[string]string{} // models by the path of what puts them under a budget
	for name := range c.Models {
		if len(c.BudgetsOnAll) > 0 {
			under[name] = "budgets_on_all"
		}
	}
	for name, route := range c.Routes {
		if len(route.Budgets) == 0 {
			continue
		}
		for _, model := range route.Models() {
			under[model] = "routes." + name + ".budgets"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(under)) {
		if _, stands := c.Models[name]; !stands {
			continue
		}
		if _, _, known := c.Price(name); !known && c.Models[name].Price == nil {
			fault("models."+name, "its price is not known, and %s puts it under a budget, which could not be kept; state price", under[name])
		}
	}
}

// below prefixes the paths of a package's faults with where its part stands.
func below(path string, fault func(path, format string, args ...any)) func(path, format string, args ...any) {
	return func(p, format string, args ...any) { fault(path+"."+p, format, args...) }
}

// sameAddress reports whether two listeners would want one port of one host.
func sameAddress(a, b string) bool {
	hostA, portA, _ := net.SplitHostPort(a)
	hostB, portB, _ := net.SplitHostPort(b)
	all := func(host string) bool { return host == "" || net.ParseIP(host).IsUnspecified() }
	return portA == portB && portA != "0" && portA != "" && (hostA == hostB || all(hostA) || all(hostB)) // port 0 is any free one
}

// checkAddress reports what is wrong with a listener's address.
func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || strings.ContainsAny(host, " \t/") {
		return fmt.Errorf("must be an address such as :8080 or 127.0.0.1:8080, got %q", address)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("must have a port from 0 to 65535, got %q", address)
	}
	return nil
}

// Price is what a model costs and where the price comes from, a phrase for
// people. It is not known for a model without a price of its own whose host is
// on no list.
func (c *Config) Price(model string) (price pricing.Price, source string, known bool) {
	if own := c.Models[model].Price; own != nil {
		price, err := own.Price()
		return price, "price in this file", err == nil
	}
	l, ok := c.prices[model]
	if !ok {
		return pricing.Price{}, "", false
	}
	price, err := l.entry.Price()
	return price, l.source, err == nil
}

// MaxOutput is the most completion tokens that a model gives in one answer, 0
// when that is not known.
func (c *Config) MaxOutput(model string) int64 { return c.prices[model].entry.MaxOutput }

// Table is the price table of all models whose price is known.
func (c *Config) Table() (pricing.Table, error) {
	prices := map[string]pricing.Price{}
	for name := range c.Models {
		if price, _, known := c.Price(name); known {
			prices[name] = price
		}
	}
	return pricing.NewTable(prices)
}

// Provider is the configuration of a model's provider.
func (c *Config) Provider(model string) upstream.Config { return c.Providers[c.Models[model].Provider] }
