package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/drover-llm/drover/gateway/admin"
)

// keysCmd is `drover keys`. It works on the ledger's file, or asks the server
// that holds it.
type keysCmd struct {
	configFile

	Create keysCreate `cmd:"" help:"Create a key and print it, alone, on standard output. It is shown this once."`
	List   keysList   `cmd:"" help:"List all keys, without their secrets."`
	Revoke keysRevoke `cmd:"" help:"Revoke keys by their ids."`
}

type keysCreate struct {
	Name    string   `help:"What the key is for."`
	Team    string   `help:"Team that is charged."`
	Models  []string `help:"Models and routes that it may use; all, if none is named." placeholder:"MODEL"`
	Expires expiry   `help:"When it ends: a duration (90d, 12h) or a time (2027-01-31T00:00:00Z). Never, if not given." placeholder:"WHEN"`
}

func (c *keysCreate) Run(ctx context.Context, parent *keysCmd) (err error) {
	keys, err := openKeys(parent.Config, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, keys.Close()) }()
	answer, err := keys.create(ctx, admin.KeyRequest{
		Name: c.Name, Team: c.Team, Models: c.Models, ExpiresAt: c.Expires.from(time.Now()),
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "Created key %s. This is the only time that it is shown:\n", describe(answer.Key))
	_, err = fmt.Println(answer.Token)
	return err
}

type keysList struct {
	JSON bool `help:"Print one JSON object, as the admin API does."`
}

func (c *keysList) Run(ctx context.Context, parent *keysCmd) (err error) {
	keys, err := openKeys(parent.Config, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, keys.Close()) }()
	list, err := keys.list(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(list)
	}
	return printKeys(os.Stdout, list.Keys, time.Now())
}

type keysRevoke struct {
	IDs []string `arg:"" name:"id" help:"Ids, as list shows them; for drv-abc-… it is abc."`
}

func (c *keysRevoke) Run(ctx context.Context, parent *keysCmd) (err error) {
	keys, err := openKeys(parent.Config, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, keys.Close()) }()
	var faults []error
	for _, id := range c.IDs {
		if parts := strings.Split(id, "-"); len(parts) == 4 && parts[0] == "drv" {
			id = parts[1] // a whole key was pasted; its secret is not repeated
		}
		key, err := keys.revoke(ctx, id)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		fmt.Fprintf(os.Stderr, "Revoked key %s.\n", describe(key))
	}
	return errors.Join(faults...)
}

// describe names a key in one line.
func describe(k admin.Key) string {
	s := k.ID
	if k.Name != "" {
		s += " (" + k.Name + ")"
	}
	if k.Team != "" {
		s += " of team " + k.Team
	}
	return s
}

func printKeys(w io.Writer, keys []admin.Key, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tNAME\tTEAM\tMODELS\tCREATED\tEXPIRES\tSTATE")
	for _, k := range keys {
		models, expires, state := "all", "never", "active"
		if len(k.Models) > 0 {
			models = strings.Join(k.Models, ",")
		}
		if k.ExpiresAt != nil {
			expires = k.ExpiresAt.Format(time.RFC3339)
			if !now.Before(*k.ExpiresAt) {
				state = "expired"
			}
		}
		if k.RevokedAt != nil {
			state = "revoked"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			k.ID, orDash(k.Name), orDash(k.Team), models, k.CreatedAt.Format(time.RFC3339), expires, state)
	}
	return t.Flush()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// expiry is a moment, or a time from now. The zero value is never.
type expiry struct {
	at    time.Time
	after time.Duration
}

// UnmarshalText reads a duration, with d for days of 24 hours, or a time of
// RFC 3339.
func (e *expiry) UnmarshalText(text []byte) error {
	s := string(text)
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		*e = expiry{at: at}
		return nil
	}
	after, err := parseDays(s)
	if err != nil || after <= 0 {
		return fmt.Errorf("must be a positive duration such as 90d or 12h, or a time such as 2027-01-31T00:00:00Z, got %q", s)
	}
	*e = expiry{after: after}
	return nil
}

// maxDays is how many days a duration can hold.
const maxDays = 106_751

func parseDays(s string) (time.Duration, error) {
	if days, found := strings.CutSuffix(s, "d"); found {
		n, err := strconv.Atoi(days)
		if err == nil && (n < 0 || n > maxDays) {
			err = strconv.ErrRange
		}
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(s)
}

// from is the moment that e means at now, nil for never.
func (e expiry) from(now time.Time) *time.Time {
	switch {
	case !e.at.IsZero():
		return &e.at
	case e.after > 0:
		at := now.Add(e.after).UTC()
		return &at
	}
	return nil
}
