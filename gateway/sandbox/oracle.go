package sandbox

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// judgeOracle runs a plan of plain checks: it asks the candidate for one call at
// a time and compares here. It returns errUndecided where only Python can tell.
func judgeOracle(ctx context.Context, b box, j Job, plan *testPlan) (Report, error) {
	c, names, err := startCandidate(ctx, b, j)
	if c == nil {
		return Report{}, err
	}
	r := Report{Protocol: "oracle", Assurance: High, Total: len(plan.checks)}
	if err == nil && plan.shadowed(names, j.EntryPoint) {
		err = errUndecided
	}
	if err == nil {
		stop := context.AfterFunc(ctx, c.process.kill)
		r.Checks, err = runPlan(c, plan)
		stop()
	} else if !errors.Is(err, errUndecided) {
		r.Checks = []Check{{Name: "loading the solution", Message: err.Error()}}
	}
	done, text, flooded, lost := c.end()
	switch {
	case errors.Is(err, errUndecided):
		return Report{}, errUndecided
	case ctx.Err() != nil:
		return Report{}, ctx.Err()
	case lost != nil:
		return Report{}, lost
	case done.Start != "":
		return Report{}, errors.New(done.Start)
	}
	r.account(done, text, j)
	explainEnd(&r, done, flooded)
	r.conclude(j.Pass)
	return r, nil
}

// shadowed says whether a name that the plan takes for Python's is the function
// under test: the entry point, or what the tests call and nothing else.
func (p *testPlan) shadowed(names []string, entry string) bool {
	for used := range p.used {
		root, _, _ := strings.Cut(used, ".")
		if root == entry || len(p.calls) == 0 && slices.Contains(names, root) {
			return true
		}
	}
	return false
}

// runPlan decides every check. A candidate that ends fails those that are left.
func runPlan(c *candidate, plan *testPlan) ([]Check, error) {
	checks := make([]Check, 0, len(plan.checks))
	var ended error
	for _, planned := range plan.checks {
		check := Check{Name: planned.name}
		if ended != nil {
			check.Message = "not reached: " + ended.Error()
			checks = append(checks, check)
			continue
		}
		e := &evaluator{call: c.call}
		value, err := e.eval(planned.test)
		if err == nil {
			check.Passed, err = pyTruth(value)
		}
		var exception *raised
		switch {
		case errors.As(err, &exception):
			check.Message = exception.Error()
		case errors.Is(err, errCandidate):
			ended, check.Message = err, err.Error()
		case err != nil:
			return nil, errUndecided
		case !check.Passed && e.compared:
			check.Message = "got " + pyRepr(e.left) + ", compared with " + pyRepr(e.right)
		case !check.Passed:
			check.Message = "got " + pyRepr(value)
		}
		checks = append(checks, check)
	}
	return checks, nil
}

// account adds a process to what the report says was used.
func (r *Report) account(e exit, text string, j Job) {
	r.CPU += e.CPU
	r.Wall = max(r.Wall, e.Wall)
	r.Memory += e.Memory
	r.peak = max(r.peak, e.Memory)
	r.Overhead += e.Overhead
	r.Output = shorten(r.Output+text, int(j.Limits.Output))
}

// explainEnd puts the reason of an early end in place of the protocol's view of it.
func explainEnd(r *Report, e exit, flooded bool) {
	why := ""
	switch {
	case flooded:
		why = "printed more than 1 MiB"
	case e.Limit == "cpu":
		why = "timed out (processor time)"
	case e.Limit == "wall":
		why = "timed out (wall clock)"
	case e.Limit == "memory":
		why = "used more memory than allowed"
	default:
		return
	}
	broken := 0
	for i := range r.Checks {
		c := &r.Checks[i]
		if strings.Contains(c.Message, errCandidate.Error()) || strings.Contains(c.Message, "process ended") {
			c.Message = why
			broken++
		}
	}
	if broken == 0 {
		r.Checks = append(r.Checks, Check{Name: "the solution stays within its limits", Message: why})
	}
}
