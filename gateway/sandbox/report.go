package sandbox

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Verdict is what a run says about a candidate.
type Verdict string

// The three verdicts. Trouble of our own is Unjudged: it says nothing about the
// candidate, and must teach nothing about the model that wrote it.
const (
	Passed   Verdict = "passed"
	Failed   Verdict = "failed"
	Unjudged Verdict = "unjudged"
)

// Assurance is how hard a pass is to fake.
type Assurance string

const (
	// High: every check was decided outside the candidate's process.
	High Assurance = "high"
	// Low: the verdict rests on something that the candidate could forge, such as
	// an exit status or tests that had to share its process.
	Low Assurance = "low"
)

// Reasons of an unjudged report.
const (
	ReasonRunnerDown          = "runner_down"          // no isolation, or it was lost during the run
	ReasonUnsupportedLanguage = "unsupported_language" // no interpreter or compiler for it here
	ReasonNoTests             = "no_tests"             // the tests check nothing
)

const maxMessage = 2000 // bytes of a check's message

// Report is the outcome of a Job.
type Report struct {
	Verdict   Verdict       `json:"verdict"`
	Assurance Assurance     `json:"assurance,omitempty"` // empty when unjudged
	Checks    []Check       `json:"checks"`
	Total     int           `json:"total"`
	Passed    int           `json:"passed"`
	Failure   string        `json:"failure,omitempty"` // first failed check, shortened; empty on a pass
	Output    string        `json:"output,omitempty"`  // what the candidate printed, cut at the limit
	CPU       time.Duration `json:"cpu_ns"`            // of the candidate and the tests
	Wall      time.Duration `json:"wall_ns"`
	Memory    int64         `json:"memory_bytes"`         // peak resident size
	Reason    string        `json:"reason,omitempty"`     // why it is unjudged, or how a low assurance came about
	Protocol  string        `json:"protocol,omitempty"`   // oracle, pair, shared, stdio or command
	Detail    string        `json:"detail,omitempty"`     // the reason in a sentence, for people
	Overhead  time.Duration `json:"overhead_ns,omitzero"` // processor time of the machinery inside the container
	Close     bool          `json:"close,omitzero"`       // took four fifths or more of a limit in force: of time, without compiling, or memory

	peak        int64 // the most that one process's group held, which is what the limit bounds
	failedApart bool  // the tests failed apart from the solution before they shared its process
}

// closeToLimit is the share of a limit from which on a pass may be luck.
const closeToLimit = .8

// near reports whether a run nearly met one of the limits that were in force.
func (r *Report) near(l Limits) bool {
	near := func(used, limit int64) bool { return float64(used) >= closeToLimit*float64(limit) }
	return near(int64(r.CPU), int64(l.CPU)) || near(int64(r.Wall), int64(l.wall())) || near(r.peak, int64(l.Memory))
}

// Check is one test as the judge saw it.
type Check struct {
	Name    string `json:"name"`
	Passed  bool   `json:"passed"`
	Message string `json:"message"`
}

// shorten cuts s to at most n bytes at a rune boundary and makes it printable.
func shorten(s string, n int) string {
	if len(s) > n {
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// conclude counts the checks and gives the verdict: a pass needs at least one
// check, and the asked share of them.
func (r *Report) conclude(share float64) {
	r.Passed, r.Failure = 0, ""
	for i := range r.Checks {
		c := &r.Checks[i]
		c.Message = shorten(c.Message, maxMessage)
		if c.Passed {
			r.Passed++
			continue
		}
		if r.Failure == "" {
			r.Failure = shorten(strings.TrimSpace(c.Name+": "+c.Message), maxMessage)
		}
	}
	if r.Total < len(r.Checks) {
		r.Total = len(r.Checks)
	}
	if share <= 0 || share > 1 {
		share = 1
	}
	r.Verdict = Failed
	if r.Total > 0 && r.Passed > 0 && float64(r.Passed) >= share*float64(r.Total) {
		r.Verdict, r.Failure = Passed, ""
	}
}

// unjudged is a report without a verdict.
func unjudged(reason, detail string) Report {
	return Report{Verdict: Unjudged, Reason: reason, Detail: detail}
}
