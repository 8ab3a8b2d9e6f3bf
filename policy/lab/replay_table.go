package lab

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"
)

// PassCounts says, problem by problem, how many of a model's recorded samples
// were right and how many passed the tests of the time.
type PassCounts struct {
	Models []string
	Tasks  []TaskCounts
}

// TaskCounts are one problem's, by model.
type TaskCounts struct {
	ID     string
	Counts map[string]Count
}

// Count is what became of a model's samples of a problem. Where only one kind of
// tests was run, what passes is right.
type Count struct {
	Of, Right  int
	Passed     int // by the weaker tests, the right ones among them; equal to Right where there was one kind
	Prompt     int // tokens of all; 0: not recorded
	Completion int
}

// tableIDs are columns that are no model's.
var tableIDs = map[string]bool{"task_id": true, "question_id": true, "platform": true, "difficulty": true, "release_date_ms": true, "": true}

var ofSamples = regexp.MustCompile(`(?i)\s*\(n\s*=\s*(\d+)\)$`)

// ReadPassCounts reads a table of pass rates (CSV, a row for each problem, a
// column of percentages for each model, its samples as "(n=100)" in the name or
// else `of`) or recorded samples (JSON lines with task_id, model, base and plus;
// the latter, where it is there, tells the truth), compressed or not.
func ReadPassCounts(r io.Reader, of int) (PassCounts, error) {
	lines, err := plain(r)
	if err != nil {
		return PassCounts{}, err
	}
	for {
		start, err := lines.Peek(1)
		if err != nil {
			return PassCounts{}, fmt.Errorf("reading pass counts: %w", err)
		}
		if start[0] == '{' {
			return readRecorded(lines)
		}
		if !unicode.IsSpace(rune(start[0])) {
			return readRates(lines, of)
		}
		_, _ = lines.ReadByte()
	}
}

func readRates(r io.Reader, of int) (PassCounts, error) {
	table := csv.NewReader(r)
	header, err := table.Read()
	if err != nil {
		return PassCounts{}, fmt.Errorf("reading pass rates: %w", err)
	}
	type column struct {
		at, of int
		model  string
	}
	var columns []column
	var counts PassCounts
	for i, name := range header {
		if i == 0 || tableIDs[strings.TrimSpace(name)] {
			continue
		}
		c := column{i, of, name}
		if n := ofSamples.FindStringSubmatch(name); n != nil {
			c.of, _ = strconv.Atoi(n[1])
			c.model = strings.TrimSuffix(name, n[0])
		}
		if c.of < 1 || c.of > 1<<20 {
			return PassCounts{}, fmt.Errorf("reading pass rates: column %q does not say of how many samples; tell it with --of", name)
		}
		columns = append(columns, c)
		counts.Models = append(counts.Models, c.model)
	}
	if columns == nil {
		return PassCounts{}, errors.New("reading pass rates: the header names no model")
	}
	for line := 2; ; line++ {
		row, err := table.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return PassCounts{}, fmt.Errorf("reading pass rates: %w", err)
		}
		t := TaskCounts{row[0], map[string]Count{}}
		for _, c := range columns {
			if row[c.at] == "" {
				continue // not run on this problem
			}
			rate, err := strconv.ParseFloat(row[c.at], 64)
			if err != nil || !(rate >= 0 && rate <= 100) {
				return PassCounts{}, fmt.Errorf("reading pass rates: line %d, column %q: must be a percentage, got %.20q", line, c.model, row[c.at])
			}
			right := int(rate/100*float64(c.of) + .5)
			t.Counts[c.model] = Count{Of: c.of, Right: right, Passed: right}
		}
		counts.Tasks = append(counts.Tasks, t)
	}
	return counts, nil
}

func readRecorded(r io.Reader) (PassCounts, error) {
	lines, err := plain(r)
	if err != nil {
		return PassCounts{}, err
	}
	var counts PassCounts
	at := map[string]int{}
	for number := 1; ; number++ {
		line, err := nextLine(lines)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return PassCounts{}, fmt.Errorf("reading samples: line %d: %w", number, err)
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var s struct {
			Task       string `json:"task_id"`
			Model      string `json:"model"`
			Base       string `json:"base"`
			Plus       string `json:"plus"`
			Prompt     int    `json:"prompt_tokens"`
			Completion int    `json:"completion_tokens"`
		}
		if err := json.Unmarshal(line, &s); err != nil {
			return PassCounts{}, fmt.Errorf("reading samples: line %d: %w", number, err)
		}
		truth := cmp.Or(s.Plus, s.Base)
		if s.Task == "" || s.Model == "" || truth == "" {
			return PassCounts{}, fmt.Errorf("reading samples: line %d: needs task_id, model, and base or plus", number)
		}
		if s.Prompt < 0 || s.Completion < 0 || max(s.Prompt, s.Completion) > 1<<40 {
			return PassCounts{}, fmt.Errorf("reading samples: line %d: tokens must not be negative, nor beyond reason", number)
		}
		if _, seen := at[s.Task]; !seen {
			at[s.Task] = len(counts.Tasks)
			counts.Tasks = append(counts.Tasks, TaskCounts{s.Task, map[string]Count{}})
		}
		if !slices.Contains(counts.Models, s.Model) {
			counts.Models = append(counts.Models, s.Model)
		}
		c := counts.Tasks[at[s.Task]].Counts[s.Model]
		c.Of++
		right, passed := truth == "pass", cmp.Or(s.Base, s.Plus) == "pass"
		if right {
			c.Right++
		}
		if right || passed {
			c.Passed++
		}
		c.Prompt, c.Completion = c.Prompt+s.Prompt, c.Completion+s.Completion
		counts.Tasks[at[s.Task]].Counts[s.Model] = c
	}
	return counts, nil
}

// Find is the one model whose name holds all the words of a pattern, letter case
// and punctuation aside.
func (c PassCounts) Find(pattern string) (string, error) {
	var found []string
	for _, m := range c.Models {
		if letters(m) == letters(pattern) {
			return m, nil
		}
		if strings.Contains(letters(m), letters(pattern)) {
			found = append(found, m)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", fmt.Errorf("there is no model %q; there are %s", pattern, strings.Join(c.Models, ", "))
	}
	return "", fmt.Errorf("%q may be any of %s; name one in full", pattern, strings.Join(found, ", "))
}

// letters is a name without what is written now so, now so.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// pair keeps the problems on which both models have samples.
func (c PassCounts) pair(small, strong string) []replayTask {
	var tasks []replayTask
	for _, t := range c.Tasks {
		a, b := t.Counts[small], t.Counts[strong]
		if a.Of > 0 && b.Of > 0 {
			tasks = append(tasks, replayTask{t.ID, a, b})
		}
	}
	return tasks
}

// replayTask is a problem of a replay.
type replayTask struct {
	id            string
	small, strong Count
}

func (c Count) rate() float64 { return float64(c.Right) / float64(c.Of) }
