package gateway

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/drover-llm/drover/gateway/search"
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
	// Direct names the model that answers, and that a failed search escalates to; of several, each stands in for the one before it.
	Direct Names `yaml:"direct" jsonschema:"required"`
	// Search lists the models whose samples are tested, cheap to dear. Without it, every request is answered directly.
	Search []RungConfig `yaml:"search"`
	// StrongTries is how often a failed search may ask the strong model while its answers fail the tests too, where that pays by the goal and what was held for one call covers it; at most 3. In between, further samples are drawn where those pay. Default 3.
	StrongTries int `yaml:"strong_tries"`
	// SearchUntested lets coding requests without tests be searched too: samples that behave alike answer, unverified, where enough of them do. Default: they are answered directly.
	SearchUntested bool `yaml:"search_untested"`
	// Otherwise names the model for what is not a coding request. Default: those of direct.
	Otherwise Names `yaml:"otherwise"`
	// Cache keeps verified answers and serves them again for equal requests with equal tests, nothing spent. Default: none are kept.
	Cache CacheConfig `yaml:"cache"`
	// Goal says what an answer is worth, by which a search decides how far to go.
	Goal GoalConfig `yaml:"goal"`
	// Learn says how far the route may leave the best known plan to learn of others.
	Learn LearnConfig `yaml:"learn"`
	// Budgets that everything asked of the route is charged to.
	Budgets []string `yaml:"budgets"`
}

// LearnConfig says how a route learns. It always learns from what it did.
type LearnConfig struct {
	// Explore is the most, as a share of requests and of spending, that may follow another plan than the best known. Default 0.02.
	Explore *float64 `yaml:"explore"`
	// Audit is the share of searched requests that draw everything: up to 8 samples, whatever passes, and the strong model too. Default 0.
	Audit *float64 `yaml:"audit"`
	// AuditSpend is the most that audits may spend, as a share of what the route's other searched requests spend. Default 0.05.
	AuditSpend *float64 `yaml:"audit_spend"`
}

// WithDefaults returns the configuration with its zero fields set to their
// documented defaults.
func (c LearnConfig) WithDefaults() LearnConfig {
	if c.Explore == nil {
		c.Explore = new(0.02)
	}
	if c.Audit == nil {
		c.Audit = new(0.)
	}
	if c.AuditSpend == nil {
		c.AuditSpend = new(0.05)
	}
	return c
}

// Validate reports every fault with its path below learn.
func (c LearnConfig) Validate(fault func(path, format string, args ...any)) {
	for _, share := range []struct {
		path  string
		value *float64
		most  float64
	}{{"explore", c.Explore, .5}, {"audit", c.Audit, 1}, {"audit_spend", c.AuditSpend, 1}} {
		if v := share.value; v != nil && !(*v >= 0 && *v <= share.most) {
			fault(share.path, "must be between 0 and %g, got %g", share.most, *v)
		}
	}
}

// RungConfig is one model of a search.
type RungConfig struct {
	// Model is the name of the model.
	Model string `yaml:"model" jsonschema:"required"`
	// MaxSamples bounds the samples of one request. Default 64.
	MaxSamples int `yaml:"max_samples"`
	// First is the probe, the model's best guess. Default temperature 0.2.
	First SamplingConfig `yaml:"first"`
	// Then are the samples after it, which are to differ. Default temperature 0.8.
	Then SamplingConfig `yaml:"then"`
	// Escalate says what the strong model is asked when nothing passed: fresh (the request alone, the default) or repair (with the best failing attempt).
	Escalate string `yaml:"escalate"`
}

// SamplingConfig is how a sample is drawn.
type SamplingConfig struct {
	// Temperature, from 0 to 2.
	Temperature *float64 `yaml:"temperature"`
}

// GoalConfig says what answers are worth. Without values, an answer is due anyway and only its cost counts.
type GoalConfig struct {
	// ValueOfCorrect is what a right answer is worth, in dollars.
	ValueOfCorrect pricing.USD `yaml:"value_of_correct"`
	// LossOfWrong is what a wrong answer costs that was handed out as verified, in dollars.
	LossOfWrong pricing.USD `yaml:"loss_of_wrong"`
	// MinQuality is the least chance to be right at which a pass is accepted while the strong model would do better, from 0 to 1.
	MinQuality float64 `yaml:"min_quality"`
	// MaxLatency bounds a search and its escalation. Default 45s, for streams 2m.
	MaxLatency time.Duration `yaml:"max_latency"`
}

