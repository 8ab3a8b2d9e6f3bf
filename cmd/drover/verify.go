package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/search"
)

// exitUnjudged is verify's exit status when there is no verdict.
const exitUnjudged = 3

// verifyCommand judges one answer, with no model and no server.
type verifyCommand struct {
	Answer     string        `arg:"" help:"File with a program or a whole model reply; - reads standard input."`
	Tests      []string      `required:"" sep:"none" placeholder:"FILE" help:"File with tests; a JSON file holds stdio cases or a whole verify object. May be repeated."`
	Language   string        `help:"Language of the answer. Default: that of its fenced block or file name, else python."`
	Framework  string        `help:"assert, pytest, unittest, doctest, stdio or command. Default: by what the tests look like."`
	EntryPoint string        `help:"Function or class that the tests call."`
	Extract    string        `default:"auto" enum:"auto,whole,all_blocks,prefix_body" help:"How the program is taken from the answer (${enum})."`
	Timeout    time.Duration `help:"Processor time for all tests. Default: 5s."`
	testedFlags
	JSON bool `name:"json" help:"Print the verify reply object."`
}

// verifySpec is the verify request object, as far as one answer needs it.
type verifySpec struct {
	Tests      stringList                 `json:"tests"`
	Cases      []sandbox.Case             `json:"cases"`
	Language   string                     `json:"language"`
	Framework  string                     `json:"framework"`
	EntryPoint string                     `json:"entry_point"`
	Command    []string                   `json:"command"`
	Files      map[string]json.RawMessage `json:"files"`
	Pass       float64                    `json:"pass"`
	Answer     struct {
		Extract string `json:"extract"`
		Path    string `json:"path"`
		Prefix  string `json:"prefix"`
		Suffix  string `json:"suffix"`
	} `json:"answer"`
	Limits struct {
		TimeoutS float64 `json:"timeout_s"`
		MemoryMB int64   `json:"memory_mb"`
		OutputKB int64   `json:"output_kb"`
	} `json:"limits"`

	// What a gateway does about it; it changes nothing for one answer.
	Show   json.RawMessage `json:"show"`
	Budget json.RawMessage `json:"budget"`
	OnFail json.RawMessage `json:"on_fail"`
	Route  json.RawMessage `json:"route"`
}

// stringList is a string or a list of them.
type stringList []string

func (l *stringList) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*l = stringList{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(l))
}

func (c *verifyCommand) Run(ctx context.Context) error {
	job, err := c.job(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, "drover: verify:", err)
		return exitCode(exitUsage)
	}
	started := time.Now()
	config, err := c.sandbox(1)
	if err != nil {
		return err
	}
	runner, err := sandbox.New(ctx, config, slog.New(slog.DiscardHandler))
	if err != nil {
		fmt.Fprintln(os.Stderr, "drover: verify:", err)
		return exitCode(exitUsage)
	}
	report, err := runner.Run(ctx, job)
	if err := errors.Join(err, runner.Close()); err != nil {
		return err
	}
	if c.JSON {
		out := json.NewEncoder(os.Stdout)
		out.SetEscapeHTML(false)
		err = out.Encode(newVerifyReply(report, time.Since(started)))
	} else {
		err = printReport(os.Stdout, report)
	}
	if err != nil {
		return err
	}
	switch report.Verdict {
	case sandbox.Passed:
		return nil
	case sandbox.Failed:
		return exitCode(exitFault)
	}
	return exitCode(exitUnjudged)
}

// job reads the answer and the tests.
func (c *verifyCommand) job(stdin io.Reader) (sandbox.Job, error) {
	answer, err := readAnswer(c.Answer, stdin)
	if err != nil {
		return sandbox.Job{}, err
	}
	spec := verifySpec{Language: c.Language, Framework: c.Framework, EntryPoint: c.EntryPoint}
	for _, file := range c.Tests {
		b, err := os.ReadFile(file)
		if err != nil {
			return sandbox.Job{}, err
		}
		if err := spec.add(file, b); err != nil {
			return sandbox.Job{}, err
		}
	}
	if c.Language != "" {
		spec.Language = c.Language
	}
	if c.Framework != "" {
		spec.Framework = c.Framework
	}
	if c.EntryPoint != "" {
		spec.EntryPoint = c.EntryPoint
	}
	return c.compose(spec, answer)
}

