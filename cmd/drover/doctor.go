package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/drover-llm/drover/configs"
	"github.com/drover-llm/drover/gateway/sandbox"
)

// doctorCommand tries what Drover needs on this machine.
type doctorCommand struct {
	Config string `short:"c" placeholder:"FILE" help:"Configuration, whose providers, ledger and sandbox are tried. Default: drover.yaml, where there is one."`
	Engine string `help:"Sandbox engine: auto, ns, landlock or remote. Default: the configuration's, else auto."`
	JSON   bool   `name:"json" help:"Print the findings as JSON."`
}

func (doctorCommand) Help() string {
	return "Tries the sandbox and its interpreters, the clock, and of the configuration each provider, by one GET of its list of models, and the ledger, which it does not change. Exit status 1 when anything is broken."
}

// finding is one line of the doctor's table.
type finding struct {
	Group string `json:"group"`
	sandbox.Probe
}

// examination is a named group of probes.
type examination struct {
	group string
	probe func(ctx context.Context) []sandbox.Probe
}

func (c *doctorCommand) Run(ctx context.Context) error {
	p := c.patient()
	findings := examine(ctx, []examination{
		{"config", func(context.Context) []sandbox.Probe { return p.read }},
		{"sandbox", p.sandbox},
		{"clock", clock},
		{"upstream", p.upstreams},
		{"ledger", p.ledger},
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

// patient is the configuration that is tried, as far as it could be read.
type patient struct {
	tested testedFlags
	file   string          // where it was read
	config *configs.Config // nil: none
	faults configs.Faults
	read   []sandbox.Probe // what reading it came to
}

func (c *doctorCommand) patient() *patient {
	p := &patient{file: cmp.Or(c.Config, "drover.yaml"), tested: testedFlags{Config: c.Config, Engine: c.Engine}}
	if _, err := os.Stat(p.file); c.Config == "" && errors.Is(err, fs.ErrNotExist) {
		p.read = []sandbox.Probe{{Name: "file", Saw: "there is no drover.yaml here: no provider and no ledger was tried", Mend: "name yours with -c"}}
		return p
	}
	p.tested.Config = p.file
	config, err := configs.Load(p.file, os.LookupEnv)
	switch {
	case err == nil:
		p.read = []sandbox.Probe{{Name: "file", OK: true, Need: true, Saw: p.file + ": no faults"}}
	case errors.As(err, &p.faults):
		for _, f := range p.faults {
			p.read = append(p.read, sandbox.Probe{Name: "fault", Need: true, Saw: f.String(), Mend: "correct it; drover check -c " + p.file + " says more"})
		}
	default:
		p.read = []sandbox.Probe{{Name: "file", Need: true, Saw: err.Error(), Mend: "name a file that can be read with -c"}}
	}
	if config != nil && config.Ledger.Path != "" { // else nothing could be read of it
		p.config = config
	}
	return p
}

// sound reports whether no fault stands at a path or below it.
func (p *patient) sound(path string) bool {
	return !slices.ContainsFunc(p.faults, func(f configs.Fault) bool { return f.Path == path || strings.HasPrefix(f.Path, path+".") })
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

func (p *patient) sandbox(ctx context.Context) []sandbox.Probe {
	config, err := p.tested.sandbox(1)
	var runner *sandbox.Runner
	if err == nil {
		runner, err = sandbox.New(ctx, config, nil)
	}
	if err != nil {
		return []sandbox.Probe{{Name: "configuration", Saw: err.Error(), Mend: "correct it", Need: true}}
	}
	probes := runner.Probe(ctx)
	for i := range probes { // a language that the configuration sets up is one that it needs
		if name, is := strings.CutPrefix(probes[i].Name, sandbox.LanguageProbe); is {
			_, probes[i].Need = config.Languages[name]
		}
	}
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
