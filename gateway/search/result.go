package search

import (
	"time"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/sandbox"
)

// Why a search ended. A Stopper has words of its own beside these.
const (
	StopPassed      = "passed"               // a pass was accepted
	StopGaveUp      = "gave_up"              // more samples are not worth their price
	StopSamples     = "samples"              // as many as were allowed
	StopBudget      = "budget_spent"         // the next sample might not fit the ceiling
	StopDeadline    = "deadline"             // no time for another batch
	StopProvider    = "provider_down"        // no rung is left that answers
	StopRunner      = "runner_down"          // nothing can be judged
	StopLanguage    = "unsupported_language" // nothing of this language can be judged
	StopNothingSaid = "no_tests"             // the tests check nothing
	StopAgreed      = "agreed"               // enough samples without tests behave alike
	StopCancelled   = "cancelled"            // whoever asked has gone
)

// Result is what a search came to. It is complete also beside an error: every
// call that was made is in Calls, once.
type Result struct {
	Samples  []Sample      // in the order in which they came
	Calls    []Call        // in the order in which they ended
	Winner   int           // index of the accepted pass; -1 for none
	Best     int           // index of the sample that passed most checks; -1 when none was judged
	Stop     string        // why it ended
	Rungs    []RungState   // as the Stopper would see them at the end
	Groups   []int         // sizes of the groups of refused passes that behave alike, as it would see them; where they are compared
	Batches  int           // batches sent
	Took     time.Duration // all of it
	Sampling time.Duration // with calls in flight
	Testing  time.Duration // of all runs together, which overlap each other and the sampling
}

// Sample is one completion and what became of it.
type Sample struct {
	Rung        int
	Model       string // YAML name
	Call        int    // index in Calls
	Choice      openai.Choice
	Text        string
	Temperature float64
	Candidate   Candidate
	Equals      int             // index of the earlier sample whose program is equal and was run in its place; -1 for none
	Verdict     sandbox.Verdict // empty when it came too late to be judged
	Report      sandbox.Report  // of the program that was run
	At          time.Duration   // from the beginning of the search until it came
	Judged      time.Duration   // from then until its verdict
}

// Call is one call to a model, also one that failed or was cancelled.
type Call struct {
	Rung   int
	Model  string // YAML name
	Asked  int    // samples asked for
	Charge Charge
	Err    error // nil when a reply came
	Finish string
	Took   time.Duration
}

// Accepted returns the sample that passed and was accepted.
func (r Result) Accepted() (Sample, bool) {
	if r.Winner < 0 {
		return Sample{}, false
	}
	return r.Samples[r.Winner], true
}

// Tested counts the samples that have a verdict, Passed those that passed.
func (r Result) Tested() (tested, passed int) {
	for _, s := range r.Samples {
		switch s.Verdict {
		case sandbox.Passed:
			tested++
			passed++
		case sandbox.Failed:
			tested++
		}
	}
	return tested, passed
}

// best is the judged sample that passed the largest share of its checks; of
// several the one whose program came most often, then the first.
func (r Result) best() int {
	frequency := map[Hash]int{}
	for _, s := range r.Samples {
		frequency[s.Candidate.Hash]++
	}
	best := -1
	for i, s := range r.Samples {
		if s.Verdict != sandbox.Passed && s.Verdict != sandbox.Failed {
			continue
		}
		if best < 0 {
			best = i
			continue
		}
		b := r.Samples[best]
		switch a, c := share(s.Report), share(b.Report); {
		case a > c:
			best = i
		case a == c && frequency[s.Candidate.Hash] > frequency[b.Candidate.Hash]:
			best = i
		}
	}
	return best
}

// share is the share of checks that passed; a pass is above every failure.
func share(r sandbox.Report) float64 {
	switch {
	case r.Verdict == sandbox.Passed:
		return 1 + float64(r.Passed)/float64(max(r.Total, 1))
	case r.Total == 0:
		return -1
	}
	return float64(r.Passed) / float64(r.Total)
}
