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

	"github.com/go-json-experiment/json/jsontext"

	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/gateway/openai"
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

func (c *verifyCommand) Run(ctx context.Context) error {
	task, answer, err := c.task(os.Stdin)
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
	_, report, err := task.Judge(ctx, runner, answer)
	if err := errors.Join(err, runner.Close()); err != nil {
		return err
	}
	if c.JSON {
		out := json.NewEncoder(os.Stdout)
		out.SetEscapeHTML(false)
		err = out.Encode(gateway.NewVerifyReply(task, report, time.Since(started)))
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

// task reads the tests, as a verify object, and the answer.
func (c *verifyCommand) task(stdin io.Reader) (t search.Task, answer string, err error) {
	if answer, err = readAnswer(c.Answer, stdin); err != nil {
		return t, "", err
	}
	object, err := c.object()
	if err != nil {
		return t, "", err
	}
	request := &openai.ChatRequest{N: 1, Object: openai.Object{{Name: "verify", Value: object.AppendJSON(nil)}}}
	if t, err = search.ParseTask(request, search.Sources{}); err != nil {
		return t, "", err
	}
	if !t.Spec.HasTests() {
		return t, "", errors.New("there is nothing to run: the files have no tests, cases or command")
	}
	if c.Timeout < 0 {
		return t, "", fmt.Errorf("--timeout: %v is no time to run in", c.Timeout)
	}
	if c.Timeout > 0 {
		t.Spec.Limits.CPU = c.Timeout
	}
	byName := languageOfFile[strings.ToLower(filepath.Ext(c.Answer))]
	if byName != "" && !strings.Contains("\n"+answer, "\n```") {
		if t.Spec.Answer.Extract == "" || t.Spec.Answer.Extract == search.ExtractAuto {
			t.Spec.Answer.Extract = search.ExtractWhole
		}
		if t.Spec.Language == "" {
			t.Spec.Language = byName
		}
	}
	return t, answer, nil
}

// object is the verify object that the test files and the flags make together: of
// JSON files their members, of others the text.
func (c *verifyCommand) object() (o openai.Object, err error) {
	var tests, cases []string // JSON
	for _, file := range c.Tests {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if !strings.HasSuffix(file, ".json") && c.Framework != sandbox.FrameworkStdio {
			tests = append(tests, string(openai.String(string(b))))
			continue
		}
		if text := strings.TrimSpace(string(b)); strings.HasPrefix(text, "[") {
			b = []byte(`{"cases":` + text + `}`)
		}
		members, err := openai.DecodeObject(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, m := range members {
			switch {
			case m.Name == "tests" && m.Value.Kind() == '[':
				tests = append(tests, elements(m.Value)...)
			case m.Name == "tests":
				tests = append(tests, string(m.Value))
			case m.Name == "cases" && m.Value.Kind() == '[':
				cases = append(cases, elements(m.Value)...)
			default:
				o.Set(m.Name, m.Value)
			}
		}
	}
	for name, value := range map[string]string{"language": c.Language, "framework": c.Framework, "entry_point": c.EntryPoint} {
		if value != "" {
			o.Set(name, openai.String(value))
		}
	}
	if c.Extract != search.ExtractAuto {
		answer, _ := openai.DecodeObject(o.Get("answer"))
		answer.Set("extract", openai.String(c.Extract))
		o.Set("answer", answer.AppendJSON(nil))
	}
	for name, list := range map[string][]string{"tests": tests, "cases": cases} {
		if len(list) > 0 {
			o.Set(name, []byte("["+strings.Join(list, ",")+"]"))
		}
	}
	return o, nil
}

// elements are the elements of a JSON array.
func elements(array jsontext.Value) (list []string) {
	var values []jsontext.Value
	_ = json.Unmarshal(array, &values) // the object that it is of was decoded
	for _, v := range values {
		list = append(list, string(v))
	}
	return list
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

var languageOfFile = map[string]string{
	".py": "python", ".js": "javascript", ".mjs": "javascript", ".ts": "typescript", ".go": "go", ".java": "java",
	".c": "c", ".cc": "cpp", ".cpp": "cpp", ".cxx": "cpp", ".rs": "rust", ".sh": "bash", ".bash": "bash",
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
