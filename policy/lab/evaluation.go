package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/drover-llm/drover/gateway/sandbox"
)

// Manifest says what an evaluation is of. One that goes on must be of the same.
type Manifest struct {
	Problems []Source     `json:"problems"`
	Count    int          `json:"count"`             // problems that are evaluated
	Samples  *Source      `json:"samples,omitzero"`  // recorded samples
	Endpoint *Endpoint    `json:"endpoint,omitzero"` // or where they are drawn
	Model    string       `json:"model,omitzero"`    // the only one of several recorded ones
	LeftOut  []string     `json:"left_out,omitempty"`
	BaseTime Milliseconds `json:"base_cpu_ms"`
	PlusTime Milliseconds `json:"plus_cpu_ms"`
}

// Source is a file, by its name and what it held.
type Source struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
}

// Result is what became of one sample. A verdict is empty where the problem has
// no such suite; that of the extended tests stands for both suites.
type Result struct {
	TaskID    string            `json:"task_id"`
	Model     string            `json:"model"`
	Attempt   int               `json:"attempt"`
	Base      sandbox.Verdict   `json:"base,omitzero"`
	Plus      sandbox.Verdict   `json:"plus,omitzero"`
	Assurance sandbox.Assurance `json:"assurance,omitzero"` // the lower of both suites'
	Why       string            `json:"why,omitzero"`       // first failed check, or why it is unjudged
	Tokens    *Tokens           `json:"tokens,omitzero"`
	Cost      *Dollars          `json:"cost_usd,omitzero"`
	Latency   Milliseconds      `json:"latency_ms,omitzero"`
	Drawn     int               `json:"drawn,omitzero"` // samples that a Drover drew for the answer
	Way       string            `json:"way,omitzero"`   // how a Drover answered: its route
	Judging   Milliseconds      `json:"judging_ms"`
	Recorded  Recorded          `json:"recorded,omitzero"`
}

// Recorded are the verdicts that came with a sample; see Sample.
type Recorded struct {
	Base string `json:"base,omitzero"`
	Plus string `json:"plus,omitzero"`
}

// Key of the sample.
func (r Result) Key() Key { return Key{r.TaskID, r.Model, r.Attempt} }

// Evaluation is a folder with what was asked (run.json), the answers that were
// bought (answers.jsonl, a file of samples) and their verdicts (results.jsonl).
// It survives the death of its process at any instant: a whole line counts, and
// what has one is not done again.
type Evaluation struct {
	Manifest Manifest
	Answers  map[Key]Sample // those that were there when it was opened
	Results  map[Key]Result // likewise

	order            []Key // of Results
	lock             *os.File
	answers, results *lines
}

var errInUse = errors.New("another evaluation is using this folder")

const (
	manifestFile = "run.json"
	answersFile  = "answers.jsonl"
	resultsFile  = "results.jsonl"
)

// OpenEvaluation begins an evaluation in a folder, or goes on with it.
func OpenEvaluation(dir string, m Manifest) (e *Evaluation, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	e = &Evaluation{Manifest: m, Answers: map[Key]Sample{}, Results: map[Key]Result{}}
	if e.lock, err = os.OpenFile(filepath.Join(dir, ".lock"), os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("evaluation in %s: %w", dir, err), e.Close())
			e = nil
		}
	}()
	if err := lock(e.lock); err != nil {
		return e, err
	}
	if err := e.sameAs(filepath.Join(dir, manifestFile)); err != nil {
		return e, err
	}
	e.answers, err = openLines(filepath.Join(dir, answersFile), func(line []byte) error {
		var s Sample
		err := json.Unmarshal(line, &s)
		e.Answers[s.Key()] = s
		return err
	})
	if err != nil {
		return e, err
	}
	e.results, err = openLines(filepath.Join(dir, resultsFile), e.take)
	return e, err
}

