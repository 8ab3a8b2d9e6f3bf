package search

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// all runs what takes half a minute: go test ./gateway/search -run Recorded -v -args -all
var all = flag.Bool("all", false, "compare recorded samples by what they do")

// readShared reads recorded data: of samples, every fifth unless all are asked for.
func readShared[T any](t *testing.T, name string, take func(T)) {
	t.Helper()
	file, err := os.Open("../../../shared/data/" + name)
	if err != nil {
		t.Skipf("the data is not there: %v", err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 16<<20)
	for n := 0; lines.Scan(); n++ {
		if !*all && n%5 != 0 && strings.HasPrefix(name, "samples/") {
			continue // which decoding takes seconds for
		}
		var v T
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		take(v)
	}
}

// Eight recorded samples of a weak model for each of 90 problems: the group that
// is likeliest answers far better than one sample, and where its chance is said to
// be high, it is.
func TestAgreementOfRecordedSamples(t *testing.T) {
	if !*all {
		t.Skip("half a minute; add -args -all")
	}
	type problem struct {
		ID     string `json:"task_id"`
		Entry  string `json:"entry_point"`
		Prompt string
	}
	type sample struct {
		ID         string `json:"task_id"`
		Code, Base string
	}
	var problems []problem
	samples := map[string][]sample{}
	readShared(t, "problems/HumanEval.jsonl.gz", func(p problem) { problems = append(problems, p) })
	readShared(t, "samples/codegen16b_humaneval_x100.jsonl.gz", func(s sample) { samples[s.ID] = append(samples[s.ID], s) })
	runner := testSandbox(t)
	var mu sync.Mutex
	var one, group, n, sure, sureRight float64
	var running sync.WaitGroup
	for i, p := range problems[:90] {
		from := i * 7 % 90
		list := samples[p.ID][from : from+8]
		running.Go(func() {
			var r Result
			right := 0.0
			for _, s := range list {
				r.Samples = append(r.Samples, Sample{Candidate: Candidate{Code: s.Code, Hash: hashOf("python", s.Code)}, Equals: -1})
				if s.Base == "pass" {
					right++
				}
			}
			q := request(t, "Complete this function.\n\n```python\n"+p.Prompt+"```\n")
			a, err := Task{Spec: Spec{EntryPoint: p.Entry}}.observe(t.Context(), runner, Plan{Request: q, Now: time.Now}, &r, "", Prior{.3, 1})
			if err != nil {
				t.Error(err)
				return
			}
			best, found := a.Best()
			won := found && list[best.Samples[0]].Base == "pass"
			mu.Lock()
			defer mu.Unlock()
			n, one = n+1, one+right/float64(len(list))
			if won {
				group++
			}
			if found && best.Chance > .85 {
				if sure++; won {
					sureRight++
				}
			}
		})
	}
	running.Wait()
	t.Logf("one sample is right on %.3f of %d problems, the likeliest group on %.3f; of %d said to be right with more than .85, %d are", one/n, int(n), group/n, int(sure), int(sureRight))
	if group/n < one/n+.1 || sure < 5 || sureRight/sure < .8 {
		t.Error("that is too little")
	}
}
