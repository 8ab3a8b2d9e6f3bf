package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/drover-llm/drover/configs"
)

// configFile is the flag that every command with a configuration has.
type configFile struct {
	Config string `short:"c" name:"config" default:"drover.yaml" placeholder:"FILE" help:"Configuration, see configs/drover.yaml."`
}

func (f configFile) load() (*configs.Config, error) { return configs.Load(f.Config, os.LookupEnv) }

type serveCmd struct {
	configFile
	LogLevel slog.Level `default:"info" help:"debug, info, warn or error."`
}

func (serveCmd) Help() string {
	return "Serves OpenAI's API on listen and the control plane on admin.listen. On a first start it makes one API key and prints it once. SIGTERM stops it: requests under way may end within drain. A change of the file, or SIGHUP, puts its configuration in force, all of it or, after a fault, nothing."
}

// Run serves until ctx ends.
func (c serveCmd) Run(ctx context.Context) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	tuneGC()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: c.LogLevel}))
	if err := run(ctx, config, c.Config, c.load, log, os.Stdout); err != nil {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}

// tuneGC lets the heap grow to four times what lives in it before it is
// collected: what lives is small and constant, the tokenisers' tables above all,
// while every request leaves some garbage. GOGC goes before.
func tuneGC() {
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(400)
	}
}
