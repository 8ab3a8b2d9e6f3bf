package gateway

import (
	"encoding/json"
	"time"

	"github.com/drover-llm/drover/gateway/search"
)

// decisionDebug is the decision in full, and what came of it, for whoever sends
// x-drover-debug: true. It holds no test, no prompt and no key.
type decisionDebug struct {
	Decision debugDecision    `json:"decision"`
	Task     debugTask        `json:"task"`
	Plan     *debugPlan       `json:"plan,omitempty"` // of a search
	Search   *debugSearch     `json:"search,omitempty"`
	Clusters []search.Cluster `json:"clusters,omitempty"` // of samples without tests
}

type debugDecision struct {
	Route   string          `json:"route"` // YAML name, empty for a model called by name
	Models  []string        `json:"models"`
	Reason  string          `json:"reason"`
	Text    string          `json:"reason_text"`
	Ceiling json.RawMessage `json:"ceiling_usd"` // null: no bound is known
	Budget  int             `json:"samples_budget"`
}

type debugTask struct {
	Coding     bool   `json:"coding"`
	Searchable bool   `json:"searchable"`
	Reason     string `json:"reason"`
	Language   string `json:"language"`
	Framework  string `json:"framework"`
	Source     string `json:"source"`
	Show       string `json:"show"`
	Checks     int    `json:"checks"`
}

type debugPlan struct {
	Rungs      []debugRung      `json:"rungs"`
	Ceiling    json.RawMessage  `json:"samples_ceiling_usd"`
	MaxTokens  int64            `json:"max_tokens"`
	DeadlineMS int64            `json:"deadline_ms"` // of the search, from the request's arrival
	Escalation *debugEscalation `json:"escalation,omitempty"`
}

type debugRung struct {
	Model      string          `json:"model"`
	MaxSamples int             `json:"max_samples"`
	First      float64         `json:"first_temperature"`
	Then       float64         `json:"then_temperature"`
	Bound      json.RawMessage `json:"bound_usd"`    // the most that a sample can cost
	Expected   json.RawMessage `json:"expected_usd"` // what one is expected to cost
}

type debugEscalation struct {
	Models    []string        `json:"models"`
	Repair    bool            `json:"repair"`
	MaxTokens int64           `json:"max_tokens"` // 0: the model's own limit
	Bound     json.RawMessage `json:"bound_usd"`
	Expected  json.RawMessage `json:"expected_usd"`
}

type debugSearch struct {
	Stop    string             `json:"stop"`
	Batches int                `json:"batches"`
	Rungs   []search.RungState `json:"rungs"`
	Samples []debugSample      `json:"samples"`
}

type debugSample struct {
	Model       string  `json:"model"`
	Temperature float64 `json:"temperature"`
	Verdict     string  `json:"verdict"`
	Equals      int     `json:"equals"` // index of the sample that was run in its place, -1 for none
	Passed      int     `json:"passed"`
	AtMS        int64   `json:"at_ms"`
	JudgedMS    int64   `json:"judged_ms"`
}

func newDebug(call Call, d Decision, a Answer) *decisionDebug {
	t := call.Task
	b := &decisionDebug{
		Decision: debugDecision{d.Route, d.Models, d.Reason, d.Text, dollars(d.Ceiling), d.Budget},
		Task:     debugTask{t.Coding, t.Searchable, t.Reason, t.Language, t.Spec.Framework, t.Source, t.Show, t.Checks()},
	}
	inner := d.Responder
	if k, ok := inner.(keeping); ok {
		inner = k.Responder
	}
	switch s := inner.(type) {
	case searched:
		b.Plan = newDebugPlan(s.plan, call.At)
	case compared:
		b.Plan = newDebugPlan(s.plan, call.At)
	}
	if a.Agreement != nil {
		b.Clusters = a.Agreement.Clusters
	}
	if r := a.Search; r != nil {
		b.Search = &debugSearch{Stop: r.Stop, Batches: r.Batches, Rungs: r.Rungs, Samples: make([]debugSample, len(r.Samples))}
		for i, s := range r.Samples {
			b.Search.Samples[i] = debugSample{s.Model, s.Temperature, string(s.Verdict), s.Equals, s.Report.Passed, s.At.Milliseconds(), s.Judged.Milliseconds()}
		}
	}
	return b
}

func newDebugPlan(p searchPlan, at time.Time) *debugPlan {
	plan := &debugPlan{Ceiling: dollars(p.ceiling), MaxTokens: p.request.MaxTokens, DeadlineMS: p.deadline.Sub(at).Milliseconds(), Rungs: make([]debugRung, len(p.rungs))}
	for i, r := range p.rungs {
		plan.Rungs[i] = debugRung{r.Model, r.MaxSamples, *r.First.Temperature, *r.Then.Temperature, dollars(&p.bounds[i]), dollars(&p.sampleCosts[i])}
	}
	if e := p.escalation; p.escalates {
		plan.Escalation = &debugEscalation{e.models, e.repair, e.asked.MaxTokens, dollars(e.bound), dollars(&e.cost)}
	}
	return plan
}
