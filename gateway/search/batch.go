package search

import (
	"context"
	"errors"
	"time"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/sandbox"
)

// batch is the one that is being drawn.
type batch struct {
	cancel  context.CancelFunc
	asking  int // calls in flight
	brought int // samples that came
	failed  bool
	started time.Time
}

// run is one program that runs, or has run, for all samples that are equal.
type run struct {
	sample  int   // the first of them
	waiting []int // the others that came before the verdict
	report  sandbox.Report
	done    bool
	// What the program returned at further inputs, if it passed and was compared.
	returned []string
}

// maxChoices is OpenAI's limit of n.
const maxChoices = 128

// draw asks for n samples of a rung, judges them as they come, and returns when
// every call and every run has ended.
func (f *finder) draw(ctx context.Context, rung, n int) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f.batch = batch{cancel: cancel, started: f.plan.Now()}
	f.rung = rung
	r := f.plan.Rungs[rung]
	for n > 0 {
		probe := f.asked[rung] == 0
		call := Call{Rung: rung, Model: r.Model, Asked: 1}
		temperature := r.Then
		if probe {
			temperature = r.First
		} else if r.SupportsN {
			call.Asked = min(n, maxChoices)
		}
		f.asked[rung] += call.Asked
		f.left -= call.Asked
		f.result.Rungs[rung].Left -= call.Asked
		n -= call.Asked
		f.ask(ctx, call, temperature, probe)
	}
	f.result.Batches++
	for f.pending > 0 {
		event := <-f.events
		f.pending--
		event()
	}
	f.batch.cancel = nil
	if f.batch.failed && f.batch.brought == 0 && ctx.Err() == nil {
		f.result.Rungs[rung].Ended = true
	}
	f.waits = append(f.waits, f.plan.Now().Sub(f.batch.started))
}

// ask makes one call.
func (f *finder) ask(ctx context.Context, call Call, temperature float64, probe bool) {
	r := f.plan.Rungs[call.Rung]
	q := sampleRequest(f.base, temperature, call.Asked, probe)
	q.Model = r.Model
	q.Set("model", openai.String(r.Model))
	f.pending++
	f.batch.asking++
	started := f.plan.Now()
	go func() {
		reply, err := r.Sampler.Complete(ctx, q)
		if err == nil && reply == nil {
			err = errors.New("no reply")
		}
		if err != nil {
			reply = nil
		}
		call.Err, call.Charge = err, r.Charge(q, reply, err)
		call.Took = f.plan.Now().Sub(started)
		f.events <- func() { f.answered(ctx, call, reply, temperature) }
	}()
}

// answered takes in a call that has ended, whatever came of it: it is paid for.
func (f *finder) answered(ctx context.Context, call Call, reply *openai.ChatResponse, temperature float64) {
	if f.batch.asking--; f.batch.asking == 0 {
		f.result.Sampling += f.plan.Now().Sub(f.batch.started)
	}
	r := f.plan.Rungs[call.Rung]
	bound, err := r.Bound.Mul(int64(call.Asked))
	if err != nil {
		bound = 1<<63 - 1
	}
	f.spend(call.Charge, bound)
	if reply != nil && len(reply.Choices) > 0 {
		call.Finish = reply.Choices[0].Finish()
	}
	index := len(f.result.Calls)
	f.result.Calls = append(f.result.Calls, call)
	if call.Err != nil {
		f.callFailed(ctx, call)
		return
	}
	for _, choice := range reply.Choices[:min(len(reply.Choices), call.Asked)] {
		f.batch.brought++
		f.result.Rungs[call.Rung].Drawn++
		text := openai.Text(choice.Message.Get("content"))
		f.result.Samples = append(f.result.Samples, Sample{
			Rung: call.Rung, Model: call.Model, Call: index, Choice: choice, Text: text, Temperature: temperature,
			Candidate: f.task.Candidate(text), Equals: -1, At: f.plan.Now().Sub(f.started),
		})
		f.judge(ctx, len(f.result.Samples)-1)
	}
}

