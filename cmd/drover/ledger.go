package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/drover-llm/drover/gateway/admin"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/ledger"
)

// ledgerCmd is `drover ledger`. What can be done while a server holds the ledger
// is done through its admin API then, everything else on the file.
type ledgerCmd struct {
	configFile

	Verify  ledgerVerify  `cmd:"" help:"Check every checksum, index, hold and total. Exit status 1 with a fault."`
	Export  ledgerExport  `cmd:"" help:"Write all outcomes, or those that a filter wants, as JSON lines or CSV."`
	Backup  ledgerBackup  `cmd:"" help:"Write the whole ledger to a file, while it serves, and verify it."`
	Restore ledgerRestore `cmd:"" help:"Put a backup in the ledger's place, once it is verified."`
	Import  ledgerImport  `cmd:"" help:"Take in outcomes that were recorded elsewhere, or published pass counts as priors."`
	Compact ledgerCompact `cmd:"" help:"Make the file as small as what is in it. No server may hold it."`
	Holds   ledgerHolds   `cmd:"" help:"List the holds that are open."`
	Release ledgerRelease `cmd:"" help:"End holds that a crash left open: nothing was spent, or with --charge all of it."`
	Changes ledgerChanges `cmd:"" help:"List what administrators did, newest first."`
}

// with opens the ledger for f and lets go of it.
func (c *ledgerCmd) with(command string, f func(*adminClient) error) (err error) {
	control, err := openControl(c.Config, "ledger "+command, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, control.Close()) }()
	return f(control)
}

type ledgerVerify struct {
	Repair bool `help:"Save what can be saved of a damaged file, say what is lost, and put the result in its place. The damaged file is kept."`
	JSON   bool `help:"Print one JSON object."`
}

func (c *ledgerVerify) Run(ctx context.Context, parent *ledgerCmd) error {
	if c.Repair {
		return c.repair(ctx, parent)
	}
	var found policy.Inspection
	err := parent.with("verify", func(control *adminClient) error {
		return control.verify(ctx, os.Stderr, &found)
	})
	if err != nil {
		return err
	}
	return c.tell(found)
}

// tell prints what a verification found. Faults are exit status 1.
func (c *ledgerVerify) tell(found policy.Inspection) error {
	if c.JSON {
		if err := printJSON(found); err != nil {
			return err
		}
	} else {
		fmt.Printf("%d records: %d outcomes that cost $%s (%d without a known price), %d imported, %s open, %d keys.\n",
			found.Records, found.Outcomes, found.Spent, found.Unpriced, found.Imported, plural(found.OpenHolds, "hold"), found.Keys)
		for _, fault := range found.Faults {
			fmt.Println(" ", fault)
		}
		fmt.Println(plural(found.Faulty, "fault") + ".")
	}
	if found.Faulty > 0 {
		fmt.Fprintln(os.Stderr, "Restore a backup (drover ledger restore), or save what can be saved (drover ledger verify --repair).")
		return exitCode(exitFault)
	}
	return nil
}

func (c *ledgerVerify) repair(ctx context.Context, parent *ledgerCmd) error {
	a, err := loadAccess(parent.Config)
	if err != nil {
		return err
	}
	r, err := ledger.Repair(ctx, a.ledger, ledger.Options{})
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "Repaired. The damaged file is kept as %s.\n", r.Kept)
	if r.Root {
		fmt.Fprintln(os.Stderr, "One of the file's two roots was damaged: the last transaction may be lost too.")
	}
	if r.Losses == 0 {
		fmt.Fprintln(os.Stderr, "No record was lost.")
	} else {
		fmt.Fprintf(os.Stderr, "%s lost", plural(r.Losses, "record"))
		if len(r.Lost) > 0 {
			fmt.Fprintf(os.Stderr, ", among them those of the sequence numbers %v", r.Lost)
		}
		fmt.Fprintln(os.Stderr, ". A backup that is younger than the damage is better: drover ledger restore.")
	}
	return c.tell(r.Report)
}

type ledgerExport struct {
	Format   string            `enum:"jsonl,csv" default:"jsonl" help:"jsonl or csv."`
	Out      string            `short:"o" help:"File; standard output, if not given." placeholder:"FILE"`
	Key      string            `help:"Only what this key asked."`
	Team     string            `help:"Only what this team asked."`
	Route    string            `help:"Only what this route answered."`
	Model    string            `help:"Only what this model answered."`
	Status   int               `help:"Only answers of this HTTP status."`
	Verified string            `enum:",true,false,null" default:"" help:"true, false, or null for what was not judged."`
	Since    moment            `help:"Only what arrived then or later: a day, a time, or how long ago, such as 30d." placeholder:"WHEN"`
	Until    moment            `help:"Only what arrived before: likewise." placeholder:"WHEN"`
	Tag      map[string]string `help:"Only what has this tag." placeholder:"NAME=VALUE"`
}

