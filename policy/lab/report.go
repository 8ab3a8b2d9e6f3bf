package lab

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/drover-llm/drover/gateway/sandbox"
)

// Report is what an evaluation came to. It has the figures of its model; where
// samples of several models were judged, only Models has figures.
type Report struct {
	ModelReport `json:",inline"`

	Models []ModelReport `json:"models"`
	// Unsound are the suites that their own reference does not pass, as
	// "HumanEval/15 plus": nobody is judged by them.
	Unsound []string `json:"unsound"`
	Methods string   `json:"methods"`
}

// Methods says how a report's figures are made.
const Methods = "pass_at: unbiased estimate of Chen et al. 2021, mean over problems with at least k judged samples; " +
	"intervals of 95 %: percentile bootstrap over problems, 10,000 resamples, paired between k and models; " +
	"samples without a verdict count in unjudged only; extrapolated: Beta-binomial fitted by maximum likelihood"

// ModelReport are the figures of one model.
type ModelReport struct {
	Model    string `json:"model"`
	Problems int    `json:"problems"` // with at least one judged sample
	Samples  int    `json:"samples"`
	SuiteReport
	Plus     *SuiteReport  `json:"plus,omitzero"` // by base and extended tests together; nil: there are none
	Cost     *Dollars      `json:"cost_usd"`      // of the samples whose cost is known; nil: of none
	CostOf   int           `json:"cost_known_of"` // samples
	Tokens   *Tokens       `json:"tokens"`        // of the samples whose tokens are known; nil: of none
	TokensOf int           `json:"tokens_known_of"`
	P50      *Milliseconds `json:"p50_ms"` // latency; nil: none was measured
	P95      *Milliseconds `json:"p95_ms"`
	Drawn    int           `json:"drawn,omitzero"` // samples that a Drover drew for its answers
	Seeds    []SeedRow     `json:"seeds"`
	Recorded *Agreement    `json:"recorded,omitzero"` // nil: nothing was recorded

	tallies []tally
}

// SuiteReport are the figures by one suite.
type SuiteReport struct {
	PassAt     map[string]float64  `json:"pass_at"` // by k
	Intervals  map[string]Interval `json:"pass_at_interval"`
	ProblemsAt map[string]int      `json:"problems_at"`
	Verdicts   Verdicts            `json:"verdicts"`
}

// Verdicts counts samples.
type Verdicts struct {
	Passed   int `json:"passed"`
	Failed   int `json:"failed"`
	Unjudged int `json:"unjudged"`
}

func (v *Verdicts) add(verdict sandbox.Verdict) {
	switch verdict {
	case sandbox.Passed:
		v.Passed++
	case sandbox.Failed:
		v.Failed++
	default:
		v.Unjudged++
	}
}

// tally counts one problem's judged samples, n, and those that passed, c.
type tally struct {
	taskID       string
	base, plus   struct{ n, c int }
	said, passed int // recorded verdicts, and those of them that are "pass"
}

// ladder are the k that reports have, as far as there are samples.
var ladder = []int{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000}

// NewReport adds an evaluation up.
func NewReport(results []Result) Report {
	report := Report{Methods: Methods, Unsound: []string{}}
	unsound := map[string]bool{}
	byModel := map[string][]Result{}
	for _, r := range results {
		if r.Model != referenceModel {
			byModel[r.Model] = append(byModel[r.Model], r)
			continue
		}
		for suite, verdict := range map[Suite]sandbox.Verdict{Base: r.Base, Plus: r.Plus} {
			if verdict != "" && verdict != sandbox.Passed {
				unsound[r.TaskID+" "+string(suite)] = true
			}
		}
	}
	for name := range unsound {
		report.Unsound = append(report.Unsound, name)
	}
	slices.Sort(report.Unsound)
	for model, list := range byModel {
		report.Models = append(report.Models, newModelReport(model, list, unsound))
	}
	slices.SortFunc(report.Models, func(a, b ModelReport) int { return cmp.Compare(a.Model, b.Model) })
	if len(report.Models) == 1 {
		report.ModelReport = report.Models[0]
	}
	return report
}

