package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/drover-llm/drover/policy/lab"
	"github.com/drover-llm/drover/pricing"
)

// evalReportCmd adds an evaluation up.
type evalReportCmd struct {
	Dir    string `arg:"" help:"Folder of the evaluation."`
	Strong string `placeholder:"DIR|FIGURE" help:"The strong model to compare with: the folder of its evaluation, or its pass@1, such as 0.902."`
	JSON   bool   `name:"json" help:"Print one JSON object: pass_at by k, and the rest."`
}

// Run prints the report.
func (c evalReportCmd) Run() error {
	report, err := c.report()
	if err != nil {
		return err
	}
	if c.JSON {
		line, err := jsonv2.Marshal(report, jsonv2.Deterministic(true)) // equal evaluations print equal reports
		if err != nil {
			return err
		}
		_, err = fmt.Printf("%s\n", line)
		return err
	}
	return printEvaluation(os.Stdout, report)
}

func (c evalReportCmd) report() (lab.Report, error) {
	_, results, err := lab.ReadEvaluation(c.Dir)
	if err != nil {
		return lab.Report{}, err
	}
	report := lab.NewReport(results)
	if len(report.Models) == 0 {
		return report, fmt.Errorf("%s: no answer has a verdict yet", c.Dir)
	}
	if c.Strong == "" {
		return report, nil
	}
	figure, err := strconv.ParseFloat(c.Strong, 64)
	var strong *lab.ModelReport
	switch {
	case err == nil && figure >= 0 && figure <= 1:
	case err == nil:
		return report, fmt.Errorf("--strong: a pass@1 lies between 0 and 1, got %s", c.Strong)
	default:
		_, results, err := lab.ReadEvaluation(c.Strong)
		if err != nil {
			return report, fmt.Errorf("--strong: %w", err)
		}
		other := lab.NewReport(results)
		if len(other.Models) != 1 {
			return report, fmt.Errorf("--strong: %s must hold the answers of one model, it has %d", c.Strong, len(other.Models))
		}
		strong = &other.Models[0]
	}
	for i := range report.Models {
		if strong != nil {
			report.Models[i].Against(nil, strong)
		} else {
			report.Models[i].Against(&figure, nil)
		}
	}
	if len(report.Models) == 1 {
		report.ModelReport = report.Models[0]
	}
	return report, nil
}

// printEvaluation is the report for people.
func printEvaluation(w io.Writer, report lab.Report) error {
	for _, m := range report.Models {
		fmt.Fprintf(w, "%s: %d answers to %d problems\n", m.Model, m.Samples, m.Problems)
		printVerdicts(w, "base tests", m.Verdicts)
		if m.Plus != nil {
			printVerdicts(w, "base and extended tests", m.Plus.Verdicts)
		}
		if m.Cost != nil {
			fmt.Fprintf(w, "  cost $%s (known of %d answers)\n", pricing.USD(*m.Cost), m.CostOf)
		}
		if m.Tokens != nil {
			fmt.Fprintf(w, "  %d prompt and %d completion tokens (known of %d answers)\n", m.Tokens.Prompt, m.Tokens.Completion, m.TokensOf)
		}
		if m.P50 != nil {
			fmt.Fprintf(w, "  latency %s (median), %s (95 %%)\n", rounded(*m.P50), rounded(*m.P95))
		}
		if m.Drawn > 0 {
			fmt.Fprintf(w, "  the gateway drew %d samples for them\n", m.Drawn)
		}
		fmt.Fprintln(w)
		printPassAt(w, m)
		printSeeds(w, m.Seeds)
		printAgreement(w, m.Recorded)
	}
	if len(report.Unsound) > 0 {
		fmt.Fprintf(w, "Left out, since the set's own solution does not pass: %s\n", strings.Join(report.Unsound, ", "))
	}
	_, err := fmt.Fprintf(w, "How: %s.\n", report.Methods)
	return err
}

func printVerdicts(w io.Writer, what string, v lab.Verdicts) {
	fmt.Fprintf(w, "  %s: %d passed, %d failed, %d unjudged\n", what, v.Passed, v.Failed, v.Unjudged)
}

