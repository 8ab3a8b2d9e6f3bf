package ledger

import "time"

// Config says where the ledger is kept.
type Config struct {
	// Path of the file. Default drover.db, in the folder that drover is started in.
	Path string `yaml:"path"`
}

// WithDefaults returns the configuration with its zero fields set to their
// documented defaults.
func (c Config) WithDefaults() Config {
	if c.Path == "" {
		c.Path = "drover.db"
	}
	return c
}

// RetentionConfig says how long is kept what was asked and done.
type RetentionConfig struct {
	// Outcomes says for how long single outcomes are kept, such as 90d. Older ones are folded into sums by day, account, route and model; budgets and what was learned stay as they are. Default: for ever.
	Outcomes time.Duration `yaml:"outcomes"`
	// Prompts says how long prompts and answers are kept. They never are: none is the only value.
	Prompts string `yaml:"prompts"`
}

// Validate reports every fault with its path below retention.
func (c RetentionConfig) Validate(fault func(path, format string, args ...any)) {
	if c.Outcomes != 0 && c.Outcomes < 24*time.Hour {
		fault("outcomes", "must be at least 1d, got %v", c.Outcomes)
	}
	if c.Prompts != "" && c.Prompts != "none" {
		fault("prompts", "must be none: prompts and answers are not kept, got %q", c.Prompts)
	}
}
