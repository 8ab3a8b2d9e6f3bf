package lab

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A Sample is one answer of a model to a problem: a line of a file of recorded
// samples, and of what an evaluation keeps of the answers that it bought.
type Sample struct {
	TaskID  string `json:"task_id"`
	Model   string `json:"model"`
	Attempt int    `json:"attempt,omitzero"` // from 1, of this model on this problem
	Code    string `json:"code"`             // the whole program
	Reply   string `json:"reply,omitzero"`   // the model's whole text, where Code was taken from one

	Tokens  *Tokens        `json:"tokens,omitzero"`   // nil: not known
	Cost    *Dollars       `json:"cost_usd,omitzero"` // nil: not known
	Latency Milliseconds   `json:"latency_ms,omitzero"`
	Verify  jsontext.Value `json:"verify,omitzero"` // a Drover's account of the request

	// Verdicts that were recorded with the sample, in the words of its source;
	// only "pass" is one that passed. Empty: none.
	Base string `json:"base,omitzero"`
	Plus string `json:"plus,omitzero"`
}

// Key tells a sample from all others of an evaluation.
type Key struct {
	TaskID, Model string
	Attempt       int
}

// Key of the sample.
func (s Sample) Key() Key { return Key{s.TaskID, s.Model, s.Attempt} }

// Tokens of one sample. A bare number in a file is the completion's.
type Tokens struct {
	Prompt     int64 `json:"prompt"`
	Completion int64 `json:"completion"`
}

// UnmarshalJSONFrom reads a number, or an object with prompt and completion.
func (t *Tokens) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() == '0' {
		var n float64 // tables that had gaps write 12 as 12.0
		if err := json.UnmarshalDecode(d, &n); err != nil {
			return err
		}
		if !(n >= 0 && n < 1<<53) || n != math.Trunc(n) {
			return fmt.Errorf("%g is no number of tokens", n)
		}
		*t = Tokens{Completion: int64(n)}
		return nil
	}
	var usage struct {
		Prompt           int64 `json:"prompt"`
		Completion       int64 `json:"completion"`
		PromptTokens     int64 `json:"prompt_tokens"`
		CompletionTokens int64 `json:"completion_tokens"`
	}
	if err := json.UnmarshalDecode(d, &usage); err != nil {
		return err
	}
	*t = Tokens{usage.Prompt + usage.PromptTokens, usage.Completion + usage.CompletionTokens}
	if t.Prompt < 0 || t.Completion < 0 {
		return errors.New("tokens are negative")
	}
	return nil
}

// ReadSamples reads recorded samples, JSON lines compressed with gzip or not. What
// is not known of a line is skipped; a line without task_id or code is an error
// that names it and ends the sequence. Attempts are counted per model and problem, in the order of the
// file. prompt gives a problem's prompt, for files that hold only what continues it.
func ReadSamples(r io.Reader, prompt func(taskID string) string) iter.Seq2[Sample, error] {
	return func(yield func(Sample, error) bool) {
		lines, err := plain(r)
		if err != nil {
			yield(Sample{}, fmt.Errorf("opening the samples: %w", err))
			return
		}
		attempts := map[Key]int{}
		for number := 1; ; number++ {
			line, err := nextLine(lines)
			if errors.Is(err, io.EOF) {
				return
			}
			if err == nil && len(bytes.TrimSpace(line)) == 0 {
				continue
			}
			var s Sample
			if err == nil {
				s, err = parseSample(line, prompt)
			}
			if err != nil {
				yield(Sample{}, fmt.Errorf("line %d: %w", number, err))
				return
			}
			counter := Key{TaskID: s.TaskID, Model: s.Model}
			attempts[counter]++
			s.Attempt = attempts[counter]
			if !yield(s, nil) {
				return
			}
		}
	}
}

// verdictWord is a recorded verdict: a word of its source, or whether it passed.
type verdictWord string

func (v *verdictWord) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	switch d.PeekKind() {
	case 't', 'f':
		passed := false
		err := json.UnmarshalDecode(d, &passed)
		if *v = "fail"; passed {
			*v = "pass"
		}
		return err
	case 'n', '"':
		err := json.UnmarshalDecode(d, (*string)(v))
		if *v == "passed" || *v == "PASS" {
			*v = "pass"
		}
		return err
	}
	return errors.New("a verdict is a word, true or false")
}

// parseSample reads a line in this form or in EvalPlus's, which writes solution
// for a whole program and completion for what continues the prompt.
func parseSample(line []byte, prompt func(string) string) (Sample, error) {
	var l struct {
		Sample     `json:",inline"`
		TaskID     taskID         `json:"task_id"`
		Attempt    jsontext.Value `json:"attempt"` // counted anew
		Base       verdictWord    `json:"base"`
		Plus       verdictWord    `json:"plus"`
		Passed     verdictWord    `json:"passed"` // as HumanEval's own harness writes it
		Code       *string        `json:"code"`
		Solution   *string        `json:"solution"`
		Completion *string        `json:"completion"`
	}
	if err := json.Unmarshal(line, &l); err != nil {
		return Sample{}, err
	}
	s := l.Sample
	s.TaskID, s.Base, s.Plus = string(l.TaskID), string(cmp.Or(l.Base, l.Passed)), string(l.Plus)
	if s.TaskID == "" {
		return Sample{}, errors.New("no task_id")
	}
	switch {
	case l.Code != nil:
		s.Code = *l.Code
	case l.Solution != nil:
		s.Code = *l.Solution
	case l.Completion != nil:
		s.Code = prompt(s.TaskID) + *l.Completion
	default:
		return Sample{}, errors.New("no code: none of code, solution and completion is there")
	}
	return s, nil
}
