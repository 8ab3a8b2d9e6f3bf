package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/drover-llm/drover/gateway/standin"
)

// standinCmd serves answers without a model, for trying out a configuration.
type standinCmd struct {
	Listen   string        `default:"127.0.0.1:9090" help:"Address to listen on."`
	Model    []string      `help:"Name of a model to answer; may be repeated. Without it every name is answered. Names such as fault-429 or fault-cut-2 fail on purpose, always or for the first two calls."`
	APIKey   []string      `name:"api-key" help:"Accepted API key; may be repeated. Without it a key is not asked for."`
	Delay    time.Duration `help:"Wait before the first byte of a reply."`
	PerChunk time.Duration `help:"Wait before each further chunk of a stream."`
}

// Run serves until ctx ends.
func (c standinCmd) Run(ctx context.Context) error {
	script := standin.Script{FirstByte: c.Delay, PerChunk: c.PerChunk}
	config := standin.Config{Keys: c.APIKey, Default: script, Models: map[string]standin.Script{}}
	for _, name := range c.Model {
		config.Models[name] = script
	}
	return serveStandin(ctx, config, c.Listen, os.Stdout)
}

// serveStandin serves until ctx ends. It prints the base URL to out.
func serveStandin(ctx context.Context, config standin.Config, listen string, out io.Writer) (err error) {
	server := standin.New(config)
	if err := server.Start(listen); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	if _, err := fmt.Fprintf(out, "%s\nbase_url: %s\n", standin.Notice, server.URL()); err != nil {
		return fmt.Errorf("printing the base URL: %w", err)
	}
	<-ctx.Done()
	return nil
}
