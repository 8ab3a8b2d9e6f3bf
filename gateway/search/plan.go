package search

import (
	"context"
	"errors"
	"time"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/pricing"
)

// Sampler asks a model for a whole reply. When ctx ends it returns soon; its
// errors are *openai.CallError. It is used concurrently.
type Sampler interface {
	Complete(ctx context.Context, r *openai.ChatRequest) (*openai.ChatResponse, error)
}

// Runner judges programs, so many at a time. Trouble of its own is an unjudged
// report, not an error. It is used concurrently. A *sandbox.Runner is one.
type Runner interface {
	Run(ctx context.Context, j sandbox.Job) (sandbox.Report, error)
}

// Stopper decides how a search goes on. It is asked from one goroutine at a time,
// and must not keep the State.
type Stopper interface {
	// Next is asked before every batch, and with no samples left when nothing more
	// can be drawn although a pass was refused: it may take it now.
	Next(s State) Move
	// Accept is asked for every pass, also of a program that passed before, with
	// what was seen before it: late passes of weak tests are suspect, and further
	// passes confirm early ones.
	Accept(s State) bool
}

// Move is what a Stopper wants next.
type Move struct {
	Rung    int    // index of the rung to draw from
	Samples int    // size of the batch, cut to what the limits leave; 0 ends the search
	Take    bool   // hand out a pass that was refused before; of several groups, one of the largest
	Stop    string // why it ends, for people and the journal; empty means StopGaveUp
}

// State is what a search has seen, and what is left of its limits.
type State struct {
	Rungs   []RungState
	Rung    int           // index of the last batch's rung; 0 before the first
	Tests   int           // checks that the tests make, as far as is known
	Samples int           // left over all rungs
	Groups  []int         // sizes of the groups of refused passes that behave alike; where they are compared
	Alike   int           // for Accept: the size of the group that the pass behaves as, without it
	Money   pricing.USD   // left of the ceiling
	Time    time.Duration // left until the deadline; the largest duration without one
	Batch   time.Duration // what a batch has taken, its tests included: the 95 % quantile; 0 before the first
}

// RungState counts one rung's samples. Those that are unjudged count for
// nothing: they say nothing about the model.
type RungState struct {
	Drawn    int  `json:"drawn"`    // samples that came
	Failed   int  `json:"failed"`   // judged and failed
	Refused  int  `json:"refused"`  // passed, and not accepted
	Unjudged int  `json:"unjudged"` // no verdict was reached
	Left     int  `json:"left"`     // samples that may still be asked for
	Ended    bool `json:"ended"`    // the provider failed: nothing more is drawn
}

// Rung is one model that a search draws from.
type Rung struct {
	Model      string // YAML name
	Sampler    Sampler
	MaxSamples int         // 0 means no limit but the plan's
	First      float64     // temperature of the first sample, which is to be the model's best guess
	Then       float64     // temperature of the others, which are to differ
	SupportsN  bool        // several samples may come of one call
	Bound      pricing.USD // the most that one sample can cost; 0 where no price is known, and then no ceiling holds
	// Charge prices a call, also one that failed or was cancelled; r is nil then.
	// It is called once for every call, concurrently.
	Charge func(q *openai.ChatRequest, r *openai.ChatResponse, err error) Charge
}

// Charge is what a call took.
type Charge struct {
	Usage   pricing.Usage
	Counted bool         // Usage is a count of our own
	Cost    *pricing.USD // nil when the price is unknown
	Most    *pricing.USD // the most that it can have cost, where its end was not seen; nil: Cost is all
	Tries   int          // HTTP requests made
}

// Plan is how a search goes about it. Its limits are hard: a batch is sent only
// if every sample in it may cost its bound.
type Plan struct {
	Request    *openai.ChatRequest // the client's, with an output limit that the bounds rest on
	Rungs      []Rung              // cheap to dear
	Stopper    Stopper
	Runner     Runner
	Compare    bool             // passes that are not accepted at once are compared by what they do; the task must be Comparable
	Ceiling    pricing.USD      // for all calls together
	MaxSamples int              // over all rungs; 0 means the sum of theirs
	Deadline   time.Time        // what still runs then is cancelled; zero means none
	Now        func() time.Time // the clock
}

var errNoPlan = errors.New("search: a plan needs a request, rungs with samplers and charges, a stopper, a runner and a clock")

func (p Plan) check() error {
	if p.Request == nil || len(p.Rungs) == 0 || p.Stopper == nil || p.Runner == nil || p.Now == nil {
		return errNoPlan
	}
	for _, r := range p.Rungs {
		if r.Sampler == nil || r.Charge == nil || r.Bound < 0 || r.MaxSamples < 0 {
			return errNoPlan
		}
	}
	return nil
}

// maxSamples is the limit where neither plan nor rung has one.
const maxSamples = 256

// samples is how many may be drawn from a rung.
func (p Plan) samples(i int) int {
	if n := p.Rungs[i].MaxSamples; n > 0 {
		return n
	}
	if p.MaxSamples > 0 {
		return p.MaxSamples
	}
	return maxSamples
}

// total is how many may be drawn over all rungs.
func (p Plan) total() int {
	if p.MaxSamples > 0 {
		return p.MaxSamples
	}
	n := 0
	for i := range p.Rungs {
		n += p.samples(i)
	}
	return n
}
