package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/drover-llm/drover/configs"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/ledger"
)

// recordedFlags say which ledger is read.
type recordedFlags struct {
	configFile
	Ledger string `placeholder:"FILE" help:"Ledger or a backup of one. Default: the configuration's, of which a server that holds it is asked for a copy."`
}

// open opens the ledger, and learns all of it when learn is set.
func (f recordedFlags) open(ctx context.Context) (*configs.Config, *ledger.Ledger, *learning, error) {
	config, err := f.load()
	if err != nil {
		return nil, nil, nil, err
	}
	path := config.Ledger.Path
	if f.Ledger != "" {
		path = f.Ledger
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && f.Ledger == "" {
		return nil, nil, nil, noLedger(path)
	} else if err != nil {
		return nil, nil, nil, fmt.Errorf("opening ledger: %w", err)
	}
	journal, err := ledger.Open(path, ledger.Options{})
	if errors.Is(err, ledger.ErrLocked) && path == config.Ledger.Path {
		if journal, err = openServed(ctx, access{path, config.Admin}); err != nil {
			err = fmt.Errorf("%w; a backup (drover ledger backup) can be named with --ledger", err)
		}
	} else if errors.Is(err, ledger.ErrLocked) {
		err = fmt.Errorf("another process holds %s: make a backup (drover ledger backup) and name that", path)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	learned := newLearning(config, slog.Default())
	if err := learned.fold(ctx, journal); err != nil {
		_ = journal.Close()
		return nil, nil, nil, err
	}
	return config, journal, learned, nil
}

// openServed opens a copy of the ledger that a server holds, as the server streams it.
// It is gone from the disk with its last reader.
func openServed(ctx context.Context, a access) (*ledger.Ledger, error) {
	server, err := newAdminClient(a, runBy("policy"))
	if err != nil {
		return nil, err
	}
	defer server.Close()
	dir, err := os.MkdirTemp("", "drover-ledger-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	f, err := os.OpenFile(filepath.Join(dir, "copy.db"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if err := server.stream(ctx, "/api/ledger/backup", f); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("asking the server for a copy of %s: %w", a.ledger, err)
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	return ledger.Open(f.Name(), ledger.Options{})
}

type showCmd struct {
	recordedFlags
	ID   string `arg:"" optional:"" help:"Id of an answer (chatcmpl-…): why it was routed as it was."`
	JSON bool   `name:"json" help:"Print one JSON object."`
}

// Run shows the beliefs, or one decision.
func (c showCmd) Run(ctx context.Context) error {
	_, journal, learned, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer journal.Close()
	if c.ID != "" {
		return c.one(journal)
	}
	m := learned.model.Load()
	models, tests := m.Beliefs()
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"version": m.Version(), "lessons": m.Lessons(), "models": models, "tests": tests})
	}
	fmt.Printf("Model %s: %s folded. Intervals hold 90 %% of what is thought possible.\n\n", m.Version(), plural(m.Lessons(), "lesson"))
	t := table.NewWriter()
	t.SetOutputMirror(os.Stdout)
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"model", "version", "language", "tests", "prompt", "requests", "one answer is right", "where the small one never is"})
	for _, b := range models {
		hard := ""
		if b.Small != "" {
			hard = interval(b.Hard)
		}
		t.AppendRow(table.Row{b.Model.Name, b.Model.Version, b.Class.Language, b.Class.Strength, b.Class.Length, fmt.Sprintf("%.0f", b.Lessons), interval(b.Right), hard})
	}
	t.Render()
	fmt.Println("\nThe tests, learned from feedback and hidden verdicts alone:")
	for _, b := range tests {
		fmt.Printf("  %d checks or more: a wrong answer passes with %s, from %.0f known; a right one fails with %.2f %%, and %.2f %% of suites are broken, from %.0f known\n",
			b.From, interval(b.FalsePass), b.Lessons, 100*b.FalseFail, 100*b.Broken, b.Rights)
	}
	return nil
}

func interval(i policy.Interval) string {
	return fmt.Sprintf("%.1f %% (%.1f to %.1f)", 100*i.Mean, 100*i.Low, 100*i.High)
}

// one says why a request was routed as it was.
func (c showCmd) one(journal *ledger.Ledger) error {
	entry, err := journal.Outcome(c.ID)
	if errors.Is(err, policy.ErrUnknownOutcome) {
		return fmt.Errorf("there is no answer with the id %q in the ledger; it may have been forgotten (retention.outcomes)", c.ID)
	} else if err != nil {
		return err
	}
	o := entry.Outcome
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"id": o.ID, "reason": o.Reason, "way": o.Way, "stop": o.Stop, "course": o.Course(), "features": o.Features,
			"plan": o.Plan, "chances": o.Chances, "audit": o.Audit, "policy": o.Policy, "versions": o.Versions, "prices": o.Prices})
	}
	fmt.Printf("%s came %s and was answered by %s (%s, %s).\n", o.ID, o.At.Format("2006-01-02 15:04:05"), o.Model, o.Way, o.Reason)
	if o.Plan == nil {
		fmt.Println("No plan was chosen for it: the reason alone decided.")
		return nil
	}
	fmt.Printf("Language %q, %d checks, a prompt of %d bytes. Model %s at prices %s chose %s.\n", o.Features.Language, o.Features.Tests, o.Features.Prompt, o.Policy, o.Prices, o.Plan)
	for _, chance := range o.Chances {
		fmt.Printf("  %6.2f %%  %s\n", 100*chance.Propensity, chance.Plan)
	}
	for i, leg := range o.Course() {
		fmt.Printf("%d. %s.\n", i+1, leg)
	}
	if o.Stop != "" {
		fmt.Printf("The search ended: %s.\n", o.Stop)
	}
	return nil
}
