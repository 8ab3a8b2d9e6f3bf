package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/drover-llm/drover/configs"
	"github.com/drover-llm/drover/gateway/admin"
)

// keysCmd is `drover keys`. It works on the ledger's file, or asks the server
// that holds it.
type keysCmd struct {
	configFile

	Create keysCreate `cmd:"" help:"Create a key and print it, alone, on standard output. It is shown this once."`
	List   keysList   `cmd:"" help:"List all keys, without their secrets."`
	Rotate keysRotate `cmd:"" help:"Give a key a new secret and print it, alone, on standard output."`
	Change keysChange `cmd:"" help:"Change a key's name, models, budgets, tags or expiry."`
	Expire keysExpire `cmd:"" help:"End keys at a time, or now."`
	Revoke keysRevoke `cmd:"" help:"Revoke keys by their ids, for good."`
}

// with opens the ledger for a command, of which create alone makes one, and lets go
// of it.
func (c *keysCmd) with(command string, f func(*adminClient) error) (err error) {
	keys, err := openControl(c.Config, "keys "+command, command == "create")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, keys.Close()) }()
	return f(keys)
}

type keysCreate struct {
	Name    string            `help:"What the key is for."`
	Team    string            `help:"Team that is charged."`
	Models  []string          `help:"Models and routes that it may use; all, if none is named." placeholder:"MODEL"`
	Budget  []string          `help:"Budgets of the configuration that the key is charged to, beside its team's." placeholder:"NAME"`
	Tag     map[string]string `help:"Tags that are kept with every outcome." placeholder:"NAME=VALUE"`
	Expires expiry            `help:"When it ends: a duration (90d, 12h) or a time (2027-01-31T00:00:00Z). Never, if not given." placeholder:"WHEN"`
}

func (c *keysCreate) Run(ctx context.Context, parent *keysCmd) error {
	return parent.with("create", func(keys *adminClient) error {
		var answer admin.NewKeyAnswer
		err := keys.do(ctx, http.MethodPost, "/api/keys", admin.KeyRequest{
			Name: c.Name, Team: c.Team, Models: c.Models, Budgets: c.Budget, Tags: c.Tag, ExpiresAt: c.Expires.from(time.Now()),
		}, &answer)
		if err != nil {
			return err
		}
		for _, warning := range answer.Warnings {
			fmt.Fprintf(os.Stderr, "Warning: %s.\n", warning)
		}
		fmt.Fprintf(os.Stderr, "Created key %s. This is the only time that it is shown:\n", describe(answer.Key))
		_, err = fmt.Println(answer.Token)
		return err
	})
}

type keysList struct {
	JSON bool `help:"Print one JSON object, as the admin API does."`
}

func (c *keysList) Run(ctx context.Context, parent *keysCmd) error {
	return parent.with("list", func(keys *adminClient) error {
		var list admin.KeyList
		if err := keys.do(ctx, http.MethodGet, "/api/keys", nil, &list); err != nil {
			return err
		}
		if c.JSON {
			return printJSON(list)
		}
		return printKeys(os.Stdout, list.Keys, time.Now())
	})
}

