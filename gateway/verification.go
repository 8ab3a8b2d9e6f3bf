package gateway

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/drover-llm/drover/gateway/openai"
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
		if a.later() {
			v.ReasonText = fmt.Sprintf("What %s answered does not pass, so more samples were drawn, of which one does.", d.Models[0])
		}
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

// appendJSON appends what encoding/json would write by the tags, which takes a tenth
// of the time here: every reply has it.
func (v verification) appendJSON(b []byte) []byte {
	text := func(name, value string) {
		b = openai.AppendString(append(b, name...), value)
	}
	textOrNull := func(name string, value *string) {
		if value == nil {
			b = append(append(b, name...), "null"...)
			return
		}
		text(name, *value)
	}
	number := func(name string, value int64) {
		b = strconv.AppendInt(append(b, name...), value, 10)
	}
	raw := func(name string, value json.RawMessage) {
		b = append(append(b, name...), value...)
	}
	text(`{"route":`, v.Route)
	textOrNull(`,"assurance":`, v.Assurance)
	text(`,"reason":`, v.Reason)
	text(`,"reason_text":`, v.ReasonText)
	b = append(append(b, `,"verified":`...), v.verifiedWord()...)
	text(`,"model":`, v.Model)
	text(`,"requested_model":`, v.RequestedModel)
	number(`,"tests":{"total":`, int64(v.Tests.Total))
	number(`,"passed":`, int64(v.Tests.Passed))
	textOrNull(`,"source":`, v.Tests.Source)
	number(`},"samples":{"budget":`, int64(v.Samples.Budget))
	number(`,"drawn":`, int64(v.Samples.Drawn))
	number(`,"tested":`, int64(v.Samples.Tested))
	number(`,"passed":`, int64(v.Samples.Passed))
	number(`},"tokens":{"prompt":`, v.Tokens.Prompt)
	number(`,"completion":`, v.Tokens.Completion)
	raw(`},"cost_usd":`, v.Cost)
	raw(`,"baseline_cost_usd":`, v.BaselineCost)
	raw(`,"saved_usd":`, v.Saved)
	number(`,"ms":{"total":`, v.MS.Total)
	number(`,"sampling":`, v.MS.Sampling)
	number(`,"tests":`, v.MS.Tests)
	textOrNull(`},"failure":`, v.Failure)
	b = append(b, `,"warnings":[`...)
	for i, warning := range v.Warnings {
		if i > 0 {
			b = append(b, ',')
		}
		b = openai.AppendString(b, warning)
	}
	b = append(b, ']')
	if v.Debug != nil {
		if debug, err := json.Marshal(v.Debug); err == nil { // which does not fail: every field marshals
			raw(`,"debug":`, debug)
		}
	}
	return append(b, '}')
}

// verifiedWord is what became of the tests: true, false or, where nothing was run,
// null.
func (v verification) verifiedWord() string {
	if v.Verified == nil {
		return "null"
	}
	return strconv.FormatBool(*v.Verified)
}
