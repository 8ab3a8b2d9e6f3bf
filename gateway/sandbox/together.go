package sandbox

import (
	"context"
	_ "embed"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
)

//go:embed js/wire.js
var jsWire string

//go:embed js/candidate.js
var jsCandidate string

//go:embed js/tests.js
var jsTests string

// judgeOther is framework assert for languages other than Python: JavaScript by
// the pair protocol, the others as one program, of low assurance.
func judgeOther(ctx context.Context, s *slot, t *tool, j Job) (Report, error) {
	if len(j.Tests) == 0 {
		return unjudged(ReasonNoTests, "no tests were given"), nil
	}
	if j.Language == "javascript" {
		return judgeScript(ctx, s, t, j)
	}
	return judgeTogether(ctx, s, t, j)
}

// judgeScript is the pair protocol with node on both sides.
func judgeScript(ctx context.Context, s *slot, t *tool, j Job) (Report, error) {
	node := t.Command[0]
	b, err := s.box(ctx, roleCandidate)
	if err != nil {
		return Report{}, err
	}
	p := j.program()
	files, both := j.candidateFiles()
	p.Argv, p.Env, p.Files = []string{node, "-e", script(jsCandidate)}, s.runner.tools.env(), files
	c, err := startProgram(ctx, b, p, j)
	if c == nil {
		return Report{}, err
	}
	r := Report{Protocol: "pair", Assurance: High}
	r.lowerForFile(both)
	if _, err := c.load(ctx, j); err != nil {
		r.Checks = []Check{{Name: "loading the solution", Message: err.Error()}}
	} else if err := s.runScriptTests(ctx, node, j, &r, c); err != nil {
		_, _, _, _ = c.end() // the first fault is the one to tell
		return Report{}, err
	}
	done, text, flooded, lost := c.end()
	switch {
	case ctx.Err() != nil:
		return Report{}, ctx.Err()
	case lost != nil:
		return Report{}, lost
	case done.Start != "":
		return Report{}, errors.New(done.Start)
	}
	r.account(done, text, j)
	explainEnd(&r, done, flooded)
	return r.finish(j), nil
}

func (s *slot) runScriptTests(ctx context.Context, node string, j Job, r *Report, c *candidate) error {
	p := j.program()
	p.Argv, p.Env, p.Files = []string{node, "-e", script(jsTests)}, s.runner.tools.env(), j.Files
	p.Wall += time.Second
	_, err := s.talk(ctx, p, j, r, c)
	return err
}

// judgeTogether runs solution and tests as one program, whose exit status is
// the verdict.
func judgeTogether(ctx context.Context, s *slot, t *tool, j Job) (Report, error) {
	r := Report{Protocol: "shared", Assurance: Low, Detail: "the tests share the solution's process", Total: 1}
	tests := strings.Join(j.Tests, "\n")
	join := func(last string) Job {
		k := j
		switch j.Language {
		case "bash":
			k.Code = j.Code + "\nset -e\n" + tests + "\n" + last
		default:
			k.Code = j.Code + "\n" + tests + "\n" + last
		}
		k.Cases = []Case{{}}
		return k
	}
	if j.Language == "go" {
		return judgeGoTest(ctx, s, t, j, tests)
	}
	run := func(k Job) (string, error) {
		var trial Report
		runs, err := s.prepare(ctx, t, k, &trial)
		if err != nil {
			return "", err
		}
		if trial.Checks != nil {
			r.Output = trial.Output
			return trial.Checks[0].Message, nil
		}
		done, stdout, stderr, err := runs(k.program(), Case{})
		r.account(done.exit, stdout+stderr, j)
		return done.trouble(stderr), err
	}
	trouble, err := run(join(""))
	if err != nil {
		return Report{}, err
	}
	if trouble == "" && j.Language == "bash" {
		// A solution that ends the program early ends this one too, without its failure.
		must, err := run(join("exit 97\n"))
		if err != nil {
			return Report{}, err
		}
		if must == "" {
			trouble = "the tests also passed where they had to fail"
		}
	}
	r.Checks = []Check{{Name: "the tests run to their end", Passed: trouble == "", Message: trouble}}
	r.conclude(j.Pass)
	return r, nil
}

// judgeGoTest builds a package of solution and tests and runs it by "go test".
func judgeGoTest(ctx context.Context, s *slot, t *tool, j Job, tests string) (Report, error) {
	r := Report{Protocol: "shared", Assurance: Low, Detail: "the tests share the solution's process", Total: 1}
	code := j.Code
	if !strings.Contains("\n"+code, "\npackage ") {
		code = "package solution\n\n" + code
	}
	_, after, _ := strings.Cut("\n"+code, "\npackage ")
	name, _ := splitWord(after)
	if !strings.Contains("\n"+tests, "\npackage ") {
		tests = "package " + name + "\n\nimport \"testing\"\n\n" + tests
	}
	files := map[string][]byte{"go.mod": []byte("module solution\n\ngo 1.21\n"), "solution.go": []byte(code), "solution_test.go": []byte(tests)}
	for name, content := range j.Files {
		files[name] = content
	}
	p := j.program()
	p.Argv, p.Env, p.Files = []string{t.Compile[0], "test", "-vet=off", "-count=1", "./..."}, s.runner.tools.env(), files
	p.CPU, p.Wall, p.Memory = compileCPU, compileCPU, max(p.Memory, int64(compileMemory))
	p.Disk, p.Inodes, p.MaxFile = int64(compileDisk), compileInodes, int64(compileFileSize)
	done, stdout, stderr, err := s.runProgram(ctx, p, "", nil, j)
	if err != nil {
		return Report{}, err
	}
	r.account(done.exit, stdout+stderr, j)
	trouble := done.trouble("")
	switch {
	case trouble != "" && missingModule(stdout+stderr, tests) != "":
		return unjudged(ReasonNoTests, "the tests import "+missingModule(stdout+stderr, tests)+", which is not here"), nil
	case trouble == "" && (strings.Contains(stdout, "no test files") || strings.Contains(stdout, "no tests to run")):
		return unjudged(ReasonNoTests, "the tests hold no test function"), nil
	case trouble != "":
		trouble += ": " + shorten(strings.TrimSpace(stdout+stderr), 1500)
	}
	r.Checks = []Check{{Name: "go test", Passed: trouble == "", Message: trouble}}
	r.conclude(j.Pass)
	return r, nil
}

var modulelessPackage = regexp.MustCompile(`(?:providing|provides) package ([^\s:;]+)`)

// missingModule is the first package that go found no module for and that the
// tests import; one that only the solution imports is the solution's fault.
func missingModule(said, tests string) string {
	for _, m := range modulelessPackage.FindAllStringSubmatch(said, -1) {
		if strings.Contains(tests, strconv.Quote(m[1])) {
			return m[1]
		}
	}
	return ""
}

// script keeps the harness's names out of the programs' global scope.
func script(side string) string { return "(function () {\n" + jsWire + side + "})();" }
