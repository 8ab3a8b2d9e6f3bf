package search

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/sandbox"
)

// Prior is what is believed about a model's samples before any is seen.
type Prior struct {
	A, B float64 // the chance that a sample is right is Beta(A, B) over the problems
}

// Agreement is what samples without tests have in common: those that behave alike
// at every input form a cluster. Nothing in it is a verdict.
type Agreement struct {
	EntryPoint string
	Inputs     int // calls that were observed
	Votes      int // claims about what a call returns, of the prompt and of a model
	Clusters   []Cluster

	probes []probe
}

// Cluster is samples that behave alike.
type Cluster struct {
	Samples []int   `json:"samples"` // indices in the result
	Votes   int     `json:"votes"`   // claims that hold for it
	Given   int     `json:"given"`   // how many of them are the prompt's own
	Score   float64 `json:"score"`   // CodeT's: √(samples) × votes
	Chance  float64 `json:"chance"`  // to be right, by the model of chances
	seen    []string
}

// Best is the cluster with the largest chance; ok is false when there is none.
func (a Agreement) Best() (c Cluster, ok bool) {
	if len(a.Clusters) == 0 {
		return c, false
	}
	return a.Clusters[0], true
}

var errNoPrior = errors.New("search: a prior needs a and b above 0")

// Agree draws samples for a task without tests, observes them at inputs made of
// the function's types, their boundaries and the prompt's examples, and clusters
// them by what they return (AlphaCode). One more cheap call writes asserts, which
// count as votes only (CodeT): most of those that models write are wrong. No
// sample gets a verdict. The plan's ceiling must have room for that call beside
// the samples; its Stopper and Runner are used as by Find.
func Agree(ctx context.Context, t Task, p Plan, prior Prior) (Result, Agreement, error) {
	if prior.A <= 0 || prior.B <= 0 {
		return Result{Winner: -1, Best: -1}, Agreement{}, errNoPrior
	}
	var claims string
	var asked *Call
	var writing sync.WaitGroup
	if check := p.check(); check == nil && p.Rungs[0].Bound <= p.Ceiling/3 { // without samples there is nothing to vote on
		p.Ceiling -= p.Rungs[0].Bound
		call, q := assertCall(t, p)
		asked = &call
		asking := p // what follows changes p
		writing.Go(func() { claims = askAsserts(ctx, asking, &call, q) })
	}
	runner := p.Runner
	p.Runner = nobody{}
	r, err := Find(ctx, t, p)
	writing.Wait()
	if asked != nil {
		r.Calls = append(r.Calls, *asked)
	}
	for i := range r.Samples {
		r.Samples[i].Verdict, r.Samples[i].Report = "", sandbox.Report{}
	}
	r.Best = -1
	if err != nil || len(r.Samples) == 0 {
		return r, Agreement{}, err
	}
	a, err := t.observe(ctx, runner, p, &r, claims, prior)
	if best, ok := a.Best(); ok {
		r.Best = best.Samples[0]
	}
	return r, a, err
}

// nobody judges nothing: samples are only gathered.
type nobody struct{}

func (nobody) Run(context.Context, sandbox.Job) (sandbox.Report, error) {
	return sandbox.Report{Verdict: sandbox.Unjudged}, nil
}
func (nobody) Down() string { return "" }

// AssertRoom is how many bytes the request for asserts has more than the task's.
const AssertRoom = 512

const askForAsserts = "\n\nDo not write the program. Write ten assert statements in Python, one a line, that a right program passes, each of the form: assert name(arguments) == expected. Cover ordinary and extreme inputs."

// assertCall is the request for asserts: to the small model, never the strong one.
func assertCall(t Task, p Plan) (Call, *openai.ChatRequest) {
	rung := p.Rungs[0]
	q := sampleRequest(withText(t.Request(p.Request), askForAsserts), rung.Then, 1, false)
	q.Model = rung.Model
	q.Set("model", openai.String(rung.Model))
	return Call{Model: rung.Model, Asked: 0}, q
}

func askAsserts(ctx context.Context, p Plan, call *Call, q *openai.ChatRequest) string {
	started := p.Now()
	if !p.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.Deadline.Sub(started))
		defer cancel()
	}
	reply, err := p.Rungs[0].Sampler.Complete(ctx, q)
	if err != nil {
		reply = nil
	}
	call.Err, call.Charge, call.Took = err, p.Rungs[0].Charge(q, reply, err), p.Now().Sub(started)
	if reply == nil || len(reply.Choices) == 0 {
		return ""
	}
	call.Finish = reply.Choices[0].Finish()
	return openai.Text(reply.Choices[0].Message.Get("content"))
}