func (c *ledgerExport) Run(ctx context.Context, parent *ledgerCmd) error {
	query := url.Values{"format": {c.Format}}
	for name, value := range map[string]string{"key": c.Key, "team": c.Team, "route": c.Route, "model": c.Model, "verified": c.Verified, "since": c.Since.query(), "until": c.Until.query()} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if c.Status != 0 {
		query.Set("status", strconv.Itoa(c.Status))
	}
	for name, value := range c.Tag {
		query.Add("tag", name+"="+value)
	}
	return parent.with("export", func(control *adminClient) error {
		if c.Out == "" {
			return control.stream(ctx, "/api/ledger/export?"+query.Encode(), os.Stdout)
		}
		return writeWhole(c.Out, func(w io.Writer) error {
			return control.stream(ctx, "/api/ledger/export?"+query.Encode(), w)
		})
	})
}

// writeWhole makes a file for its owner only, whole or not at all.
func writeWhole(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

type ledgerBackup struct {
	File string `arg:"" help:"Where to; it must not be there yet."`
}

func (c *ledgerBackup) Run(ctx context.Context, parent *ledgerCmd) error {
	if _, err := os.Lstat(c.File); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already; choose another name", c.File)
	}
	var found policy.Inspection
	err := parent.with("backup", func(control *adminClient) error {
		return writeWhole(c.File, func(w io.Writer) error {
			if err := control.stream(ctx, "/api/ledger/backup", w); err != nil {
				return err
			}
			l, err := ledger.Open(w.(*os.File).Name(), ledger.Options{})
			if err != nil {
				return err
			}
			found, err = l.Verify(ctx, nil)
			return errors.Join(err, l.Close())
		})
	})
	if err != nil {
		return err
	}
	if found.Faulty > 0 {
		fmt.Fprintf(os.Stderr, "%s is a copy of a ledger with faults.\n", c.File)
	}
	return (&ledgerVerify{}).tell(found)
}

type ledgerRestore struct {
	Backup  string `arg:"" help:"File that drover ledger backup made." type:"existingfile"`
	Replace bool   `help:"Also where there is a ledger, which is kept under another name."`
}

func (c *ledgerRestore) Run(ctx context.Context, parent *ledgerCmd) error {
	a, err := loadAccess(parent.Config)
	if err != nil {
		return err
	}
	found, kept, err := ledger.Restore(ctx, c.Backup, a.ledger, c.Replace, ledger.Options{})
	if err != nil {
		return err
	}
	if kept != "" {
		fmt.Fprintf(os.Stderr, "The ledger that was there is kept as %s.\n", kept)
	}
	return (&ledgerVerify{}).tell(found)
}

type ledgerCompact struct{}

func (c *ledgerCompact) Run(ctx context.Context, parent *ledgerCmd) error {
	a, err := loadAccess(parent.Config)
	if err != nil {
		return err
	}
	if _, err := os.Stat(a.ledger); errors.Is(err, fs.ErrNotExist) {
		return noLedger(a.ledger)
	}
	before, after, err := ledger.Compact(ctx, a.ledger, ledger.Options{Wait: lockWait})
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d bytes, %d before.\n", a.ledger, after, before)
	return nil
}

type ledgerHolds struct {
	JSON bool `help:"Print one JSON object, as the admin API does."`
}

func (c *ledgerHolds) Run(ctx context.Context, parent *ledgerCmd) error {
	return parent.with("holds", func(control *adminClient) error {
		var list admin.HoldList
		if err := control.do(ctx, http.MethodGet, "/api/holds", nil, &list); err != nil {
			return err
		}
		if c.JSON {
			return printJSON(list)
		}
		t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "ID\tSINCE\tKEY\tTEAM\tROUTE\tCEILING\tSTATE")
		for _, h := range list.Holds {
			state, ceiling := "left by a crash", "not known"
			if h.UnderWay {
				state = "under way"
			}
			if h.Ceiling != nil {
				text, _ := h.Ceiling.MarshalJSON()
				ceiling = "$" + string(text)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", h.ID, h.At.Format(time.RFC3339), h.Key, orDash(h.Team), orDash(h.Route), ceiling, state)
		}
		return t.Flush()
	})
}