// WithDefaults returns the rung with its zero fields set to their documented
// defaults.
func (c RungConfig) WithDefaults() RungConfig {
	if c.MaxSamples == 0 {
		c.MaxSamples = 64
	}
	if c.First.Temperature == nil {
		c.First.Temperature = new(0.2)
	}
	if c.Then.Temperature == nil {
		c.Then.Temperature = new(0.8)
	}
	if c.Escalate == "" {
		c.Escalate = search.EscalateFresh
	}
	return c
}

// Validate reports every fault of a rung with its path below the rung.
func (c RungConfig) Validate(fault func(path, format string, args ...any)) {
	if c.MaxSamples < 0 || c.MaxSamples > 256 {
		fault("max_samples", "must be between 1 and 256, got %d", c.MaxSamples)
	}
	for path, t := range map[string]*float64{"first.temperature": c.First.Temperature, "then.temperature": c.Then.Temperature} {
		if t != nil && !(*t >= 0 && *t <= 2) {
			fault(path, "must be between 0 and 2, got %g", *t)
		}
	}
	switch c.Escalate {
	case "", search.EscalateFresh, search.EscalateRepair:
	default:
		fault("escalate", "must be fresh or repair, got %q", c.Escalate)
	}
}

// Validate reports every fault of a goal with its path below the goal.
func (c GoalConfig) Validate(fault func(path, format string, args ...any)) {
	if c.ValueOfCorrect < 0 {
		fault("value_of_correct", "must not be negative, got %s", c.ValueOfCorrect)
	}
	if c.LossOfWrong < 0 {
		fault("loss_of_wrong", "must not be negative, got %s", c.LossOfWrong)
	}
	if !(c.MinQuality >= 0 && c.MinQuality <= 1) {
		fault("min_quality", "must be between 0 and 1, got %g", c.MinQuality)
	}
	if c.MaxLatency < 0 || c.MaxLatency > 10*time.Minute {
		fault("max_latency", "must be at most 10m, got %v", c.MaxLatency)
	}
}

// Models are all that the route may ask.
func (c RouteConfig) Models() []string {
	models := slices.Concat(c.Direct, c.Otherwise)
	for _, rung := range c.Search {
		models = append(models, rung.Model)
	}
	return models
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
		checkModels(at+".direct", direct, names, fault)
		checkModels(at+".otherwise", routes[name].Otherwise, names, fault)
		for i, rung := range routes[name].Search {
			below := fmt.Sprintf("%s.search[%d]", at, i)
			checkModels(below+".model", []string{rung.Model}, names, fault)
			rung.Validate(func(path, format string, args ...any) { fault(below+"."+path, format, args...) })
		}
		if n := routes[name].StrongTries; n < 0 || n > 3 {
			fault(at+".strong_tries", "must be between 1 and 3, got %d", n)
		} else if n > 1 && len(routes[name].Search) == 0 {
			fault(at+".strong_tries", "needs a search; without one the model is asked once")
		}
		if routes[name].SearchUntested && len(routes[name].Search) == 0 {
			fault(at+".search_untested", "needs a search; name the models whose samples are compared under search")
		}
		routes[name].Cache.Validate(func(path, format string, args ...any) { fault(at+".cache."+path, format, args...) })
		routes[name].Learn.Validate(func(path, format string, args ...any) { fault(at+".learn."+path, format, args...) })
		routes[name].Goal.Validate(func(path, format string, args ...any) { fault(at+".goal."+path, format, args...) })
	}
}

// checkModels reports names of models that there are not, or that stand twice.
func checkModels(path string, list, names []string, fault func(path, format string, args ...any)) {
	for i, model := range list {
		at := path
		if len(list) > 1 {
			at = fmt.Sprintf("%s[%d]", path, i)
		}
		if !slices.Contains(names, model) {
			fault(at, "there is no model %q; %s", model, oneOf("models", names))
		} else if slices.Contains(list[:i], model) {
			fault(at, "%q stands here twice", model)
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
