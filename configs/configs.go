// Package configs reads drover.yaml: strictly, with every fault named by file,
// line and path, and with defaults for everything but the providers.
//
// A Config is composed of the configuration types of the packages that are
// configured; each of them owns its type and its Validate. The folder also
// holds what is shipped: drover.yaml to start from, examples for other hosts,
// the list of prices, and the JSON Schema by which editors complete and check.
//
// It is a package of its own so that only it knows YAML, and only it and cmd
// know the environment.
package configs

import (
	_ "embed" // pricing.yaml is built in
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/gateway/admin"
	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/upstream"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/ledger"
	"github.com/drover-llm/drover/pricing"
)

// Config is one drover.yaml.
type Config struct {
	// Listen is the address of the data plane, OpenAI's API. Default :8080.
	Listen string `yaml:"listen"`
	// HTTP is how the data plane speaks HTTP.
	HTTP gateway.HTTPConfig `yaml:"http"`
	// Drain is how long requests under way may go on after a signal to stop. Default 30s.
	Drain time.Duration `yaml:"drain"`
	// Admin is the control plane, on a listener of its own.
	Admin admin.Config `yaml:"admin"`
	// Ledger is where outcomes, holds and keys are kept.
	Ledger ledger.Config `yaml:"ledger"`
	// Retention is how long outcomes are kept.
	Retention ledger.RetentionConfig `yaml:"retention"`
	// Providers are the hosts of models, by a name of your choice.
	Providers map[string]upstream.Config `yaml:"providers" jsonschema:"required"`
	// Models can be called by their names here.
	Models map[string]gateway.ModelConfig `yaml:"models" jsonschema:"required"`
	// Sandbox is where answers are tested.
	Sandbox sandbox.Config `yaml:"sandbox"`
	// Routes are called like models.
	Routes map[string]gateway.RouteConfig `yaml:"routes"`
	// Budgets bound what is spent. Keys, teams, routes and budgets_on_all name them.
	Budgets map[string]policy.BudgetConfig `yaml:"budgets"`
	// BudgetsOnAll are the budgets that everything is charged to.
	BudgetsOnAll []string `yaml:"budgets_on_all"`
	// Teams are what keys are made for with drover keys create --team.
	Teams map[string]policy.TeamConfig `yaml:"teams"`
	// Limits bound how much is asked at a time: those of a team all its keys together, the ones named default each key of everyone else.
	Limits map[string]gateway.LimitConfig `yaml:"limits"`

	prices map[string]listed
	source *decoder // where everything stands
}

// listed is the built-in list's entry for a model.
type listed struct {
	entry  pricing.Entry
	source string
}

// Load reads and checks the file. An error that concerns its content is Faults,
// all of them. getenv is os.LookupEnv but in tests.
func Load(file string, getenv func(string) (string, bool)) (*Config, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no configuration at %s; name yours with -c, or start from configs/drover.yaml", file)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return Parse(file, text, getenv)
}

// LoadAdmin reads of the file only how to reach the ledger and the admin API of
// its server. Faults elsewhere, such as a provider's key that is not set in an
// administrator's shell, do not matter to it.
func LoadAdmin(file string, getenv func(string) (string, bool)) (ledger.Config, admin.Config, error) {
	c, err := Load(file, getenv)
	var faults Faults
	if c == nil || err != nil && (!errors.As(err, &faults) || faults.concern("", "admin", "ledger")) {
		return ledger.Config{}, admin.Config{}, err
	}
	return c.Ledger, c.Admin, nil
}

// LoadSandbox reads of the file only how programs are tested.
func LoadSandbox(file string, getenv func(string) (string, bool)) (sandbox.Config, error) {
	c, err := Load(file, getenv)
	var faults Faults
	if c == nil || err != nil && (!errors.As(err, &faults) || faults.concern("", "sandbox")) {
		return sandbox.Config{}, err
	}
	return c.Sandbox, nil
}

// Parse is Load for a text that was read already. Beside Faults it returns what
// could be read.
func Parse(file string, text []byte, getenv func(string) (string, bool)) (*Config, error) {
	d := &decoder{file: file, getenv: getenv, places: map[string]place{}}
	var c Config
	if root := d.parse(text); root != nil {
		d.decode(root, reflect.ValueOf(&c).Elem(), "")
		c.source = d
		read := d.faults
		c.complete()
		if !read.concern("") {
			c.validate(d.unread(read), func(path, format string, args ...any) {
				if !d.faulty(path, read) {
					d.fault(d.line(path), path, format, args...)
				}
			})
		}
	}
	if len(d.faults) > 0 {
		d.faults.sort()
		return &c, d.faults
	}
	return &c, nil
}

// Fault is a fault of the file that only its reader can see.
func (c *Config) Fault(path, format string, args ...any) Fault {
	return Fault{File: c.source.file, Line: c.source.line(path), Path: path, Message: fmt.Sprintf(format, args...)}
}

// nearest is the path itself when it stands in the file, else the section around
// it that does, "" for the file.
func (d *decoder) nearest(path string) string {
	for path != "" {
		if _, ok := d.places[path]; ok {
			return path
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return ""
}

// line is where a path stands, or the nearest section around it that does.
func (d *decoder) line(path string) int {
	return max(d.places[d.nearest(path)].line, 1)
}

// unread reports whether a whole section that others name things of could not be
// read: whether what they name is there cannot be told then.
func (d *decoder) unread(faults Faults) bool {
	return slices.ContainsFunc(faults, func(f Fault) bool {
		return slices.Contains([]string{"providers", "models", "routes", "budgets", "teams"}, f.Path)
	})
}

// faulty reports whether one of the faults is at the path or around it, or, where
// the path does not stand in the file or is that of a section, right within the
// section: by which whatever else is wrong there may have come about.
func (d *decoder) faulty(path string, faults Faults) bool {
	if at := d.nearest(path); at != "" && slices.ContainsFunc(faults, func(f Fault) bool {
		place, stands := d.places[f.Path]
		return stands && place.parent == at
	}) {
		return true
	}
	for at := d.nearest(path); ; at = d.places[at].parent {
		if slices.ContainsFunc(faults, func(f Fault) bool { return f.Path == path || f.Path == at && at != "" }) {
			return true
		}
		if at == "" {
			return false
		}
	}
}

// complete sets what was left out to its default.
func (c *Config) complete() {
	if c.Listen == "" {
		c.Listen = ":8080"
	}
	if c.Drain == 0 {
		c.Drain = 30 * time.Second
	}
	c.HTTP = c.HTTP.WithDefaults()
	c.Admin.Listen = c.Admin.Address()
	c.Ledger = c.Ledger.WithDefaults()
	for name, p := range c.Providers {
		c.Providers[name] = p.WithDefaults()
	}
	list := Prices()
	c.prices = map[string]listed{}
	for name, m := range c.Models {
		if m.Name == "" {
			m.Name = name
			c.Models[name] = m
		}
		if entry, source, ok := list.Find(m.Provider, c.Providers[m.Provider].Host(), m.Name); ok {
			c.prices[name] = listed{entry, source}
		}
	}
}

//go:embed pricing.yaml
var pricingYAML []byte

// Prices is the built-in list of prices.
func Prices() pricing.List {
	d := &decoder{file: "pricing.yaml", getenv: func(string) (string, bool) { return "", false }, places: map[string]place{}}
	var list pricing.List
	if root := d.parse(pricingYAML); root != nil {
		d.decode(root, reflect.ValueOf(&list).Elem(), "")
	}
	if len(d.faults) > 0 { // a test reads it too
		panic(d.faults.Error())
	}
	return list
}
