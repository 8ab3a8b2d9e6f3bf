package lab

import (
	"fmt"
	"math"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/drover-llm/drover/gateway/sandbox"
)

// results makes n results of a problem, the first passes ones right.
func results(task, model string, n, passes int) (list []Result) {
	for i := range n {
		r := Result{TaskID: task, Model: model, Attempt: i + 1, Base: sandbox.Failed, Plus: sandbox.Failed, Cost: new(Dollars(1000)), Latency: Milliseconds(i+1) * 1e6,
			Tokens: &Tokens{10, 20}, Recorded: Recorded{Base: "fail"}}
		if i < passes {
			r.Base, r.Recorded.Base = sandbox.Passed, "pass"
			if i%2 == 0 {
				r.Plus = sandbox.Passed
			}
		}
		list = append(list, r)
	}
	return list
}

func TestReportAddsUp(t *testing.T) {
	all := append(results("T/1", "m", 10, 2), results("T/2", "m", 10, 10)...)
	all = append(all, Result{TaskID: "T/1", Model: "m", Attempt: 11, Base: sandbox.Unjudged, Plus: sandbox.Unjudged})
	all[0].Recorded.Base = "fail" // a disagreement
	report := NewReport(all)
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s is %g, want %g", what, got, want)
		}
	}
	near("pass@1", report.PassAt["1"], .6)
	near("pass@5", report.PassAt["5"], (PassAt(10, 2, 5)+1)/2)
	near("pass@10", report.PassAt["10"], 1)
	near("extended pass@1", report.Plus.PassAt["1"], .3)
	if report.Verdicts != (Verdicts{12, 8, 1}) || report.Plus.Verdicts.Passed != 6 || report.Samples != 21 || report.Problems != 2 {
		t.Errorf("%+v", report.ModelReport)
	}
	if _, there := report.PassAt["20"]; there {
		t.Error("pass@20 of ten samples")
	}
	if *report.Cost != 20_000 || report.CostOf != 20 || *report.Tokens != (Tokens{200, 400}) {
		t.Errorf("cost %v of %d, tokens %v", *report.Cost, report.CostOf, *report.Tokens)
	}
	near("median", report.P50.float(), 5)
	if a := report.Recorded; a.Compared != 20 || a.Agree != 19 || len(a.Disagreements) != 1 || a.Disagreements[0].Attempt != 1 {
		t.Errorf("agreement %+v", a)
	}
	if i := report.Intervals["1"]; math.Abs(i.Low-.2) > 1e-9 || math.Abs(i.High-1) > 1e-9 {
		t.Errorf("interval of two problems: %v", i)
	}
	line, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var back struct {
		PassAt map[string]float64 `json:"pass_at"`
		Cost   float64            `json:"cost_usd"`
	}
	if err := json.Unmarshal(line, &back); err != nil || back.PassAt["1"] != report.PassAt["1"] || back.Cost != 0.00002 {
		t.Errorf("%v: %s", err, line)
	}
}

// A suite that its own reference fails judges nobody.
func TestUnsoundSuitesAreLeftOut(t *testing.T) {
	all := append(results("T/1", "m", 4, 4), results("T/2", "m", 4, 0)...)
	all = append(all, Result{TaskID: "T/2", Model: referenceModel, Base: sandbox.Failed}, Result{TaskID: "T/1", Model: referenceModel, Base: sandbox.Passed, Plus: sandbox.Failed})
	report := NewReport(all)
	if report.PassAt["1"] != 1 || report.Plus != nil || fmt.Sprint(report.Unsound) != "[T/1 plus T/2 base]" {
		t.Errorf("%+v", report)
	}
}

// The seeds' table: measured where there are samples, extrapolated beyond, and
// compared with the strong model problem by problem.
func TestSeedsAgainstTheStrongModel(t *testing.T) {
	var small, strong []Result
	for i := range 20 {
		small = append(small, results(fmt.Sprint("T/", i), "small", 100, i*i/4)...)
		strong = append(strong, results(fmt.Sprint("T/", i), "strong", 1, min(i, 1))...)
	}
	report, other := NewReport(small), NewReport(strong)
	report.Against(nil, &other.Models[0])
	for i, k := range []int{1, 10, 100, 1000} {
		row := report.Seeds[i]
		if row.K != k || row.Extrapolated != (k == 1000) || *row.Strong != 19./20 {
			t.Errorf("row %+v", row)
		}
		if math.Abs(*row.Difference-(*row.Pass-*row.Strong)) > 1e-12 {
			t.Errorf("difference %g", *row.Difference)
		}
		if b := row.Between; k < 1000 && (b.Low > *row.Difference || b.High < *row.Difference) {
			t.Errorf("interval %v", b)
		}
	}
	if p := *report.Seeds[3].Pass; p <= *report.Seeds[2].Pass || p > 1 {
		t.Errorf("extrapolated to %g", p)
	}
	report.Against(new(.5), nil)
	if d := report.Seeds[0].Difference; math.Abs(*d-(report.PassAt["1"]-.5)) > 1e-12 {
		t.Errorf("difference to a figure: %g", *d)
	}
	for name, figure := range report.Figures() {
		if _, err := figure.Save(t.TempDir() + "/" + name); err != nil {
			t.Error(err)
		}
	}
}

// The fit finds the Beta that the counts came from.
func TestFitBeta(t *testing.T) {
	var tallies []tally
	for i, s := range Skills(400) {
		one := tally{taskID: fmt.Sprint(i)}
		one.base.n, one.base.c = 1000, int(math.Round(1000*s.Small))
		tallies = append(tallies, one)
	}
	a, b, ok := fitBeta(tallies)
	if !ok || math.Abs(a-smallA) > .03 || math.Abs(b-smallB) > .03 {
		t.Errorf("Beta(%g, %g), %v; want (%g, %g)", a, b, ok, smallA, smallB)
	}
	if _, _, ok := fitBeta([]tally{{}}); ok {
		t.Error("a fit to nothing")
	}
}
