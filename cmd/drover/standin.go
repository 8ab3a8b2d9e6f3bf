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
	Samples  string        `placeholder:"FILE" help:"Serve recorded samples: the k-th call for a problem's prompt gives its k-th sample. Needs --problems."`
	Problems []string      `placeholder:"FILE" help:"Problem set that the samples belong to; may be repeated."`
}

// Run serves until ctx ends.
func (c standinCmd) Run(ctx context.Context) error {
	if c.Samples != "" || len(c.Problems) > 0 {
		return c.serveRecorded(ctx)
	}
	script := standin.Script{FirstByte: c.Delay, PerChunk: c.PerChunk}
	config := standin.Config{Keys: c.APIKey, Default: script, Models: map[string]standin.Script{}}
	for _, name := range c.Model {
		config.Models[name] = script
	}
	return serveStandin(ctx, config, c.Listen, standin.Notice, os.Stdout)
}

// serveRecorded serves recorded samples until ctx ends.
func (c standinCmd) serveRecorded(ctx context.Context) error {
	if c.Samples == "" || len(c.Problems) == 0 {
		fmt.Fprintln(os.Stderr, "drover: standin: --samples and --problems go together: samples name their problem, and prompts are the problems'")
		return exitCode(exitUsage)
	}
	if len(c.Model) > 1 {
		fmt.Fprintln(os.Stderr, "drover: standin: with --samples, --model may be given once: the only one to serve")
		return exitCode(exitUsage)
	}
	problems, _, err := problemFlags{Problems: c.Problems}.read()
	if err != nil {
		return err
	}
	model := ""
	if len(c.Model) == 1 {
		model = c.Model[0]
	}
	samples, _, _, err := readSamples(c.Samples, model, problems)
	if err != nil {
		return err
	}
	config := recordedModels(recordings(problems, samples))
	config.Keys = c.APIKey
	for name, script := range config.Models {
		script.FirstByte, script.PerChunk = c.Delay, c.PerChunk
		config.Models[name] = script
	}
	config.Default.FirstByte, config.Default.PerChunk = c.Delay, c.PerChunk
	return serveStandin(ctx, config, c.Listen, standin.RecordedNotice, os.Stdout)
}

// serveStandin serves until ctx ends. It prints the notice and the base URL to out.
func serveStandin(ctx context.Context, config standin.Config, listen, notice string, out io.Writer) (err error) {
	server := standin.New(config)
	if err := server.Start(listen); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	if _, err := fmt.Fprintf(out, "%s\nbase_url: %s\n", notice, server.URL()); err != nil {
		return fmt.Errorf("printing the base URL: %w", err)
	}
	<-ctx.Done()
	return nil
}
