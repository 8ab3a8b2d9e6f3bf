package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// testsTalk is what the tests' process tells the judge, one frame at a time.
type testsTalk struct {
	Check   *string `json:"check"`
	Passed  bool    `json:"passed"`
	Message string  `json:"message"`
	Low     string  `json:"low"`    // why the verdict is of low assurance
	Share   string  `json:"share"`  // why the tests cannot run apart from the candidate
	Apart   bool    `json:"apart"`  // beside share: they ran apart, and failed
	Broken  string  `json:"broken"` // why the tests cannot run at all
	Done    *int    `json:"done"`   // number of checks that were told
	Nonce   string  `json:"nonce"`
}

const (
	maxChecks = 20000
	maxTalk   = 64 << 10 // bytes of one message; the tests shorten theirs to less
)

// judgePair runs the tests in a box of their own, where the solution is a proxy
// for the candidate's process. Tests that need more than messages run in one
// process with the candidate, of low assurance.
func judgePair(ctx context.Context, s *slot, j Job) (Report, error) {
	b, err := s.box(ctx, roleCandidate)
	if err != nil {
		return Report{}, err
	}
	c, _, err := startCandidate(ctx, b, j)
	if c == nil {
		return Report{}, err
	}
	r := Report{Protocol: "pair", Assurance: High}
	_, both := j.candidateFiles()
	r.lowerForFile(both)
	var share string
	if err != nil {
		r.Checks = []Check{{Name: "loading the solution", Message: err.Error()}}
		err = nil
	} else {
		share, err = s.runTests(ctx, j, &r, c)
	}
	done, text, flooded, lost := c.end()
	switch {
	case ctx.Err() != nil:
		return Report{}, ctx.Err()
	case lost != nil:
		return Report{}, lost
	case done.Start != "":
		return Report{}, errors.New(done.Start)
	case err != nil:
		return Report{}, err
	case share != "":
		apart := r.failedApart
		r, err := judgeShared(ctx, s, j, share)
		r.failedApart = apart
		return r, err
	}
	r.account(done, text, j)
	explainEnd(&r, done, flooded)
	return r.finish(j), nil
}

// lowerForFile lowers the assurance where a file leads from the tests to the candidate.
func (r *Report) lowerForFile(name string) {
	if name != "" {
		r.Assurance, r.Detail = Low, "the solution can read "+name+", which the tests use"
	}
}

// judgeShared runs tests and candidate in one process, with one more test that
// must fail: what a solution does there to pass, it mostly does to that one too.
func judgeShared(ctx context.Context, s *slot, j Job, why string) (Report, error) {
	r := Report{Protocol: "shared", Assurance: Low, Detail: "the tests had to share the solution's process: " + why}
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return Report{}, err
	}
	name := "x" + hex.EncodeToString(random[:])
	mustFail := j
	mustFail.Tests = append(slices.Clone(j.Tests), fmt.Sprintf(failingTest[j.Framework], name))
	if _, err := s.runTests(ctx, mustFail, &r, nil); err != nil {
		return Report{}, err
	}
	failed := false
	r.Checks = slices.DeleteFunc(r.Checks, func(c Check) bool {
		own := strings.Contains(c.Name, name)
		failed = failed || own && !c.Passed
		return own
	})
	if !failed && len(r.Checks) > 0 && !slices.ContainsFunc(r.Checks, func(c Check) bool { return !c.Passed }) {
		r.Checks = append(r.Checks, Check{Name: "the tests can fail", Message: "a test that must fail did not"})
	}
	return r.finish(j), nil
}

// failingTest is a file of each framework whose only test, of the given name, fails.
var failingTest = map[string]string{
	FrameworkAssert:   "assert '' == '%s'\n",
	FrameworkPytest:   "def test_%s():\n    assert False\n",
	FrameworkUnittest: "import unittest\nclass MustFail(unittest.TestCase):\n    def test_%s(self):\n        self.assertTrue(False)\n",
	FrameworkDoctest:  ">>> '%s'\n''\n",
}

func (r Report) finish(j Job) Report {
	if r.Reason != "" {
		return unjudged(r.Reason, r.Detail)
	}
	if len(r.Checks) == 0 {
		return unjudged(ReasonNoTests, "the tests check nothing")
	}
	r.conclude(j.Pass)
	return r
}