func (c *verifyCommand) compose(spec verifySpec, answer string) (sandbox.Job, error) {
	how := search.Extraction{Mode: c.Extract, Language: spec.Language, EntryPoint: spec.EntryPoint, Prefix: spec.Answer.Prefix, Suffix: spec.Answer.Suffix}
	if c.Extract == search.ExtractAuto && spec.Answer.Extract != "" {
		how.Mode = spec.Answer.Extract
	}
	byName := languageOfFile[strings.ToLower(filepath.Ext(c.Answer))]
	if how.Mode == search.ExtractAuto && byName != "" && !strings.Contains("\n"+answer, "\n```") {
		how.Mode = search.ExtractWhole
	}
	code, found := how.Extract(answer)
	job := sandbox.Job{
		Language: spec.Language, Framework: spec.Framework, EntryPoint: spec.EntryPoint, Code: code, Path: spec.Answer.Path,
		Tests: spec.Tests, Cases: spec.Cases, Command: spec.Command, Pass: spec.Pass,
		Limits: sandbox.Limits{
			CPU: time.Duration(spec.Limits.TimeoutS * float64(time.Second)), Memory: sandbox.Bytes(spec.Limits.MemoryMB) << 20,
			Output: sandbox.Bytes(spec.Limits.OutputKB) << 10,
		},
	}
	if c.Timeout != 0 {
		job.Limits.CPU = c.Timeout // a negative one is a fault of the job
	}
	for _, language := range []string{found, byName} {
		if job.Language == "" {
			job.Language = language
		}
	}
	var err error
	if job.Files, err = decodeFiles(spec.Files); err != nil {
		return job, err
	}
	var faults []string
	job.Validate(func(path, format string, args ...any) {
		faults = append(faults, path+": "+fmt.Sprintf(format, args...))
	})
	if len(faults) > 0 {
		return job, errors.New(strings.Join(faults, "; "))
	}
	return job, nil
}

const maxAnswer = 1 << 20

func readAnswer(file string, stdin io.Reader) (string, error) {
	in := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", err
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxAnswer+1))
	if err == nil && len(b) > maxAnswer {
		err = fmt.Errorf("%s: longer than %d bytes", file, maxAnswer)
	}
	return string(b), err
}

