package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Runner judges programs, so many at a time. It is safe for concurrent use.
type Runner struct {
	config Config
	log    *slog.Logger
	tools  *tools
	engine engine  // nil where nothing may run here
	fault  error   // why it is nil
	remote *remote // set for the remote engine
	slots  chan *slot
	all    []*slot

	down    atomic.Pointer[string] // why nothing runs; nil when it does
	waiting atomic.Int64
	probing sync.Mutex
	stop    context.CancelFunc
	done    sync.WaitGroup
	closed  atomic.Bool
}

// slot is what one verification needs: a container for the candidate and, once
// there has been a use for it, one for the tests.
type slot struct {
	runner           *Runner
	candidate, tests box
	kept             bool // the candidate's box holds a work folder from the last run
}

// New starts a runner. Where the machine allows no isolation it returns one that
// judges nothing: every report is then Unjudged, and says what would mend it.
func New(ctx context.Context, c Config, log *slog.Logger) (*Runner, error) {
	var faults []string
	c.Validate(func(path, format string, args ...any) {
		faults = append(faults, path+": "+fmt.Sprintf(format, args...))
	})
	if len(faults) > 0 {
		return nil, fmt.Errorf("sandbox: %s", strings.Join(faults, "; "))
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c = c.withDefaults()
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	r := &Runner{config: c, log: log, stop: stop, slots: make(chan *slot, c.Parallel)}
	for range c.Parallel {
		s := &slot{runner: r}
		r.all = append(r.all, s)
		r.slots <- s
	}
	if err := r.choose(ctx); err != nil {
		stop()
		return nil, err
	}
	r.check(ctx)
	r.done.Add(1)
	go r.watch(life)
	return r, nil
}

// choose picks the engine of the configuration.
func (r *Runner) choose(ctx context.Context) error {
	c := r.config
	var err error
	if c.Engine == EngineRemote {
		r.remote, err = newRemote(c)
		return err
	}
	r.tools = findTools(ctx, c)
	if r.tools.fault != nil {
		r.log.Warn("Go programs compile the standard library themselves", "error", r.tools.fault)
	}
	r.engine, err = newEngine(c, r.tools)
	if err == nil && c.Engine == EngineAuto && len(c.Remote.URLs) > 0 {
		if b, openErr := r.engine.open(ctx, roleCandidate); openErr == nil {
			b.close()
		} else {
			err = openErr
		}
	}
	if err == nil {
		return nil
	}
	if c.Engine == EngineAuto && len(c.Remote.URLs) > 0 {
		r.engine = nil
		r.remote, err = newRemote(c)
		return err
	}
	r.engine, r.fault = nil, err
	r.setDown(describeFault(err))
	return nil
}

func (r *Runner) setDown(why string) {
	if why == "" {
		r.down.Store(nil)
		return
	}
	r.down.Store(&why)
}

// Down says why nothing runs; empty when the last probes were fine.
func (r *Runner) Down() string {
	if why := r.down.Load(); why != nil {
		return *why
	}
	return ""
}

// Unsupported says why programs in a language are not judged here, before any is
// paid for; empty when they are, or when only a worker elsewhere can tell.
func (r *Runner) Unsupported(language string) string {
	if r.engine == nil || language == "" {
		return ""
	}
	tool := r.tools.languages[language]
	switch {
	case tool == nil:
		return language + ": not a language that tests can be run for"
	case tool.missing != "":
		return language + ": " + tool.missing
	}
	return ""
}

// Waiting is how many jobs are waiting for a slot.
func (r *Runner) Waiting() int { return int(r.waiting.Load()) }

// Engine names the engine in use, or none.
func (r *Runner) Engine() string {
	switch {
	case r.remote != nil:
		return EngineRemote
	case r.engine == nil:
		return "none"
	}
	if r.config.Engine == EngineLandlock {
		return EngineLandlock
	}
	return EngineNS
}

// check runs the probes and takes the runner down or up by what they saw.
func (r *Runner) check(ctx context.Context) {
	r.probing.Lock()
	defer r.probing.Unlock()
	if r.engine == nil && r.remote == nil {
		return
	}
	why := firstFault(r.probe(ctx))
	if why != "" && ctx.Err() == nil {
		why = firstFault(r.probe(ctx)) // a machine under load may miss a deadline once
	}
	if ctx.Err() != nil {
		return
	}
	if why != r.Down() {
		if why != "" {
			r.log.Error("sandbox is down", "why", why)
		} else {
			r.log.Info("sandbox is up")
		}
	}
	r.setDown(why)
}

// watch probes every few minutes, so that a machine that changes is noticed, and
// more often while nothing runs.
func (r *Runner) watch(ctx context.Context) {
	defer r.done.Done()
	tick := time.NewTicker(downInterval)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if r.Down() != "" || now.Sub(last) >= probeInterval {
				r.check(ctx)
				last = now
			}
		}
	}
}

