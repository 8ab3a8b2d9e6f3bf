package gateway

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/drover-llm/drover/pricing"
)

// ModelConfig is one model that can be called by its name in YAML.
type ModelConfig struct {
	// Provider is the name of the provider that hosts the model.
	Provider string `yaml:"provider" jsonschema:"required"`
	// Name is what the provider calls the model. Default: its name here.
	Name string `yaml:"name"`
	// Price overrides the built-in price list.
	Price *pricing.PriceConfig `yaml:"price"`
}

// RouteConfig is one way of answering, called by its name as if it were a model.
type RouteConfig struct {
	// Direct names the model that answers; of several, each stands in for the one before it.
	Direct Names `yaml:"direct" jsonschema:"required"`
}

// Names is a list of names that may be written as a single one.
type Names []string

// modelName is what may stand in the model field of a request.
var modelName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$`)

// checkName reports what is wrong with the name of a model or a route.
func checkName(name string) string {
	if !modelName.MatchString(name) {
		return "the name must be made of letters, digits and . _ : / - and start with a letter or digit"
	}
	for _, series := range []string{"o1", "o3", "o4"} {
		if strings.Contains(strings.ToLower(name), series) {
			return fmt.Sprintf("the name contains %q, by which clients such as Cline take it for a model of that series and change what they send; choose another name", series)
		}
	}
	return ""
}

// Validate reports every fault of a model with its path below the model.
func (c ModelConfig) Validate(fault func(path, format string, args ...any)) {
	if c.Provider == "" {
		fault("provider", "is missing; name one of the providers")
	}
	if c.Price != nil {
		c.Price.Validate(func(path, format string, args ...any) { fault("price."+path, format, args...) })
	}
}

// Validate checks models and routes against each other and against the
// providers that there are, and reports every fault with its YAML path.
func Validate(providers []string, models map[string]ModelConfig, routes map[string]RouteConfig, fault func(path, format string, args ...any)) {
	names := slices.Sorted(maps.Keys(models))
	for _, name := range names {
		at := "models." + name
		if wrong := checkName(name); wrong != "" {
			fault(at, "%s", wrong)
		}
		m := models[name]
		m.Validate(func(path, format string, args ...any) { fault(at+"."+path, format, args...) })
		if m.Provider != "" && !slices.Contains(providers, m.Provider) {
			fault(at+".provider", "there is no provider %q; %s", m.Provider, oneOf("providers", providers))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(routes)) {
		at := "routes." + name
		if wrong := checkName(name); wrong != "" {
			fault(at, "%s", wrong)
		}
		if slices.Contains(names, name) {
			fault(at, "a model has this name too; a request could not tell them apart")
		}
		direct := routes[name].Direct
		if len(direct) == 0 {
			fault(at+".direct", "is missing; name the model that answers")
		}
		for i, model := range direct {
			path := at + ".direct"
			if len(direct) > 1 {
				path = fmt.Sprintf("%s[%d]", path, i)
			}
			if !slices.Contains(names, model) {
				fault(path, "there is no model %q; %s", model, oneOf("models", names))
			} else if slices.Contains(direct[:i], model) {
				fault(path, "%q stands here twice", model)
			}
		}
	}
}

// oneOf lists what could have been meant.
func oneOf(what string, names []string) string {
	if len(names) == 0 {
		return "no " + what + " are configured"
	}
	return "the " + what + " are " + strings.Join(names, ", ")
}