func newModelReport(model string, results []Result, unsound map[string]bool) ModelReport {
	m := ModelReport{Model: model, Samples: len(results)}
	byTask := map[string]*tally{}
	hasPlus := false
	var plus Verdicts
	var latencies []Milliseconds
	agreement := &Agreement{}
	for _, r := range results {
		t := byTask[r.TaskID]
		if t == nil {
			t = &tally{taskID: r.TaskID}
			byTask[r.TaskID] = t
		}
		if r.Base != "" && !unsound[r.TaskID+" base"] {
			m.Verdicts.add(r.Base)
			count(&t.base.n, &t.base.c, r.Base)
		}
		if r.Plus != "" && !unsound[r.TaskID+" plus"] && !unsound[r.TaskID+" base"] {
			hasPlus = true
			plus.add(r.Plus)
			count(&t.plus.n, &t.plus.c, r.Plus)
		}
		m.spend(r)
		if r.Latency > 0 {
			latencies = append(latencies, r.Latency)
		}
		agreement.add(r, t, unsound)
	}
	for _, t := range byTask {
		m.tallies = append(m.tallies, *t)
		if t.base.n > 0 {
			m.Problems++
		}
	}
	slices.SortFunc(m.tallies, func(a, b tally) int { return cmp.Compare(a.taskID, b.taskID) })
	m.SuiteReport = suiteReport(m.tallies, func(t tally) (int, int) { return t.base.n, t.base.c }, m.Verdicts)
	if hasPlus {
		m.Plus = new(suiteReport(m.tallies, func(t tally) (int, int) { return t.plus.n, t.plus.c }, plus))
	}
	if len(latencies) > 0 {
		slices.Sort(latencies)
		m.P50, m.P95 = new(quantile(latencies, .5)), new(quantile(latencies, .95))
	}
	if agreement.Compared > 0 {
		agreement.conclude(m.tallies)
		m.Recorded = agreement
	}
	m.Seeds = m.seeds(nil, nil)
	return m
}

func count(n, c *int, v sandbox.Verdict) {
	switch v {
	case sandbox.Passed:
		*n, *c = *n+1, *c+1
	case sandbox.Failed:
		*n++
	}
}

// spend adds what a sample took.
func (m *ModelReport) spend(r Result) {
	m.Drawn += r.Drawn
	if r.Cost != nil {
		if m.Cost == nil {
			m.Cost = new(Dollars)
		}
		*m.Cost += *r.Cost
		m.CostOf++
	}
	if r.Tokens != nil {
		if m.Tokens == nil {
			m.Tokens = new(Tokens)
		}
		m.Tokens.Prompt += r.Tokens.Prompt
		m.Tokens.Completion += r.Tokens.Completion
		m.TokensOf++
	}
}

// suiteReport makes the figures of one suite, counts giving n and c of a problem.
func suiteReport(tallies []tally, counts func(tally) (n, c int), verdicts Verdicts) SuiteReport {
	r := SuiteReport{PassAt: map[string]float64{}, Intervals: map[string]Interval{}, ProblemsAt: map[string]int{}, Verdicts: verdicts}
	ks := rungs(tallies, counts)
	rows := passRows(tallies, counts, ks)
	intervals := Bootstrap(rows)
	for i, k := range ks {
		key := strconv.Itoa(k)
		for _, row := range rows {
			if row[i] == row[i] {
				r.ProblemsAt[key]++
			}
		}
		r.PassAt[key], r.Intervals[key] = mean(rows, i), intervals[i]
	}
	return r
}

// rungs are the k for which at least nine problems in ten have enough samples: the
// others may have lost a few to trouble in the sandbox.
func rungs(tallies []tally, counts func(tally) (n, c int)) []int {
	var ks []int
	for _, k := range ladder {
		enough, all := 0, 0
		for _, t := range tallies {
			if n, _ := counts(t); n > 0 {
				all++
				if n >= k {
					enough++
				}
			}
		}
		if all > 0 && enough*10 >= all*9 {
			ks = append(ks, k)
		}
	}
	return ks
}

// passRows has pass@k of each problem, NaN where it has too few samples.
func passRows(tallies []tally, counts func(tally) (n, c int), ks []int) [][]float64 {
	var rows [][]float64
	for _, t := range tallies {
		n, c := counts(t)
		if n == 0 {
			continue
		}
		row := make([]float64, len(ks))
		for i, k := range ks {
			row[i] = PassAt(n, c, k)
		}
		rows = append(rows, row)
	}
	return rows
}