func newTable(w io.Writer, header ...any) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.AppendHeader(header)
	return t
}

func printPassAt(w io.Writer, m lab.ModelReport) {
	header := []any{"k", "pass@k", "95 % interval"}
	if m.Plus != nil {
		header = append(header, "extended", "95 % interval")
	}
	t := newTable(w, append(header, "problems")...)
	var ks []int
	for k := range m.PassAt {
		n, _ := strconv.Atoi(k)
		ks = append(ks, n)
	}
	slices.Sort(ks)
	for _, n := range ks {
		k := strconv.Itoa(n)
		row := []any{n, percent(m.PassAt[k]), between(m.Intervals[k])}
		if m.Plus != nil {
			p, i := "–", "–"
			if v, ok := m.Plus.PassAt[k]; ok {
				p, i = percent(v), between(m.Plus.Intervals[k])
			}
			row = append(row, p, i)
		}
		t.AppendRow(append(row, m.ProblemsAt[k]))
	}
	t.Render()
	fmt.Fprintln(w)
}

// printSeeds shows how many samples reach what the strong model does at once.
func printSeeds(w io.Writer, rows []lab.SeedRow) {
	t := newTable(w, "samples", "solved", "95 % interval", "strong model at once", "difference", "95 % interval")
	show := func(f *float64) string {
		if f == nil {
			return "–"
		}
		return percent(*f)
	}
	range_ := func(i *lab.Interval) string {
		if i == nil {
			return "–"
		}
		return between(*i)
	}
	note := ""
	for _, r := range rows {
		pass := show(r.Pass)
		switch {
		case r.Extrapolated:
			pass += " *"
			note = "* extrapolated from fewer samples (Beta-binomial fit), not measured\n"
		case r.Pass == nil:
			pass = "too few samples"
		}
		t.AppendRow([]any{r.K, pass, range_(r.Interval), show(r.Strong), show(r.Difference), range_(r.Between)})
	}
	t.Render()
	fmt.Fprintln(w, note)
}

// shownDisagreements bounds the list for people; --json has all.
const shownDisagreements = 20

func printAgreement(w io.Writer, a *lab.Agreement) {
	if a == nil {
		return
	}
	fmt.Fprintf(w, "Recorded verdicts: %d of %d agree", a.Agree, a.Compared)
	for _, k := range []string{"1", "10", "100"} {
		if p, ok := a.PassAt[k]; ok {
			fmt.Fprintf(w, ", pass@%s %s", k, percent(p))
		}
	}
	fmt.Fprintln(w, " by them.")
	for i, d := range a.Disagreements {
		if i == shownDisagreements {
			fmt.Fprintf(w, "  and %d more, see --json\n", len(a.Disagreements)-i)
			break
		}
		fmt.Fprintf(w, "  %s, answer %d, %s tests: recorded %s, judged %s: %s\n", d.TaskID, d.Attempt, d.Suite, d.Recorded, d.Judged, firstLine(d.Why))
	}
	fmt.Fprintln(w)
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

func rounded(m lab.Milliseconds) time.Duration { return time.Duration(m).Round(time.Millisecond) }

func percent(f float64) string { return fmt.Sprintf("%.1f %%", 100*f) }

func between(i lab.Interval) string { return fmt.Sprintf("%.1f to %.1f %%", 100*i.Low, 100*i.High) }

// evalPlotCmd draws an evaluation.
type evalPlotCmd struct {
	evalReportCmd
	Into string `placeholder:"DIR" help:"Folder for the files. Default: that of the evaluation."`
}

// Run writes the files and names them.
func (c evalPlotCmd) Run() error {
	report, err := c.report()
	if err != nil {
		return err
	}
	into := c.Into
	if into == "" {
		into = c.Dir
	} else if err := os.MkdirAll(into, 0o755); err != nil {
		return err
	}
	var all []string
	for name, figure := range report.Figures() {
		files, err := figure.Save(filepath.Join(into, name))
		all = append(all, files...)
		if err != nil {
			return errors.Join(err, fmt.Errorf("written: %v", all))
		}
	}
	slices.Sort(all)
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"files": all})
	}
	fmt.Println(strings.Join(all, "\n"))
	return nil
}