// observe runs every distinct program at every input, and clusters the samples.
func (t Task) observe(ctx context.Context, runner Runner, p Plan, r *Result, claims string, prior Prior) (Agreement, error) {
	prompt := lastUserText(p.Request)
	a := Agreement{EntryPoint: t.entryPoint(prompt, r.Samples)}
	if a.EntryPoint == "" {
		return a, nil
	}
	probes := t.probes(prompt, claims, a.EntryPoint, r.Samples)
	a.probes, a.Inputs = probes, len(probes)
	for _, q := range probes {
		if q.expect != "" {
			a.Votes++
		}
	}
	distinct := map[Hash]int{}
	var order []int
	for i := range r.Samples {
		s := &r.Samples[i]
		if s.Candidate.empty() || len(s.Candidate.Code) > maxSource {
			continue
		}
		if first, ok := distinct[s.Candidate.Hash]; ok {
			s.Equals = first
			continue
		}
		distinct[s.Candidate.Hash] = i
		order = append(order, i)
	}
	seen := make([][]string, len(r.Samples))
	var running sync.WaitGroup
	var mu sync.Mutex
	var lost error
	for _, i := range order {
		running.Go(func() {
			lines, report, err := t.behaviour(ctx, runner, r.Samples[i].Candidate, a.EntryPoint, probes)
			mu.Lock()
			defer mu.Unlock()
			lost = errors.Join(lost, err)
			r.Testing += report.Wall
			seen[i] = lines
		})
	}
	running.Wait()
	if lost != nil && ctx.Err() != nil {
		return a, ctx.Err()
	}
	for i, s := range r.Samples {
		if s.Equals >= 0 {
			seen[i] = seen[s.Equals]
		}
	}
	a.cluster(seen, probes, prior)
	return a, nil
}

// probes are the calls at which samples are observed: the prompt's examples
// first, then what a model claims, then inputs made of the types.
func (t Task) probes(prompt, claims, name string, samples []Sample) []probe {
	list := callsIn(prompt, name)
	for i := range list {
		list[i].given = true
	}
	list = append(list, callsIn(claims, name)...)
	list = list[:min(len(list), maxProbes-madeInputs)]
	params, ok := parameters(prompt, name)
	for i := 0; !ok && i < len(samples); i++ {
		params, ok = parameters(samples[i].Candidate.Code, name)
	}
	if ok {
		list = append(list, inputs(params)...)
	}
	unique := map[probe]bool{}
	return slices.DeleteFunc(list, func(q probe) bool {
		twice := unique[q]
		unique[q] = true
		return twice
	})
}

// Join says which cluster another reply belongs to by what its program does, -1
// for one of its own. works is false when it does nothing at any input.
func (a Agreement) Join(ctx context.Context, t Task, runner Runner, reply string) (cluster int, works bool, err error) {
	c := t.Candidate(reply)
	if a.EntryPoint == "" || c.empty() || len(c.Code) > maxSource {
		return -1, false, nil
	}
	lines, _, err := t.behaviour(ctx, runner, c, a.EntryPoint, a.probes)
	if err != nil || !behaves(lines) {
		return -1, false, err
	}
	return slices.IndexFunc(a.Clusters, func(c Cluster) bool { return slices.Equal(c.seen, lines) }), true, nil
}

// behaves reports whether a program returned different things at different
// inputs: programs that return nothing, or the same everywhere, agree about
// nothing that was asked for.
func behaves(lines []string) bool {
	seen := ""
	for _, line := range lines {
		value, returned := strings.CutPrefix(strings.TrimSuffix(line, " ✓"), "=")
		if returned && seen != "" && value != seen {
			return true
		}
		if returned {
			seen = value
		}
	}
	return false
}

// behaviour is what a program does at every probe; empty where nothing could be
// run.
func (t Task) behaviour(ctx context.Context, runner Runner, c Candidate, name string, probes []probe) ([]string, sandbox.Report, error) {
	return t.behaviourAt(ctx, runner, c, name, probes, 0)
}

// behaviourAt is what a program does at so many neighbours of the probes, or, where
// that is none, at the probes.
func (t Task) behaviourAt(ctx context.Context, runner Runner, c Candidate, name string, probes []probe, neighbours int) ([]string, sandbox.Report, error) {
	asked := make([][2]string, len(probes))
	for i, q := range probes {
		asked[i] = [2]string{q.args, q.expect}
	}
	text, err := json.Marshal(map[string]any{"name": name, "probes": asked, "vary": neighbours})
	if err != nil {
		return nil, sandbox.Report{}, err
	}
	report, err := runner.Run(ctx, sandbox.Job{
		Language: "python", Framework: sandbox.FrameworkStdio, Code: observer, Limits: t.Spec.Limits,
		Files: map[string][]byte{"candidate.py": []byte(c.Code), "probes.json": text}, Cases: []sandbox.Case{{Stdout: observerDone, Match: "exact"}},
	})
	if err != nil || report.Verdict == sandbox.Unjudged {
		return nil, report, err
	}
	lines := make([]string, max(len(probes), neighbours))
	for line := range strings.SplitSeq(report.Output, "\n") {
		rest, ok := strings.CutPrefix(line, observerMark)
		number, value, _ := strings.Cut(rest, " ")
		if i, err := strconv.Atoi(number); ok && err == nil && i >= 0 && i < len(lines) {
			lines[i] = value
		}
	}
	return lines, report, nil
}