// runTests runs the tests' process to its end; c is nil where the candidate is
// loaded into it.
func (s *slot) runTests(ctx context.Context, j Job, r *Report, c *candidate) (share string, err error) {
	p := j.program()
	p.Role, p.Files = roleTests, j.Files
	p.Wall += time.Second // the candidate's own limit speaks first
	return s.talk(ctx, p, j, r, c)
}

// talk runs the tests' program: descriptor 3 leads to the candidate, and 4 to
// the judge, which hands over the tests and hears of every check.
func (s *slot) talk(ctx context.Context, p *program, j Job, r *Report, c *candidate) (share string, err error) {
	b, err := s.box(ctx, roleTests)
	if err != nil {
		return "", err
	}
	process, near, out, err := startTalk(b, p, j, c)
	if err != nil {
		return "", err
	}
	defer near.Close()
	stop := context.AfterFunc(ctx, process.kill)
	defer stop()
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		process.stop()
		return "", err
	}
	nonce := hex.EncodeToString(random[:])
	tests := make([]string, len(j.Tests))
	for i, t := range j.Tests {
		tests[i] = strings.ToValidUTF8(t, "\uFFFD")
	}
	send := map[string]any{
		"tests": tests, "framework": j.Framework, "entry_point": j.EntryPoint, "module": j.module(), "file": "/w/" + j.Path,
		"nonce": nonce, "shared": c == nil,
	}
	if c == nil {
		send["code"] = strings.ToValidUTF8(j.Code, "\uFFFD")
	}
	ended := false
	if err := writeFrame(near, send); err == nil {
		share, ended = r.listen(near, nonce)
	}
	if share != "" {
		process.stop()
	}
	done, waitErr := process.wait(ctx)
	text, flooded := out.text()
	if waitErr != nil {
		return "", waitErr
	}
	if done.Start != "" {
		return "", errors.New(done.Start)
	}
	if share != "" || r.Reason != "" {
		return share, nil
	}
	r.account(done, text, j)
	if !ended || done.Code != 0 {
		r.Checks = append(r.Checks, Check{Name: "the tests run to their end", Message: "the tests' process ended early" + lastLine(text)})
		explainEnd(r, done, flooded)
	}
	return "", nil
}

// startTalk starts the tests' program and returns our end of its descriptor 4.
func startTalk(b box, p *program, j Job, c *candidate) (*process, *os.File, *output, error) {
	near, far, err := socketPair()
	if err != nil {
		return nil, nil, nil, err
	}
	defer far.Close()
	reader, w, err := os.Pipe()
	if err != nil {
		near.Close()
		return nil, nil, nil, err
	}
	defer w.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		near.Close()
		reader.Close()
		return nil, nil, nil, err
	}
	defer null.Close()
	toCandidate := null
	if c != nil {
		toCandidate = c.socket
		blocking(toCandidate)
		defer toCandidate.Close() // from here on the tests hold that end
	}
	process, err := b.start(p, null, w, w, toCandidate, far)
	if err != nil {
		near.Close()
		reader.Close()
		return nil, nil, nil, err
	}
	return process, near, drain(reader, int(j.Limits.Output), process.kill), nil
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		text = text[i+1:]
	}
	if text == "" {
		return ""
	}
	return ": " + shorten(text, 300)
}

// listen takes the checks as they are told, and says whether the tests came to
// their end: the count they give at the end must be that of the checks told.
func (r *Report) listen(near *os.File, nonce string) (share string, ended bool) {
	for len(r.Checks) <= maxChecks {
		body, err := readFrame(near, maxTalk)
		if err != nil {
			return "", false
		}
		var t testsTalk
		if json.Unmarshal(body, &t) != nil {
			return "", false
		}
		switch {
		case t.Check != nil:
			r.Checks = append(r.Checks, Check{Name: shorten(*t.Check, 300), Passed: t.Passed, Message: t.Message})
		case t.Low != "":
			r.Assurance = Low
			if r.Detail == "" {
				r.Detail = shorten(t.Low, maxMessage)
			}
		case t.Share != "":
			r.failedApart = t.Apart
			return shorten(t.Share, 200), true
		case t.Broken != "":
			r.Reason, r.Detail = ReasonNoTests, shorten(t.Broken, maxMessage)
			return "", true
		case t.Done != nil:
			return "", t.Nonce == nonce && *t.Done == len(r.Checks)
		}
	}
	return "", false
}
