package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"text/tabwriter"
	"time"

	"github.com/drover-llm/drover/gateway/admin"
	"github.com/drover-llm/drover/pricing"
)

// budgetsCmd is `drover budgets`.
type budgetsCmd struct {
	configFile

	JSON bool `help:"Print one JSON object, as the admin API does."`
}

func (budgetsCmd) Help() string {
	return "Shows what every budget of the configuration has spent, holds and has left, and when it begins anew. It asks the server that holds the ledger, or else reads the ledger itself."
}

// Run prints the budgets.
func (c budgetsCmd) Run(ctx context.Context) error {
	rows, err := c.rows(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(rows)
	}
	if len(rows.Budgets) == 0 {
		fmt.Println("There are no budgets: keys spend without a limit. configs/drover.yaml shows how to set some.")
		return nil
	}
	return printBudgets(os.Stdout, rows.Budgets)
}

// rows asks whoever has the ledger. On the file alone, budgets are those of the
// configuration, and its fault is told where it has one.
func (c budgetsCmd) rows(ctx context.Context) (rows admin.BudgetList, err error) {
	client, err := openControl(c.Config, "budgets", false)
	if err != nil {
		return rows, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	err = client.do(ctx, http.MethodGet, "/api/budgets", nil, &rows)
	if _, fault := c.load(); err != nil && fault != nil {
		return rows, fault
	}
	return rows, err
}

func printBudgets(w io.Writer, rows []admin.Budget) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "BUDGET\tOVER\tEVERY\tLIMIT\tSPENT\tHELD\tLEFT\tPER REQUEST\tTHEN\tRESETS AT")
	amount := func(d *admin.Dollars) string {
		if d == nil {
			return "-"
		}
		return "$" + pricing.USD(*d).String()
	}
	for _, r := range rows {
		resets := "never"
		if r.ResetsAt != nil {
			resets = r.ResetsAt.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Name, r.Level, orDash(r.Window), amount(r.Limit), amount(&r.Spent), amount(&r.Held),
			amount(r.Left), amount(r.PerRequest), r.Then, resets)
	}
	return t.Flush()
}