// callFailed notes a provider's failure, which says nothing about the model's
// answers: it ends the rung when it would come again, or when it left the batch
// without a sample.
func (f *finder) callFailed(ctx context.Context, call Call) {
	if ctx.Err() != nil {
		return
	}
	f.batch.failed = true
	var failed *openai.CallError
	if !errors.As(call.Err, &failed) {
		return
	}
	switch failed.Failure {
	case openai.Refused, openai.Denied, openai.NoQuota, openai.Open:
		f.result.Rungs[call.Rung].Ended = true
	}
}

// judge has a sample's program run, unless an equal one has or does.
func (f *finder) judge(ctx context.Context, i int) {
	s := &f.result.Samples[i]
	switch {
	case f.result.Stop != "" || ctx.Err() != nil:
		return // too late to matter
	case s.Candidate.empty():
		f.verdict(i, unrun("the reply has no program"))
		return
	case len(s.Candidate.Code) > maxSource:
		f.verdict(i, unrun("the program is larger than 1 MiB"))
		return
	}
	if equal, ok := f.runs[s.Candidate.Hash]; ok {
		s.Equals = equal.sample
		if equal.done {
			f.verdict(i, equal.report)
		} else {
			equal.waiting = append(equal.waiting, i)
		}
		return
	}
	this := &run{sample: i}
	f.runs[s.Candidate.Hash] = this
	job := f.task.Job(s.Candidate)
	f.pending++
	go func() {
		report, err := runTwiceIfClose(ctx, f.plan.Runner, job)
		f.events <- func() { f.judged(ctx, this, report, err) }
	}()
}

// unrun is the report of a reply that holds nothing to run.
func unrun(why string) sandbox.Report {
	return sandbox.Report{Verdict: sandbox.Failed, Assurance: sandbox.High, Failure: why}
}

// judged takes in a run that has ended. A pass that is not taken at once is
// compared with the others first.
func (f *finder) judged(ctx context.Context, r *run, report sandbox.Report, err error) {
	f.result.Testing += report.Wall
	if !f.plan.Compare || err != nil || report.Verdict != sandbox.Passed || f.result.Stop != "" || f.accepts(r.sample) {
		f.settle(ctx, r, report, err)
		return
	}
	c := f.result.Samples[r.sample].Candidate
	f.pending++
	go func() {
		returned, took := f.compare(ctx, c)
		f.events <- func() {
			f.result.Testing += took
			r.returned = returned
			f.settle(ctx, r, report, nil)
		}
	}()
}

// settle gives the verdict to all samples that waited for a run.
func (f *finder) settle(ctx context.Context, r *run, report sandbox.Report, err error) {
	r.report, r.done = report, true
	lost := err != nil || report.Verdict != sandbox.Passed && report.Verdict != sandbox.Failed
	if lost {
		r.report.Verdict = sandbox.Unjudged
		delete(f.runs, f.result.Samples[r.sample].Candidate.Hash) // an equal program may fare better
		if ctx.Err() != nil {
			return // cut off: nobody wants the verdict any more
		}
	}
	for _, i := range append([]int{r.sample}, r.waiting...) {
		f.verdict(i, r.report)
	}
	switch {
	case !lost:
	case err != nil: // the tests themselves cannot be used
		f.err = err
		f.end(StopRunner)
	default:
		f.unjudged(r.sample, report)
	}
}

// unjudged ends the search when no other sample would be judged either.
func (f *finder) unjudged(i int, r sandbox.Report) {
	switch r.Reason {
	case sandbox.ReasonNoTests:
		f.end(StopNothingSaid)
	case sandbox.ReasonUnsupportedLanguage:
		// The next reply may be in another language, unless the task names one.
		if f.task.Spec.Language != "" || f.task.Language == f.result.Samples[i].Candidate.Language {
			f.end(StopLanguage)
		}
	default:
		if health, ok := f.plan.Runner.(interface{ Down() string }); !ok || health.Down() != "" {
			f.end(StopRunner)
		}
	}
}

// Judge runs the tests on one reply, such as a direct answer.
func (t Task) Judge(ctx context.Context, runner Runner, reply string) (Candidate, sandbox.Report, error) {
	c := t.Candidate(reply)
	switch {
	case c.empty():
		return c, unrun("the reply has no program"), nil
	case len(c.Code) > maxSource:
		return c, unrun("the program is larger than 1 MiB"), nil
	}
	report, err := runTwiceIfClose(ctx, runner, t.Job(c))
	return c, report, err
}
