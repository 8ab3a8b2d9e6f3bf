package ledger

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