// cluster groups samples of equal behaviour. A program whose inputs
// make no difference is in no cluster.
func (a *Agreement) cluster(seen [][]string, probes []probe, prior Prior) {
	byBehaviour := map[string]int{}
	alone := 0
	for i, lines := range seen {
		if !behaves(lines) {
			alone++
			continue
		}
		key := strings.Join(lines, "\n")
		at, ok := byBehaviour[key]
		if !ok {
			at = len(a.Clusters)
			byBehaviour[key] = at
			a.Clusters = append(a.Clusters, Cluster{seen: lines})
		}
		a.Clusters[at].Samples = append(a.Clusters[at].Samples, i)
	}
	for i := range a.Clusters {
		c := &a.Clusters[i]
		for k, q := range probes {
			if q.expect != "" && strings.HasSuffix(c.seen[k], " ✓") {
				c.Votes++
				if q.given {
					c.Given++
				}
			}
		}
		c.Score = math.Sqrt(float64(len(c.Samples))) * float64(c.Votes)
	}
	given := 0
	for _, q := range probes {
		if q.given && q.expect != "" {
			given++
		}
	}
	chances(a.Clusters, alone, given, a.Votes-given, prior)
	slices.SortStableFunc(a.Clusters, func(x, y Cluster) int {
		return cmp.Or(cmp.Compare(y.Chance, x.Chance), cmp.Compare(y.Score, x.Score))
	})
}

// How wrong programs agree, and what claims are worth: the parameters of chances.
const (
	// spread is the concentration of a Chinese restaurant process over the wrong
	// samples: a wrong sample makes a mistake of its own with chance
	// spread/(spread+n), and else one that was made before.
	spread = 4.0
	// A claim of a model holds for the right program in less than half of all cases
	// (40 of 105 in one audit), and for a wrong one less often still.
	holdsIfRight, holdsIfWrong = 0.5, 0.3
	// An example of the prompt nearly always holds for the right program.
	givenIfRight, givenIfWrong = 0.95, 0.4
	// Claims about one function are not independent: each counts for less.
	claimWeight = 0.5
)

// chances gives each cluster its chance to be the right one. Right samples all
// behave alike, and their number is binomial in p ~ Beta(a, b); wrong ones cluster
// by a Chinese restaurant process. Either one of the clusters is right or none is.
func chances(clusters []Cluster, alone, given, claimed int, prior Prior) {
	n := alone
	for _, c := range clusters {
		n += len(c.Samples)
	}
	logBeta := func(a, b float64) float64 {
		x, _ := math.Lgamma(a)
		y, _ := math.Lgamma(b)
		z, _ := math.Lgamma(a + b)
		return x + y - z
	}
	table := func(k int) float64 { // of k wrong samples that agree
		if k == 0 {
			return 0
		}
		x, _ := math.Lgamma(float64(k))
		return math.Log(spread) + x
	}
	rising := func(k int) float64 {
		x, _ := math.Lgamma(spread + float64(k))
		y, _ := math.Lgamma(spread)
		return x - y
	}
	tables := float64(alone) * math.Log(spread)
	for _, c := range clusters {
		tables += table(len(c.Samples))
	}
	weights := make([]float64, len(clusters)+1)
	for i, c := range clusters {
		m := len(c.Samples)
		weights[i] = logBeta(prior.A+float64(m), prior.B+float64(n-m)) + tables - table(m) - rising(n-m)
		weights[i] += claimWeight * (evidence(c.Given, given, givenIfRight, givenIfWrong) + evidence(c.Votes-c.Given, claimed, holdsIfRight, holdsIfWrong))
	}
	weights[len(clusters)] = logBeta(prior.A, prior.B+float64(n)) + tables - rising(n)
	top := slices.Max(weights)
	sum := 0.0
	for i, w := range weights {
		weights[i] = math.Exp(w - top)
		sum += weights[i]
	}
	for i := range clusters {
		clusters[i].Chance = weights[i] / sum
	}
}

// evidence is the logarithm of how much likelier it is that so many claims of all
// hold for a right program than for a wrong one.
func evidence(hold, all int, ifRight, ifWrong float64) float64 {
	return float64(hold)*math.Log(ifRight/ifWrong) + float64(all-hold)*math.Log((1-ifRight)/(1-ifWrong))
}
