package upstream

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Config describes one provider.
type Config struct {
	// BaseURL is what the provider's paths are appended to, usually ending in /v1.
	BaseURL string `yaml:"base_url" jsonschema:"required"`
	// Dialect is the kind of host: openai, azure, groq, together, vllm, ollama, llamacpp or other. Default: what the host's name tells.
	Dialect string `yaml:"dialect"`
	// APIVersion is Azure's api-version. With it, base_url ends before /openai, and the model's name is that of a deployment.
	APIVersion string `yaml:"api_version"`
	// APIKey is sent as a bearer token, to Azure as api-key; empty sends none.
	APIKey Secret `yaml:"api_key"`
	// Timeout bounds a whole reply, and in a stream the wait for each chunk. Default 120s.
	Timeout time.Duration `yaml:"timeout"`
	// MaxInFlight bounds the calls to this provider at one time. Default 128.
	MaxInFlight int `yaml:"max_in_flight"`
	// SupportsN says whether the host gives several choices for one call (n), which bills their prompt once. Default: what is known of the dialect.
	SupportsN *bool `yaml:"supports_n"`
	// Breaker stops calling a model that keeps failing.
	Breaker BreakerConfig `yaml:"breaker"`
}

// BreakerConfig is the circuit breaker of every model at a provider.
type BreakerConfig struct {
	// Failures in a row that open the breaker. Default 5.
	Failures int `yaml:"failures"`
	// Cooldown is how long an open breaker waits before it lets one call try. Default 30s.
	Cooldown time.Duration `yaml:"cooldown"`
}

// Secret is text that prints as [redacted], in logs too.
type Secret string

func (s Secret) String() string   { return "[redacted]" }
func (s Secret) GoString() string { return "[redacted]" }

// ManyChoices reports whether the host gives several choices for one call.
func (c Config) ManyChoices() bool {
	if c.SupportsN != nil {
		return *c.SupportsN
	}
	return c.dialect().N
}

// WithDefaults returns the configuration with its zero fields set to their
// documented defaults.
func (c Config) WithDefaults() Config {
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	if c.Timeout == 0 {
		c.Timeout = 120 * time.Second
	}
	if c.MaxInFlight == 0 {
		c.MaxInFlight = 128
	}
	if c.Breaker.Failures == 0 {
		c.Breaker.Failures = 5
	}
	if c.Breaker.Cooldown == 0 {
		c.Breaker.Cooldown = 30 * time.Second
	}
	return c
}

// Validate reports every fault with its YAML path.
func (c Config) Validate(fault func(path, format string, args ...any)) {
	switch u, err := url.Parse(c.BaseURL); {
	case c.BaseURL == "":
		fault("base_url", "is missing; give the URL that /chat/completions is appended to, such as https://api.openai.com/v1")
	case err != nil:
		fault("base_url", "is not a URL: %q", c.BaseURL)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		fault("base_url", "must start with http:// or https:// and name a host, got %q", c.BaseURL)
	case u.User != nil:
		fault("base_url", "must not contain a user or password; use api_key")
	case strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/chat/completions"):
		fault("base_url", "must end before /chat/completions, which is appended to it, got %q", c.BaseURL)
	case u.Port() != "" && !validPort(u.Port()):
		fault("base_url", "must have a port from 1 to 65535, got %q", c.BaseURL)
	case u.RawQuery != "" || u.Fragment != "":
		fault("base_url", "must not have a query or fragment, got %q", c.BaseURL)
	}
	if c.Dialect != "" && !slices.Contains(Dialects(), c.Dialect) {
		fault("dialect", "must be one of %s, got %q", strings.Join(Dialects(), ", "), c.Dialect)
	}
	if c.APIVersion != "" && c.dialect().Name != "azure" {
		fault("api_version", "is Azure's; for another name of its host, add dialect: azure")
	}
	if c.APIVersion != "" && strings.HasSuffix(c.BaseURL, "/v1") {
		fault("api_version", "does not go with a base_url that ends in /v1, which has no versions; leave out one of them")
	}
	if strings.ContainsFunc(string(c.APIKey), func(r rune) bool { return r <= ' ' || r > '~' }) {
		fault("api_key", "must be printable ASCII without white space, since it travels in a header")
	}
	if c.Timeout < 0 {
		fault("timeout", "must be positive, got %v", c.Timeout)
	}
	if c.MaxInFlight < 0 {
		fault("max_in_flight", "must be positive, got %d", c.MaxInFlight)
	}
	if c.Breaker.Failures < 0 {
		fault("breaker.failures", "must be positive, got %d", c.Breaker.Failures)
	}
	if c.Breaker.Cooldown < 0 {
		fault("breaker.cooldown", "must be positive, got %v", c.Breaker.Cooldown)
	}
}

func validPort(port string) bool {
	n, err := strconv.Atoi(port)
	return err == nil && n > 0 && n < 1<<16
}

// Host is the name of the base URL's host, "" when there is none.
func (c Config) Host() string {
	u, err := url.Parse(c.BaseURL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