// printJSON prints one object for machines.
func printJSON(v any) error {
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

type keysRotate struct {
	ID      string `arg:"" name:"id" help:"Id, as list shows it; for drv-abc-… it is abc."`
	Overlap expiry `help:"For how long the old secret is taken too: a duration such as 24h or 7d. Not at all, if not given." placeholder:"FOR"`
}

func (c *keysRotate) Run(ctx context.Context, parent *keysCmd) error {
	if !c.Overlap.at.IsZero() {
		return errors.New("--overlap must be a duration such as 24h or 7d")
	}
	return parent.with("rotate", func(keys *adminClient) error {
		var answer admin.NewKeyAnswer
		request := admin.RotateRequest{}
		if c.Overlap.after > 0 {
			request.Overlap = c.Overlap.after.String()
		}
		err := keys.do(ctx, http.MethodPost, "/api/keys/"+url.PathEscape(keyID(c.ID))+"/rotate", request, &answer)
		if err != nil {
			return err
		}
		until := "is not taken any more"
		if answer.Key.OverlapUntil != nil {
			until = "is taken until " + answer.Key.OverlapUntil.Format(time.RFC3339)
		}
		fmt.Fprintf(os.Stderr, "Rotated key %s; its old secret %s. This is the only time that the new one is shown:\n", describe(answer.Key), until)
		_, err = fmt.Println(answer.Token)
		return err
	})
}

type keysChange struct {
	ID      string             `arg:"" name:"id" help:"Id, as list shows it; for drv-abc-… it is abc."`
	Name    *string            `help:"What the key is for."`
	Models  *[]string          `help:"Models and routes that it may use, in place of those before." placeholder:"MODEL"`
	Budget  *[]string          `help:"Budgets that it is charged to, in place of those before." placeholder:"NAME"`
	Tag     *map[string]string `help:"Its tags, in place of those before." placeholder:"NAME=VALUE"`
	Expires expiry             `help:"When it ends: a duration from now, or a time." placeholder:"WHEN"`
	Forever bool               `help:"It never ends."`
}

func (c *keysChange) Run(ctx context.Context, parent *keysCmd) error {
	change := admin.KeyChange{Name: c.Name, Models: c.Models, Budgets: c.Budget, Tags: c.Tag, ExpiresAt: c.Expires.from(time.Now()), NeverExpires: c.Forever}
	return parent.with("change", func(keys *adminClient) error { return changeKey(ctx, keys, c.ID, change) })
}

type keysExpire struct {
	IDs []string `arg:"" name:"id" help:"Ids, as list shows them; for drv-abc-… it is abc."`
	At  expiry   `help:"When they end: a duration from now, or a time. Now, if not given." placeholder:"WHEN"`
}

func (c *keysExpire) Run(ctx context.Context, parent *keysCmd) error {
	at := c.At.from(time.Now())
	if at == nil {
		now := time.Now()
		at = &now
	}
	return parent.with("expire", func(keys *adminClient) error {
		var faults []error
		for _, id := range c.IDs {
			faults = append(faults, changeKey(ctx, keys, id, admin.KeyChange{ExpiresAt: at}))
		}
		return errors.Join(faults...)
	})
}

// changeKey changes one key and says so.
func changeKey(ctx context.Context, keys *adminClient, id string, change admin.KeyChange) error {
	var a admin.KeyAnswer
	if err := keys.do(ctx, http.MethodPatch, "/api/keys/"+url.PathEscape(keyID(id)), change, &a); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "Changed key %s.\n", describe(a.Key))
	return nil
}

type keysRevoke struct {
	IDs []string `arg:"" name:"id" help:"Ids, as list shows them; for drv-abc-… it is abc."`
}

func (c *keysRevoke) Run(ctx context.Context, parent *keysCmd) error {
	return parent.with("revoke", func(keys *adminClient) error {
		var faults []error
		for _, id := range c.IDs {
			var a admin.KeyAnswer
			if err := keys.do(ctx, http.MethodDelete, "/api/keys/"+url.PathEscape(keyID(id)), nil, &a); err != nil {
				faults = append(faults, err)
				continue
			}
			fmt.Fprintf(os.Stderr, "Revoked key %s.\n", describe(a.Key))
		}
		return errors.Join(faults...)
	})
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
	fmt.Fprintln(t, "ID\tNAME\tTEAM\tMODELS\tBUDGETS\tCREATED\tEXPIRES\tSTATE")
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
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			k.ID, orDash(k.Name), orDash(k.Team), models, orDash(strings.Join(k.Budgets, ",")), k.CreatedAt.Format(time.RFC3339), expires, state)
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
	after, err := configs.ParseDuration(s)
	if err != nil || after <= 0 {
		return fmt.Errorf("must be a positive duration such as 90d or 12h, or a time such as 2027-01-31T00:00:00Z, got %q", s)
	}
	*e = expiry{after: after}
	return nil
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
