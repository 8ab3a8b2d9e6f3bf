package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/drover-llm/drover/gateway/sandbox"
)

// doctorCommand tries what Drover needs on this machine.
type doctorCommand struct {
	testedFlags
	JSON bool `name:"json" help:"Print the findings as JSON."`
}

// finding is one line of the doctor's table.
type finding struct {
	Group string `json:"group"`
	sandbox.Probe
}

// examination is a named group of probes. Further groups join the list in Run.
type examination struct {
	group string
	probe func(ctx context.Context) []sandbox.Probe
}

func (c *doctorCommand) Run(ctx context.Context) error {
	findings := examine(ctx, []examination{
		{"sandbox", c.probes},
		{"clock", clock},
	})
	var err error
	if c.JSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		err = out.Encode(findings)
	} else {
		err = printFindings(os.Stdout, findings)
	}
	if err != nil {
		return err
	}
	for _, f := range findings {
		if f.Need && !f.OK {
			return exitCode(exitFault)
		}
	}
	return nil
}

func examine(ctx context.Context, list []examination) []finding {
	findings := []finding{}
	for _, e := range list {
		for _, p := range e.probe(ctx) {
			findings = append(findings, finding{e.group, p})
		}
	}
	return findings
}

func (c *doctorCommand) probes(ctx context.Context) []sandbox.Probe {
	config, err := c.sandbox(1)
	var runner *sandbox.Runner
	if err == nil {
		runner, err = sandbox.New(ctx, config, nil)
	}
	if err != nil {
		return []sandbox.Probe{{Name: "configuration", Saw: err.Error(), Mend: "correct it", Need: true}}
	}
	probes := runner.Probe(ctx)
	if err := runner.Close(); err != nil {
		probes = append(probes, sandbox.Probe{Name: "shutdown", Saw: err.Error(), Need: true})
	}
	return probes
}

// clock sees that time is set: budgets turn over by it, and certificates fail without.
func clock(context.Context) []sandbox.Probe {
	now := time.Now().UTC()
	ok := now.Year() >= 2025
	p := sandbox.Probe{Name: "time", OK: ok, Saw: now.Format(time.RFC3339), Need: true}
	if !ok {
		p.Mend = "set the clock"
	}
	return []sandbox.Probe{p}
}

func printFindings(w io.Writer, findings []finding) error {
	var b strings.Builder
	for _, f := range findings {
		mark := "ok  "
		switch {
		case !f.OK && f.Need:
			mark = "FAIL"
		case !f.OK:
			mark = "-   "
		}
		fmt.Fprintf(&b, "%s  %-8s  %-20s  %s\n", mark, f.Group, f.Name, f.Saw)
		if f.Mend != "" {
			fmt.Fprintf(&b, "%38s  mend: %s\n", "", f.Mend)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
