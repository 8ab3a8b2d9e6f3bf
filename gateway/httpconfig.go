package gateway

import (
	"net/url"
	"slices"
	"time"

	"github.com/drover-llm/drover/gateway/sandbox"
)

// HTTPConfig is how the data plane speaks HTTP.
type HTTPConfig struct {
	// MaxBody bounds one request's body, after it was inflated. Default 32MB.
	MaxBody sandbox.Bytes `yaml:"max_body"`
	// KeepAlive is how often a whole reply that is waited for sends white space, so that impatient clients stay. It commits the status: an error that comes later has status 200 and stands in the body. Default: never.
	KeepAlive time.Duration `yaml:"keep_alive"`
	// CORS lets pages of these origins call the API from a browser. Default: none.
	CORS CORSConfig `yaml:"cors"`
	// TLS serves HTTPS in place of HTTP. Default: HTTP.
	TLS TLSConfig `yaml:"tls"`
}

// CORSConfig says whose pages may call the API.
type CORSConfig struct {
	// Origins such as https://app.example, or "*" for all.
	Origins []string `yaml:"origins"`
}

// TLSConfig names the files of a certificate; when they change, they are read again.
type TLSConfig struct {
	// Cert is a PEM file with the certificate and its chain.
	Cert string `yaml:"cert"`
	// Key is a PEM file with the certificate's key.
	Key string `yaml:"key"`
}

// WithDefaults returns the configuration with its zero fields set to their
// documented defaults.
func (c HTTPConfig) WithDefaults() HTTPConfig {
	if c.MaxBody == 0 {
		c.MaxBody = 32 << 20
	}
	return c
}

// Validate reports every fault with its YAML path.
func (c HTTPConfig) Validate(fault func(path, format string, args ...any)) {
	if c.MaxBody < 1<<10 || c.MaxBody > maxMemory {
		fault("max_body", "must be between 1KB and %s, got %s", sandbox.Bytes(maxMemory), c.MaxBody)
	}
	if c.KeepAlive != 0 && (c.KeepAlive < time.Second || c.KeepAlive > time.Hour) {
		fault("keep_alive", "must be between 1s and 1h, got %v", c.KeepAlive)
	}
	for _, origin := range c.CORS.Origins {
		u, err := url.Parse(origin)
		if origin != "*" && (err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || u.RawQuery != "") {
			fault("cors.origins", "must be origins such as https://app.example, without a path, or \"*\", got %q", origin)
		}
	}
	if len(c.CORS.Origins) > 1 && slices.Contains(c.CORS.Origins, "*") {
		fault("cors.origins", "\"*\" stands for all origins; leave out the others")
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		fault("tls", "needs both cert and key")
	}
}
