package lab

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/drover-llm/drover/gateway/sandbox"
)

// Runner judges programs; a *sandbox.Runner is one. It is used concurrently.
type Runner interface {
	Run(ctx context.Context, j sandbox.Job) (sandbox.Report, error)
	Down() string // why nothing can be run; empty while it can
}

// Judge judges samples by the tests of their problems.
type Judge struct {
	Runner   Runner
	Problems map[string]Problem
	Parallel int                                   // samples at a time
	Price    func(model string, t Tokens) *Dollars // nil results: not known
	Done     func(Result)                          // told of every result; one call at a time
	Limits   map[Suite]time.Duration               // processor time of a suite; BaseTime and PlusTime by default
}

// referenceModel marks the results of the sets' own solutions.
const referenceModel = "(reference)"

// References judges the problems' own solutions, as far as there are any: a suite
// that its own solution does not pass says nothing about others, and is left out.
func (e *Evaluation) References(ctx context.Context, j Judge) error {
	return e.judge(ctx, j, func(yield func(Sample) bool) {
		for _, p := range j.Problems {
			if p.Solution != "" && !yield(Sample{TaskID: p.ID, Model: referenceModel, Code: p.Solution}) {
				return
			}
		}
	})
}

// Judge judges samples that have no verdict yet, and keeps each result before the
// next. It returns when nothing runs any more; its error is ctx's, that of the
// folder, or that nothing can be run.
func (e *Evaluation) Judge(ctx context.Context, j Judge, samples iter.Seq[Sample]) error {
	return e.judge(ctx, j, samples)
}

func (e *Evaluation) judge(ctx context.Context, j Judge, samples iter.Seq[Sample]) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan Sample)
	var workers sync.WaitGroup
	var mu sync.Mutex
	for range max(j.Parallel, 1) {
		workers.Go(func() {
			for s := range next {
				r, err := j.judge(ctx, s)
				if ctx.Err() != nil {
					continue // cut off: not judged
				}
				mu.Lock()
				if err == nil {
					err = e.results.add(r)
				}
				if err != nil {
					cancel(err)
				} else if j.Done != nil {
					j.Done(r)
				}
				mu.Unlock()
			}
		})
	}
	for s := range samples {
		if r, done := e.Results[s.Key()]; done && !r.open() {
			continue
		}
		if ctx.Err() != nil {
			break
		}
		select {
		case next <- s:
		case <-ctx.Done():
		}
	}
	close(next)
	workers.Wait()
	return context.Cause(ctx)
}

// judge gives a sample its verdicts. Its error is that nothing can be run.
func (j Judge) judge(ctx context.Context, s Sample) (Result, error) {
	p := j.Problems[s.TaskID]
	r := Result{TaskID: s.TaskID, Model: s.Model, Attempt: s.Attempt, Tokens: s.Tokens, Cost: s.Cost, Latency: s.Latency, Recorded: Recorded{s.Base, s.Plus}}
	r.Drawn, r.Way = drawn(s.Verify)
	if r.Cost == nil && r.Tokens != nil && j.Price != nil {
		r.Cost = j.Price(s.Model, *r.Tokens)
	}
	started := time.Now()
	for _, suite := range []Suite{Base, Plus} {
		if !p.Has(suite) {
			continue
		}
		if r.Base == sandbox.Failed && s.Model != referenceModel {
			r.Plus = sandbox.Failed // without a run: it stands for both suites
			continue
		}
		report, err := j.run(ctx, p, s.Code, suite)
		if err != nil {
			return r, err
		}
		if suite == Base {
			r.Base = report.Verdict
		} else {
			r.Plus = report.Verdict
			if r.Base == sandbox.Unjudged {
				r.Plus = sandbox.Unjudged
			}
		}
		if report.Verdict != sandbox.Passed && r.Why == "" {
			r.Why = shortened(cmp.Or(report.Failure, report.Detail, report.Reason), 300)
		}
		if report.Assurance != "" && r.Assurance != sandbox.Low {
			r.Assurance = report.Assurance
		}
	}
	r.Judging = Milliseconds(time.Since(started))
	return r, nil
}

func (j Judge) run(ctx context.Context, p Problem, code string, suite Suite) (sandbox.Report, error) {
	job := p.Job(code, suite)
	if limit := j.Limits[suite]; limit > 0 {
		job.Limits.CPU = limit
	}
	faults := ""
	job.Validate(func(path, format string, args ...any) {
		if faults == "" {
			faults = path + " " + fmt.Sprintf(format, args...)
		}
	})
	switch {
	case len(code) > maxProgram:
		return sandbox.Report{Verdict: sandbox.Failed, Failure: "the program is larger than 1 MiB"}, nil
	case faults != "":
		return sandbox.Report{Verdict: sandbox.Unjudged, Detail: "the sandbox does not take the tests: " + faults}, nil
	}
	report, err := j.Runner.Run(ctx, job)
	if ctx.Err() != nil {
		return report, ctx.Err()
	}
	if err != nil { // the tests cannot be used
		report = sandbox.Report{Verdict: sandbox.Unjudged, Detail: err.Error()}
	}
	if why := j.Runner.Down(); why != "" && report.Verdict == sandbox.Unjudged {
		return report, fmt.Errorf("nothing can be judged any more: %s", why)
	}
	return report, nil
}

// maxProgram is the sandbox's limit: what is larger is no answer.
const maxProgram = 1 << 20

func shortened(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}
