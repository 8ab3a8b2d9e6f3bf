package admin

type Config struct {
	Listen string `yaml:"listen"`
	Token  string `yaml:"token"`
}

func (c Config) WithDefaults() Config {
	if c.Listen == "" {
		c.Listen = "127.0.0.1:8081"
	}
	return c
}
func (c Config) Validate(fault func(path, format string, args ...any)) {}
