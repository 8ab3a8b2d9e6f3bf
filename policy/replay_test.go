package policy

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// shared opens a file beside the project, or skips where there is none.
func shared(t testing.TB, name string) *os.File {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Skip("no go.mod above the test")
		}
		dir = up
	}
	f, err := os.Open(filepath.Join(dir, "..", "shared", name))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("%s is not here", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// task is what two models got right of a hundred samples each, as chances.
type task struct{ small, strong float64 }

// passRates reads the columns of Llama 3.1 8B and GPT-4o.
func passRates(t testing.TB) []task {
	rows, err := csv.NewReader(shared(t, "data/rates/evalperf_pass_rates_x100.csv")).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := func(model string) int {
		for i, name := range rows[0] {
			if strings.HasPrefix(name, model+" ") {
				return i
			}
		}
		t.Fatalf("no column of %s", model)
		return 0
	}
	small, strong := column("meta-llama/Llama-3.1-8B-Instruct"), column("gpt-4o-2024-08-06")
	var tasks []task
	for _, row := range rows[1:] {
		s, err := strconv.ParseFloat(row[small], 64)
		g, fault := strconv.ParseFloat(row[strong], 64)
		if err != nil || fault != nil {
			continue // a model was not run on this task
		}
		tasks = append(tasks, task{s / 100, g / 100})
	}
	if len(tasks) < 50 {
		t.Fatalf("only %d tasks have both models", len(tasks))
	}
	return tasks
}

// cascade is the accuracy and cost, over a call of the strong model, of "sample
// until a pass, at most limit times, else the strong model".
func replayCascade(tasks []task, limit int, falsePass, sample float64) (accuracy, cost float64) {
	for _, t := range tasks {
		pass, reach := t.small+(1-t.small)*falsePass, 1.0
		for range limit {
			accuracy += reach * t.small
			cost += reach * sample
			reach *= 1 - pass
		}
		accuracy += reach * t.strong
		cost += reach
	}
	return accuracy / float64(len(tasks)), cost / float64(len(tasks))
}

// dollars of a call of 180 prompt and 220 completion tokens, by price of a
// million.
func dollars(prompt, completion float64) float64 { return (180*prompt + 220*completion) / 1e6 }

var (
	smallPrices = []float64{dollars(.05, .08), dollars(.22, .22), dollars(.30, .61)}
	strongPrice = dollars(2.50, 10)
)

// Seventy of the 118 tasks are here, and the published figures are over all:
// two points is how far the means of two such samples lie apart.
func TestCascadeReplayedOnTasksHasThePublishedFigures(t *testing.T) {
	tasks := passRates(t)
	limits := []int{1, 4, 8, 16, 64}
	for falsePass, want := range map[float64][]float64{
		0:   {.915, .952, .966, .975, .987},
		.02: {.909, .937, .942, .940, .926},
		.05: {.901, .915, .910, .899, .882},
		.10: {.888, .881, .866, .851, .842},
		.25: {.847, .802, .783, .776, .776},
	} {
		for i, limit := range limits {
			got, _ := replayCascade(tasks, limit, falsePass, 0)
			near(t, fmt.Sprintf("accuracy at %g false passes and %d samples", falsePass, limit), got, want[i], .02)
		}
	}
	for i, want := range [][]float64{{.37, .19, .15, .12, .11}, {.39, .24, .20, .20, .25}, {.43, .30, .30, .32, .48}} {
		for j, limit := range limits {
			_, got := replayCascade(tasks, limit, 0, smallPrices[i]/strongPrice)
			near(t, fmt.Sprintf("cost of %d samples at host %d", limit, i), got, want[j], .05)
		}
	}
}

// Asked for the cheapest answer, and with a prior that knows none of the tasks
// by name, the index stops where the cost is nearly that of the best limit in
// hindsight.
func TestIndexStopsNearTheCheapestLimit(t *testing.T) {
	tasks := passRates(t)
	for _, sample := range smallPrices {
		ix := newIndex(t, IndexConfig{Belief: believe(t, Models{}, Tests{}), Rungs: []Rung{{Cost: sample}}, Strong: strongPrice})
		limit := 0
		for {
			step := ix.Next(free(64-limit, Seen{Failed: limit}))
			if step.Move != GoOn {
				break
			}
			limit += step.N
		}
		accuracy, cost := replayCascade(tasks, limit, 0, sample/strongPrice)
		best := math.Inf(1)
		for k := range 65 {
			_, c := replayCascade(tasks, k, 0, sample/strongPrice)
			best = min(best, c)
		}
		t.Logf("at $%.7f a sample: up to %d, accuracy %.3f, cost %.3f of always calling the strong model, %.3f in hindsight", sample, limit, accuracy, cost, best)
		if cost > 1.05*best {
			t.Errorf("at $%.7f a sample it stops at %d for %.4f, the best limit costs %.4f", sample, limit, cost, best)
		}
	}
}