// Run judges one job. The error is that of a job which is not valid, or ctx's;
// whatever goes wrong with the sandbox itself is an Unjudged report.
func (r *Runner) Run(ctx context.Context, j Job) (Report, error) {
	var faults []string
	j.Validate(func(path, format string, args ...any) {
		faults = append(faults, path+": "+fmt.Sprintf(format, args...))
	})
	if len(faults) > 0 {
		return Report{}, fmt.Errorf("job: %s", strings.Join(faults, "; "))
	}
	if r.remote != nil {
		return r.remote.run(ctx, j)
	}
	if why := r.Down(); why != "" {
		return unjudged(ReasonRunnerDown, why), nil
	}
	j = j.withDefaults(r.config)
	tool := r.tools.languages[j.Language]
	if tool.missing != "" { // a valid job's language is one of the tools
		return unjudged(ReasonUnsupportedLanguage, j.Language+": "+tool.missing), nil
	}
	if j.Language == "go" && r.tools.goCache != nil {
		if err := r.tools.goCache.warm(ctx); err != nil && ctx.Err() == nil {
			r.log.Warn("Go programs compile the standard library themselves", "error", err)
		}
	}
	r.waiting.Add(1)
	var s *slot
	select {
	case s = <-r.slots:
		r.waiting.Add(-1)
	case <-ctx.Done():
		r.waiting.Add(-1)
		return unjudged(ReasonRunnerDown, "gave up waiting for a slot"), ctx.Err()
	}
	defer func() {
		s.reset()
		r.slots <- s
	}()
	if r.closed.Load() {
		return unjudged(ReasonRunnerDown, "the sandbox is closed"), nil
	}
	started := time.Now()
	report, err := s.judge(ctx, tool, j)
	if err != nil && ctx.Err() == nil {
		// Trouble of our own: look whether the isolation still holds, and try once more.
		r.log.Warn("sandbox run was lost", "error", err)
		s.discard()
		r.check(ctx)
		if why := r.Down(); why != "" {
			return unjudged(ReasonRunnerDown, why), nil
		}
		report, err = s.judge(ctx, tool, j)
	}
	if ctx.Err() != nil {
		return unjudged(ReasonRunnerDown, "cancelled"), ctx.Err()
	}
	if err != nil {
		r.log.Error("sandbox run was lost twice", "error", err)
		s.discard()
		return unjudged(ReasonRunnerDown, describeFault(err)), nil
	}
	report.Close = report.near(j.Limits) // before what was no run of it, such as compiling, is added
	report.Wall = time.Since(started)
	if r.Engine() == EngineLandlock && report.Verdict != Unjudged {
		report.Assurance = Low
		if report.Detail == "" {
			report.Detail = landlockCaveat
		}
	}
	return report, nil
}

// judge picks the protocol. Plain tests are judged here, call by call; others by
// Python in a container of their own.
func (s *slot) judge(ctx context.Context, t *tool, j Job) (Report, error) {
	switch {
	case j.Framework == FrameworkStdio:
		return judgeStdio(ctx, s, t, j)
	case j.Framework == FrameworkCommand:
		return judgeCommand(ctx, s, j)
	case j.Language != "python":
		return judgeOther(ctx, s, t, j)
	}
	b, err := s.box(ctx, roleCandidate)
	if err != nil {
		return Report{}, err
	}
	if why := b.zygote(); why != "" {
		return unjudged(ReasonUnsupportedLanguage, "python: "+why), nil
	}
	if j.Framework == FrameworkAssert {
		if plan, err := planTests(j.Tests, j.EntryPoint); err == nil {
			r, err := judgeOracle(ctx, b, j, plan)
			if !errors.Is(err, errUndecided) {
				return r, err
			}
		}
	}
	return judgePair(ctx, s, j)
}

// box returns the slot's box of a role, and makes one where there is none.
func (s *slot) box(ctx context.Context, role string) (box, error) {
	b := &s.candidate
	if role == roleTests {
		b = &s.tests
	}
	if *b != nil && (*b).lost() {
		(*b).close()
		*b = nil
	}
	if *b == nil {
		made, err := s.runner.engine.open(ctx, role)
		if err != nil {
			return nil, err
		}
		*b = made
	}
	return *b, nil
}

// reset makes the slot ready for the next job, or throws away what cannot be.
func (s *slot) reset() {
	if s.kept && s.candidate != nil {
		s.candidate.reset()
	}
	s.kept = false
	for _, b := range []*box{&s.candidate, &s.tests} {
		if *b != nil && (*b).lost() {
			(*b).close()
			*b = nil
		}
	}
}

func (s *slot) discard() {
	for _, b := range []*box{&s.candidate, &s.tests} {
		if *b != nil {
			(*b).close()
			*b = nil
		}
	}
}

// Close waits for the jobs that run, and ends every container.
func (r *Runner) Close() error {
	if r.closed.Swap(true) {
		return nil
	}
	r.stop()
	for range r.all {
		s := <-r.slots
		s.discard()
	}
	r.done.Wait()
	if r.tools != nil {
		r.tools.goCache.wait()
	}
	for _, s := range r.all {
		r.slots <- s // a late Run finds the runner closed
	}
	if r.remote != nil {
		r.remote.close()
	}
	if r.engine != nil {
		return r.engine.close()
	}
	return nil
}