func (e *Evaluation) take(line []byte) error {
	var r Result
	if err := json.Unmarshal(line, &r); err != nil {
		return err
	}
	if _, known := e.Results[r.Key()]; !known {
		e.order = append(e.order, r.Key())
	}
	e.Results[r.Key()] = r // what was unjudged may have been tried again
	return nil
}

// sameAs writes the manifest, or compares it with the one that is there.
func (e *Evaluation) sameAs(name string) error {
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		if text, err = json.Marshal(e.Manifest, jsontext.WithIndent("  ")); err != nil {
			return err
		}
		return writeWhole(name, append(text, '\n'))
	}
	if err != nil {
		return err
	}
	var before Manifest
	if err := json.Unmarshal(text, &before); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if different := e.Manifest.differences(before); different != "" {
		return fmt.Errorf("it holds another evaluation, with other %s; choose another folder", different)
	}
	return nil
}

// writeWhole writes a file so that it is there whole or not at all.
func writeWhole(name string, text []byte) error {
	if err := os.WriteFile(name+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// differences names what two manifests do not share, of what changes results.
func (m Manifest) differences(other Manifest) string {
	var names []string
	note := func(name string, a, b any) {
		if !reflect.DeepEqual(a, b) {
			names = append(names, name)
		}
	}
	sums := func(list []Source) (sums []string) {
		for _, s := range list {
			sums = append(sums, s.SHA256)
		}
		return sums
	}
	sum := func(s *Source) string {
		if s == nil {
			return ""
		}
		return s.SHA256
	}
	note("problems", sums(m.Problems), sums(other.Problems))
	note("samples", sum(m.Samples), sum(other.Samples))
	note("endpoint", m.Endpoint, other.Endpoint)
	note("model", m.Model, other.Model)
	note("left-out problems", strings.Join(m.LeftOut, " "), strings.Join(other.LeftOut, " "))
	note("number of problems", m.Count, other.Count)
	note("time limits", []Milliseconds{m.BaseTime, m.PlusTime}, []Milliseconds{other.BaseTime, other.PlusTime})
	return strings.Join(names, ", ")
}

// Judged counts the results that stand, of answers and of the sets' own solutions.
func (e *Evaluation) Judged() (answers, references int) {
	for _, r := range e.Results {
		switch {
		case r.open():
		case r.Model == referenceModel:
			references++
		default:
			answers++
		}
	}
	return answers, references
}

// open says that a suite gave no verdict: it is tried again.
func (r Result) open() bool { return r.Base == sandbox.Unjudged || r.Plus == sandbox.Unjudged }

// Close ends the use of the folder.
func (e *Evaluation) Close() error {
	var faults []error
	for _, l := range []*lines{e.answers, e.results} {
		if l != nil {
			faults = append(faults, l.close())
		}
	}
	if e.lock != nil {
		faults = append(faults, e.lock.Close())
	}
	return errors.Join(faults...)
}

// ReadEvaluation reads a folder, also while an evaluation runs in it.
func ReadEvaluation(dir string) (Manifest, []Result, error) {
	text, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if errors.Is(err, os.ErrNotExist) {
		return Manifest{}, nil, fmt.Errorf("%s holds no evaluation: there is no %s", dir, manifestFile)
	}
	if err != nil {
		return Manifest{}, nil, err
	}
	e := Evaluation{Results: map[Key]Result{}}
	if err := json.Unmarshal(text, &e.Manifest); err != nil {
		return Manifest{}, nil, fmt.Errorf("%s: %w", manifestFile, err)
	}
	file, err := os.Open(filepath.Join(dir, resultsFile))
	if err != nil {
		return e.Manifest, nil, err
	}
	defer file.Close()
	if _, err := readLines(file, e.take); err != nil {
		return e.Manifest, nil, fmt.Errorf("%s: %w", resultsFile, err)
	}
	results := make([]Result, len(e.order))
	for i, k := range e.order {
		results[i] = e.Results[k]
	}
	return e.Manifest, results, nil
}
