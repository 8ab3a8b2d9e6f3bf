package sandbox

import (
	"context"
	_ "embed"
	"errors"
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

// script keeps the harness's names out of the programs' global scope.
func script(side string) string { return "(function () {\n" + jsWire + side + "})();" }