// add takes a test file: cases or a verify object where it is JSON, else source.
func (s *verifySpec) add(file string, b []byte) error {
	trimmed := strings.TrimSpace(string(b))
	if strings.HasSuffix(file, ".json") || s.Framework == sandbox.FrameworkStdio {
		d := json.NewDecoder(strings.NewReader(trimmed))
		d.DisallowUnknownFields()
		var err error
		if strings.HasPrefix(trimmed, "[") {
			var cases []sandbox.Case
			err = d.Decode(&cases)
			s.Cases = append(s.Cases, cases...)
		} else {
			err = d.Decode(s)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		return nil
	}
	s.Tests = append(s.Tests, string(b))
	return nil
}

func decodeFiles(files map[string]json.RawMessage) (map[string][]byte, error) {
	out := map[string][]byte{}
	for name, raw := range files {
		var text string
		var binary struct {
			Base64 []byte `json:"base64"`
		}
		switch {
		case json.Unmarshal(raw, &text) == nil:
			out[name] = []byte(text)
		case json.Unmarshal(raw, &binary) == nil:
			out[name] = binary.Base64
		default:
			return nil, fmt.Errorf("files: %q must be a text or {base64}", name)
		}
	}
	return out, nil
}

var languageOfFile = map[string]string{
	".py": "python", ".js": "javascript", ".mjs": "javascript", ".ts": "typescript", ".go": "go", ".java": "java",
	".c": "c", ".cc": "cpp", ".cpp": "cpp", ".cxx": "cpp", ".rs": "rust", ".sh": "bash", ".bash": "bash",
}

// verifyReply is the schema's reply object of a direct answer that no model
// wrote, with what only a single run can tell.
type verifyReply struct {
	Route      string             `json:"route"`
	Reason     string             `json:"reason"`
	ReasonText string             `json:"reason_text"`
	Verified   *bool              `json:"verified"`
	Assurance  *sandbox.Assurance `json:"assurance"`
	Model      string             `json:"model"`
	Tests      struct {
		Total  int    `json:"total"`
		Passed int    `json:"passed"`
		Source string `json:"source"`
	} `json:"tests"`
	Samples struct {
		Budget int `json:"budget"`
		Drawn  int `json:"drawn"`
		Tested int `json:"tested"`
		Passed int `json:"passed"`
	} `json:"samples"`
	Tokens struct {
		Prompt     int `json:"prompt"`
		Completion int `json:"completion"`
	} `json:"tokens"`
	CostUSD         float64 `json:"cost_usd"`
	BaselineCostUSD float64 `json:"baseline_cost_usd"`
	SavedUSD        float64 `json:"saved_usd"`
	MS              struct {
		Total    int64 `json:"total"`
		Sampling int64 `json:"sampling"`
		Tests    int64 `json:"tests"`
	} `json:"ms"`
	Failure  *string         `json:"failure"`
	Warnings []string        `json:"warnings"`
	Verdict  sandbox.Verdict `json:"verdict"`
	Checks   []sandbox.Check `json:"checks"`
	Output   string          `json:"output"`
}

func newVerifyReply(r sandbox.Report, total time.Duration) verifyReply {
	v := verifyReply{Route: "direct", Reason: "tests_given", ReasonText: "The answer was tested as it was given; no model was asked.",
		Verdict: r.Verdict, Checks: r.Checks, Output: r.Output, Warnings: []string{}}
	v.Tests.Total, v.Tests.Passed, v.Tests.Source = r.Total, r.Passed, "field"
	v.MS.Total, v.MS.Tests = total.Milliseconds(), r.Wall.Milliseconds()
	if v.Checks == nil {
		v.Checks = []sandbox.Check{}
	}
	if r.Detail != "" {
		v.Warnings = append(v.Warnings, r.Detail)
	}
	if r.Verdict == sandbox.Unjudged {
		v.Reason, v.ReasonText = r.Reason, "Nothing was judged: "+r.Detail
		return v
	}
	passed := r.Verdict == sandbox.Passed
	v.Verified, v.Assurance = &passed, &r.Assurance
	v.Samples.Tested = 1
	if passed {
		v.Samples.Passed = 1
	} else {
		v.Failure = &r.Failure
	}
	return v
}

// printReport is the report for people.
func printReport(w io.Writer, r sandbox.Report) error {
	var b strings.Builder
	for _, c := range r.Checks {
		mark := "pass"
		if !c.Passed {
			mark = "FAIL"
		}
		fmt.Fprintf(&b, "%s  %s\n", mark, c.Name)
		if c.Message != "" {
			fmt.Fprintf(&b, "      %s\n", strings.ReplaceAll(c.Message, "\n", "\n      "))
		}
	}
	if r.Verdict == sandbox.Unjudged {
		fmt.Fprintf(&b, "unjudged (%s): %s\n", r.Reason, r.Detail)
	} else {
		fmt.Fprintf(&b, "%s: %d of %d checks, %s assurance, %d ms of processor time\n", r.Verdict, r.Passed, r.Total, r.Assurance, r.CPU.Milliseconds())
		if r.Detail != "" {
			fmt.Fprintf(&b, "note: %s\n", r.Detail)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
