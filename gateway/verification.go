package gateway

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/search"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// verification is the verify object of a reply: what was done, and what it
// cost. Its fields are those of the published schema.
type verification struct {
	Route          string          `json:"route"`
	Assurance      *string         `json:"assurance"`
	Reason         string          `json:"reason"`
	ReasonText     string          `json:"reason_text"`
	Verified       *bool           `json:"verified"` // nil: nothing was run
	Model          string          `json:"model"`
	RequestedModel string          `json:"requested_model"`
	Tests          tests           `json:"tests"`
	Samples        samples         `json:"samples"`
	Tokens         tokens          `json:"tokens"`
	Cost           json.RawMessage `json:"cost_usd"`
	BaselineCost   json.RawMessage `json:"baseline_cost_usd"`
	Saved          json.RawMessage `json:"saved_usd"`
	MS             times           `json:"ms"`
	Failure        *string         `json:"failure"`
	Warnings       []string        `json:"warnings"`
	Debug          *decisionDebug  `json:"debug,omitempty"`
}

type tests struct {
	Total  int     `json:"total"`
	Passed int     `json:"passed"`
	Source *string `json:"source"`
}

type samples struct {
	Budget int `json:"budget"`
	Drawn  int `json:"drawn"`
	Tested int `json:"tested"`
	Passed int `json:"passed"`
}

type tokens struct {
	Prompt     int64 `json:"prompt"`
	Completion int64 `json:"completion"`
}

type times struct {
	Total    int64 `json:"total"`
	Sampling int64 `json:"sampling"`
	Tests    int64 `json:"tests"`
}

// verification says what was done for an answered request.
func (g *Gateway) verification(call Call, d Decision, a Answer, o policy.Outcome) verification {
	sampling, testing := judgedTimes(a.Search)
	v := verification{
		Route: a.Way, Reason: d.reason(a), ReasonText: d.Text, Model: a.Model, RequestedModel: o.Requested,
		Verified: verified(a.Report), Cost: dollars(o.Cost), BaselineCost: dollars(o.Baseline), Saved: dollars(o.Saved()),
		MS:       times{Total: o.Took.Milliseconds(), Sampling: sampling.Milliseconds(), Tests: testing.Milliseconds()},
		Warnings: slices.Clone(a.Warnings), // a retry that joined reads them too
	}
	if a.Report != nil && (a.Way == "direct" || a.Way == "escalated") {
		v.MS.Tests += a.Report.Wall.Milliseconds()
	}
	if a.Search == nil {
		v.MS.Sampling = upstreamTime(o).Milliseconds()
	}
	if call.Task.Source != "" {
		v.Tests.Source, v.Tests.Total = new(call.Task.Source), call.Task.Checks()
	}
	if r := a.Report; r != nil {
		v.Tests.Total, v.Tests.Passed = max(r.Total, v.Tests.Total), r.Passed
		if r.Verdict != sandbox.Unjudged {
			v.Tests.Total = r.Total
			v.Assurance = new(string(r.Assurance))
		} else if r.Reason != "" {
			v.Reason = r.Reason
			v.Warnings = append(v.Warnings, "tests: "+r.Detail)
		}
		if r.Failure != "" {
			v.Failure = new(r.Failure)
		}
	}
	if a.Search != nil {
		v.Samples.Budget, v.Samples.Drawn = max(d.Budget, len(a.Search.Samples)), len(a.Search.Samples)
		v.Samples.Tested, v.Samples.Passed = a.Search.Tested()
	}
	if d.reason(a) == "provider_down" {
		v.ReasonText = d.Models[0] + " could not answer, so " + a.Model + " did."
	}
	if a.Way == "escalated" {
		did := "pass"
		if call.Task.Source == "" {
			did = "agree"
		}
		v.ReasonText = fmt.Sprintf("%d samples did not %s (%s), so %s was asked.", len(a.Search.Samples), did, a.Search.Stop, a.Model)
		if len(a.Search.Samples) == 0 {
			v.ReasonText = fmt.Sprintf("No sample came (%s), so %s was asked.", a.Search.Stop, a.Model)
		}
	}
	if a.Way == "search" && len(a.Beside) > 0 {
		v.ReasonText = fmt.Sprintf("The samples that pass did not confirm each other, and what %s answered does not pass, so one of them was handed out.", d.Models[0])
	}
	if a.Audit {
		v.ReasonText = fmt.Sprintf("To learn from it, all %d samples were drawn and %s was asked too; %s answered.", len(a.Search.Samples), d.Models[0], a.Model)
	}
	switch asked := call.Task.Spec.Route == search.RouteSearch; {
	case asked && a.Search == nil:
		v.Warnings = append(v.Warnings, "verify.route: there was no search: "+v.Reason)
	case asked && cutShort[a.Search.Stop]:
		v.Warnings = append(v.Warnings, "verify.route: the search was cut short: "+a.Search.Stop)
	}
	for _, c := range o.Calls {
		v.Tokens.Prompt += c.Usage.Prompt
		v.Tokens.Completion += c.Usage.Completion
		if c.Counted && c.Error == "" {
			v.Warnings = append(v.Warnings, c.Provider+" sent no usage; the tokens were counted here")
		}
	}
	slices.Sort(v.Warnings)
	v.Warnings = slices.Compact(v.Warnings)
	if v.Warnings == nil {
		v.Warnings = []string{}
	}
	if call.Debug {
		v.Debug = newDebug(call, d, a)
	}
	return v
}

// taskOf is the task as it is journalled, nil without tests.
func taskOf(t search.Task, r *sandbox.Report) *policy.Task {
	if t.Source == "" {
		return nil
	}
	task := &policy.Task{Language: t.Language, Source: t.Source, Tests: t.Checks(), Verified: verified(r)}
	if r != nil {
		task.Tests, task.Passed, task.Assurance = max(r.Total, task.Tests), r.Passed, string(r.Assurance)
	}
	return task
}

// dollars is an amount as a JSON number, null when it is not known.
func dollars(u *pricing.USD) json.RawMessage {
	if u == nil {
		return json.RawMessage("null")
	}
	return json.RawMessage(u.String())
}

// overhead is what a request took beside its calls; of calls that were made beside
// each other, nothing.
func overhead(o policy.Outcome) time.Duration { return max(0, o.Took-upstreamTime(o)) }

// upstreamTime is how long the calls of a request took.
func upstreamTime(o policy.Outcome) time.Duration {
	var sum time.Duration
	for _, c := range o.Calls {
		sum += c.Took
	}
	return sum
}

func (v verification) json() []byte {
	b, err := json.Marshal(v)
	if err != nil { // not reached: every field marshals
		return []byte("null")
	}
	return b
}
