package search

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/drover-llm/drover/gateway/sandbox"
)

const (
	// comparedInputs is how many inputs programs that passed are compared at: the
	// neighbours of those that the tests have.
	comparedInputs = 120
	// maxPatterns bounds the calls of the tests that inputs are made of.
	maxPatterns = 40
)

var (
	quoted = regexp.MustCompile(`"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'`)
	named  = regexp.MustCompile(`\b[A-Za-z_]\w*`)
	// constants are the names that an argument may have which is the same in every
	// program.
	constants = set("True", "False", "None", "set", "frozenset", "dict", "list", "tuple", "float", "range", "b")
)

// Comparable reports whether programs that pass can be compared by what they do at
// further inputs: functions in Python, which the tests call with constants.
func (t Task) Comparable() bool {
	_, patterns := t.patterns()
	return len(patterns) > 0
}

// patterns are the calls in the tests of the function that is asked for.
func (t Task) patterns() (name string, calls []probe) {
	if t.Language != "python" {
		return "", nil
	}
	name = t.Spec.EntryPoint
	if name == "" && len(t.Called) == 1 {
		name = t.Called[0]
	}
	if name == "" {
		return "", nil
	}
	for _, text := range t.Spec.Tests {
		for _, called := range []string{name, "candidate"} { // HumanEval's check(candidate)
			for _, p := range callsIn(text, called) {
				p.expect = ""
				if p.args != "" && constant(p.args) && !slices.Contains(calls, p) {
					calls = append(calls, p)
				}
			}
		}
	}
	return name, calls[:min(len(calls), maxPatterns)]
}

// constant reports whether arguments are made of nothing but constants.
func constant(args string) bool {
	for _, name := range named.FindAllString(quoted.ReplaceAllString(args, ""), -1) {
		if !constants[name] {
			return false
		}
	}
	return !strings.ContainsAny(args, "\n#=")
}

// group is passes that behave alike.
type group struct {
	returned []string // by the first of them, at every input; empty where it returned nothing
	samples  []int
}

// alike reports whether programs return the same wherever both return something:
// an input that makes a right program fail is none that was asked about.
func alike(a, b []string) bool {
	both := false
	for i := range min(len(a), len(b)) {
		if strings.HasPrefix(a[i], "=") && strings.HasPrefix(b[i], "=") {
			if a[i] != b[i] {
				return false
			}
			both = true
		}
	}
	return both
}

// compare finds out what a program that passed returns at further inputs, and how
// long that took; nothing where it cannot be seen.
func (f *finder) compare(ctx context.Context, c Candidate) ([]string, time.Duration) {
	name, patterns := f.task.patterns()
	lines, report, err := f.task.behaviourAt(ctx, f.plan.Runner, c, name, patterns, comparedInputs)
	if err != nil {
		return nil, report.Wall
	}
	return lines, report.Wall
}

// groupOf is the group that a sample's program behaves as; -1 for none.
func (f *finder) groupOf(i int) int {
	r := f.runs[f.result.Samples[i].Candidate.Hash]
	return slices.IndexFunc(f.groups, func(g group) bool {
		first := g.samples[0]
		return f.result.Samples[first].Candidate.Hash == f.result.Samples[i].Candidate.Hash || r != nil && alike(g.returned, r.returned)
	})
}

// refuse counts a pass that was not accepted.
func (f *finder) refuse(i int) {
	f.result.Rungs[f.result.Samples[i].Rung].Refused++
	if !f.plan.Compare {
		return
	}
	g := f.groupOf(i)
	if g < 0 {
		g = len(f.groups)
		f.groups = append(f.groups, group{})
		if r := f.runs[f.result.Samples[i].Candidate.Hash]; r != nil {
			f.groups[g].returned = r.returned
		}
	}
	f.groups[g].samples = append(f.groups[g].samples, i)
}

// sizes of the groups.
func (f *finder) sizes() []int {
	sizes := make([]int, len(f.groups))
	for i, g := range f.groups {
		sizes[i] = len(g.samples)
	}
	return sizes
}

// take accepts a pass that was refused before, and reports whether there is one.
func (f *finder) take() bool {
	i := f.inHand()
	if i < 0 {
		return false
	}
	f.result.Winner = i
	f.result.Rungs[f.result.Samples[i].Rung].Refused--
	f.end(StopPassed)
	return true
}

// inHand is the pass that is likeliest right: of the largest group, where passes
// are compared, the program that came most often; -1 for none.
func (f *finder) inHand() int {
	var passes []int
	if len(f.groups) > 0 {
		passes = slices.MaxFunc(f.groups, func(a, b group) int { return len(a.samples) - len(b.samples) }).samples
	} else {
		for i, s := range f.result.Samples {
			if s.Verdict == sandbox.Passed {
				passes = append(passes, i)
			}
		}
	}
	times, best := map[Hash]int{}, -1
	for _, i := range passes {
		times[f.result.Samples[i].Candidate.Hash]++
	}
	for _, i := range passes {
		if best < 0 || times[f.result.Samples[i].Candidate.Hash] > times[f.result.Samples[best].Candidate.Hash] {
			best = i
		}
	}
	return best
}
