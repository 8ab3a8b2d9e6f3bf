package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/drover-llm/drover/configs"
	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/pricing"
)

type checkCmd struct {
	configFile
}

func (checkCmd) Help() string {
	return "Names every fault of the configuration with its file and line, exit status 1. Without a fault it says in words what the configuration does and what a request can cost. It opens no ledger and calls no provider."
}

// Run prints the faults or the explanation.
func (c checkCmd) Run() error {
	config, err := c.load()
	var faults configs.Faults
	if errors.As(err, &faults) {
		fmt.Fprintln(os.Stderr, faults.Error())
		fmt.Fprintf(os.Stderr, "%s: %s\n", c.Config, plural(len(faults), "fault"))
		return exitCode(exitFault)
	}
	if err != nil {
		return err
	}
	text, err := explain(config)
	if err != nil {
		return err
	}
	fmt.Printf("%s: no faults\n\n%s", c.Config, text)
	return nil
}

// typical is the request that prices are compared by: the one of Drover's own
// figures for coding problems.
var typical = pricing.Usage{Prompt: 180, Completion: 220}

// explain says in words what a configuration does.
func explain(c *configs.Config) (string, error) {
	table, err := c.Table()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	scheme := "http"
	if c.HTTP.TLS.Cert != "" {
		scheme = "https"
	}
	fmt.Fprintf(&b, "Applications use %s://HOST%s/v1, admins %s. The ledger is %s.\n", scheme, port(c.Listen), c.Admin.Listen, c.Ledger.Path)
	fmt.Fprintf(&b, "\nModels (a typical request has %d prompt and %d completion tokens):\n", typical.Prompt, typical.Completion)
	for _, name := range slices.Sorted(maps.Keys(c.Models)) {
		fmt.Fprintf(&b, "  %s is %s at %s (%s).\n", name, c.Models[name].Name, c.Models[name].Provider, c.Provider(name).BaseURL)
		price, source, known := c.Price(name)
		if !known {
			b.WriteString("    Its price is not known: costs are null, and no budget can cover it. State price: with the model.\n")
			continue
		}
		cost, err := table.Cost(name, typical)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "    $%s per 1M prompt tokens, $%s cached, $%s completion (%s). A typical request costs $%s.\n",
			price.Prompt, price.CachedPrompt, price.Completion, source, cost)
		if limit := c.MaxOutput(name); limit > 0 {
			most, err := table.Cost(name, pricing.Usage{Completion: limit})
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "    At worst, without max_tokens, an answer has %d tokens for $%s, beside the prompt.\n", limit, most)
		} else {
			b.WriteString("    How long an answer can be is not known: without max_tokens a request has no worst case.\n")
		}
		if len(c.Budgets) > 0 && !c.Provider(name).Known() {
			fmt.Fprintf(&b, "    Under a budget the most that a prompt can cost is that of its bytes, some four times its tokens: nothing is known of the tokeniser at %s. Where it is that of the model's name, state dialect: with the provider.\n", c.Models[name].Provider)
		}
	}
	b.WriteString("\nRoutes:\n")
	for _, name := range slices.Sorted(maps.Keys(c.Routes)) {
		direct := c.Routes[name].Direct
		if len(c.Routes[name].Search) > 0 {
			text, err := explainSearch(table, name, c.Routes[name])
			if err != nil {
				return "", err
			}
			b.WriteString(text)
		}
		fmt.Fprintf(&b, "  %s asks %s once", name, direct[0])
		if len(direct) > 1 {
			fmt.Fprintf(&b, "; when that cannot answer, %s in its place", strings.Join(direct[1:], ", then "))
		}
		b.WriteString(".\n")
	}
	if len(c.Routes) == 0 {
		b.WriteString("  none: models are called by their names.\n")
	}
	b.WriteString("\nSandbox:\n")
	for _, sentence := range c.Sandbox.Explain() {
		fmt.Fprintf(&b, "  %s\n", sentence)
	}
	explainMoney(&b, c, table)
	return b.String(), nil
}

// explainSearch says what a route does with a request that has tests, and what
// the typical one can cost at most.
func explainSearch(table pricing.Table, name string, route gateway.RouteConfig) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "  %s, with tests, tries", name)
	most, known := pricing.USD(0), true
	for i, rung := range route.Search {
		rung = rung.WithDefaults()
		if i > 0 {
			b.WriteString(", then")
		}
		fmt.Fprintf(&b, " up to %d samples of %s", rung.MaxSamples, rung.Model)
		cost, err := table.Cost(rung.Model, typical)
		if errors.Is(err, pricing.ErrUnknownModel) {
			known = false
			continue
		}
		if err == nil {
			cost, err = cost.Mul(int64(rung.MaxSamples))
		}
		if err == nil {
			most, err = most.Add(cost)
		}
		if err != nil {
			return "", err
		}
	}
	fmt.Fprintf(&b, " until one passes, and asks %s when none does.\n", route.Direct[0])
	strong, err := table.Cost(route.Direct[0], typical)
	if known && err == nil {
		fmt.Fprintf(&b, "    A typical request costs at most $%s that way, $%s of it for samples; %s alone $%s.\n", most+strong, most, route.Direct[0], strong)
	}
	return b.String() + "    Without tests, or where nothing can be tested:\n", nil
}

func port(listen string) string { return listen[strings.LastIndexByte(listen, ':'):] }

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
