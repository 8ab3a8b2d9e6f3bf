package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"text/tabwriter"
	"time"

	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/ledger"
)

// budgetsCmd is `drover budgets`.
type budgetsCmd struct {
	configFile

	JSON bool `help:"Print one JSON object, as the admin API does."`
}

func (budgetsCmd) Help() string {
	return "Shows what every budget of the configuration has spent, holds and has left, and when it begins anew. It asks the server that holds the ledger, or else reads the ledger itself."
}

// budgetRow is a budget as the admin API shows it, in dollars.
type budgetRow struct {
	Name       string       `json:"name"`
	Level      string       `json:"level"`
	Window     string       `json:"window"`
	Limit      *json.Number `json:"limit_usd"`
	Spent      json.Number  `json:"spent_usd"`
	Held       json.Number  `json:"held_usd"`
	Left       *json.Number `json:"left_usd"`
	Soft       *json.Number `json:"soft_usd"`
	PerRequest *json.Number `json:"per_request_usd"`
	Then       string       `json:"then"`
	StartedAt  *time.Time   `json:"started_at"`
	ResetsAt   *time.Time   `json:"resets_at"`
}

type budgetRows struct {
	Budgets []budgetRow `json:"budgets"`
}

// Run prints the budgets.
func (c budgetsCmd) Run(ctx context.Context) error {
	rows, err := c.rows(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(rows)
	}
	if len(rows.Budgets) == 0 {
		fmt.Println("There are no budgets: keys spend without a limit. configs/drover.yaml shows how to set some.")
		return nil
	}
	return printBudgets(os.Stdout, rows.Budgets)
}

// rows asks whoever has the ledger.
func (c budgetsCmd) rows(ctx context.Context) (rows budgetRows, err error) {
	a, err := loadAccess(c.Config)
	if err != nil {
		return rows, err
	}
	rows.Budgets = []budgetRow{}
	book := policy.NewBook(nil)
	if _, err := os.Stat(a.ledger); err == nil {
		l, err := ledger.Open(a.ledger, ledger.Options{Wait: lockWait})
		if errors.Is(err, ledger.ErrLocked) {
			return rows, askServer(ctx, a, &rows)
		}
		if err != nil {
			return rows, err
		}
		book.Restore(l.Totals())
		if err := l.Close(); err != nil {
			return rows, err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return rows, err
	}
	config, err := c.load()
	if err != nil {
		return rows, err
	}
	now := time.Now()
	book.Configure(config.Money(), now, true)
	for _, s := range book.States(now) {
		rows.Budgets = append(rows.Budgets, newBudgetRow(s))
	}
	return rows, nil
}

func askServer(ctx context.Context, a access, rows *budgetRows) (err error) {
	client, err := newAdminClient(a)
	if err != nil {
		return fmt.Errorf("ledger %s is held by a server: %w", a.ledger, err)
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	return client.do(ctx, http.MethodGet, "/api/budgets", nil, rows)
}

func newBudgetRow(s policy.BudgetState) budgetRow {
	number := func(text string) *json.Number { n := json.Number(text); return &n }
	row := budgetRow{Name: s.Name, Level: string(s.Level), Window: string(s.Window), Spent: json.Number(s.Spent.String()), Held: json.Number(s.Held.String()), Then: s.Then}
	if s.Limit > 0 {
		row.Limit, row.Left = number(s.Limit.String()), number(s.Left.String())
	}
	if s.Soft > 0 {
		row.Soft = number(s.Soft.String())
	}
	if s.PerRequest > 0 {
		row.PerRequest = number(s.PerRequest.String())
	}
	if s.Window != policy.Ever {
		row.StartedAt, row.ResetsAt = &s.StartedAt, &s.ResetsAt
	}
	return row
}

func printBudgets(w io.Writer, rows []budgetRow) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "BUDGET\tOVER\tEVERY\tLIMIT\tSPENT\tHELD\tLEFT\tPER REQUEST\tTHEN\tRESETS AT")
	amount := func(n *json.Number) string {
		if n == nil {
			return "-"
		}
		return "$" + n.String()
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