type ledgerRelease struct {
	IDs    []string `arg:"" name:"id" help:"Ids of holds, as drover ledger holds shows them."`
	Charge bool     `help:"The whole ceiling was spent; otherwise nothing was."`
}

func (c *ledgerRelease) Run(ctx context.Context, parent *ledgerCmd) error {
	r := admin.ReleaseRequest{Action: "release"}
	if c.Charge {
		r.Action = "charge"
	}
	return parent.with("release", func(control *adminClient) error {
		var faults []error
		for _, id := range c.IDs {
			var answer struct{ Hold admin.Hold }
			if err := control.do(ctx, http.MethodPost, "/api/holds/"+url.PathEscape(id), r, &answer); err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", id, err))
				continue
			}
			fmt.Fprintf(os.Stderr, "%sd the hold of %s.\n", map[bool]string{false: "Release", true: "Charge"}[c.Charge], id)
		}
		return errors.Join(faults...)
	})
}

type ledgerChanges struct {
	Limit int  `default:"50" help:"How many at most, up to 1000."`
	JSON  bool `help:"Print one JSON object, as the admin API does."`
}

func (c *ledgerChanges) Run(ctx context.Context, parent *ledgerCmd) error {
	return parent.with("changes", func(control *adminClient) error {
		var list struct {
			Changes []policy.ChangeEntry `json:"changes"`
		}
		if err := control.do(ctx, http.MethodGet, "/api/changes?limit="+strconv.Itoa(c.Limit), nil, &list); err != nil {
			return err
		}
		if c.JSON {
			return printJSON(list)
		}
		t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "AT\tBY\tACTION\tSUBJECT\tDETAIL")
		for _, e := range list.Changes {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", e.Change.At.Format(time.RFC3339), e.Change.By, e.Change.Action, orDash(e.Change.Subject), orDash(e.Change.Detail))
		}
		return t.Flush()
	})
}

type ledgerImport struct {
	Files  []string `arg:"" name:"file" type:"existingfile" help:"Outcomes as drover ledger export writes them, or pass counts with --priors."`
	Priors string   `help:"The files are tables of pass rates (CSV: a row for each problem, a column for each model), or recorded samples (JSON lines), kept as priors under this name." placeholder:"NAME"`
	Of     int      `help:"How many samples a rate is of, where the table does not say (n=100)." default:"10"`
}

func (c *ledgerImport) Run(ctx context.Context, parent *ledgerCmd) error {
	return parent.with("import", func(control *adminClient) error {
		if c.Priors != "" {
			return c.priors(ctx, control)
		}
		for _, file := range c.Files {
			if err := importFile(ctx, control, file); err != nil {
				return fmt.Errorf("%s%w", file, err)
			}
		}
		return nil
	})
}

// importBatch bounds what is sent at one time, in bytes.
const importBatch = 4 << 20

// importFile sends a file's outcomes in parts. An import that broke off is simply
// repeated.
func importFile(ctx context.Context, control *adminClient, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf(": %w", err)
	}
	defer f.Close()
	var sum admin.ImportAnswer
	var batch []policy.Outcome
	size := 0
	send := func() error {
		if len(batch) == 0 {
			return nil
		}
		var a admin.ImportAnswer
		if err := control.do(ctx, http.MethodPost, "/api/ledger/import", admin.ImportRequest{Outcomes: batch, From: filepath.Base(file)}, &a); err != nil {
			return fmt.Errorf(": after %d outcomes: %w", sum.Added+sum.Skipped, err)
		}
		sum.Added, sum.Skipped, batch, size = sum.Added+a.Added, sum.Skipped+a.Skipped, nil, 0
		return nil
	}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, importBatch)
	for n := 1; lines.Scan(); n++ {
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 {
			continue
		}
		o, err := readOutcome(text)
		if err != nil {
			return fmt.Errorf(":%d: %w", n, err)
		}
		batch = append(batch, o)
		if size += len(text); size > importBatch {
			if err := send(); err != nil {
				return err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf(": %w", err)
	}
	if err := send(); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s: %d imported, %d were there already. They are marked as imported, and no budget counts them.\n", file, sum.Added, sum.Skipped)
	return nil
}

// readOutcome reads one line of an export, or an outcome alone.
func readOutcome(text []byte) (o policy.Outcome, err error) {
	var e policy.Entry
	if err := json.Unmarshal(text, &e); err != nil {
		return o, fmt.Errorf("not a line of drover ledger export: %w", err)
	}
	if o = e.Outcome; o.ID == "" {
		if err := json.Unmarshal(text, &o); err != nil || o.ID == "" {
			return o, errors.New("not an outcome: it has no id")
		}
	}
	return o, nil
}
