package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/search"
	"github.com/drover-llm/drover/pricing"
)

// leastAnswer is the lowest output limit, in tokens, at which the strong model is
// still worth asking.
const leastAnswer = 512

// escalation is the call that a failed search may make: to the strong model, and
// to those that stand in for it.
type escalation struct {
	models []string
	asked  *openai.ChatRequest // the client's request, with the limit that keeps the bound
	repair bool                // with the best failing attempt, if it fits into room
	room   int                 // bytes that the request may have
	bound  *pricing.USD        // the most that it can cost; nil where that is not known
	cost   pricing.USD         // what it is expected to cost; 0 where that is not known
}

// newEscalation plans the call. limit is the output limit, 0 for that of the
// client or the model.
func (g *Gateway) newEscalation(call Call, models []string, repair bool, limit int64) escalation {
	e := escalation{models: models, asked: whole(call.Request), repair: repair}
	if limit > 0 {
		e.asked = withLimit(e.asked, limit)
	}
	fresh := call.Task.Request(e.asked)
	e.room = fresh.Size()
	messages := len(fresh.Messages)
	if repair {
		e.room += call.Task.RepairRoom(cmp.Or(call.Request.MaxTokens, SampleTokens))
		messages += search.RepairMessages
	}
	e.bound = g.boundAll(fresh, e.room, messages, models, call.exact)
	e.cost = g.typicalCost(models[0], pricing.Bound(int64(e.room), int64(messages)))
	return e
}

// fitting returns an escalation whose worst case is at most most: e as it is,
// without the attempt, or with a lower output limit where the client set none. ok is
// false when there is none.
func (g *Gateway) fitting(call Call, e escalation, most pricing.USD) (fit escalation, ok bool) {
	if e.bound == nil {
		return e, false
	}
	if *e.bound > most && e.repair {
		e = g.newEscalation(call, e.models, false, e.asked.MaxTokens)
	}
	if *e.bound <= most {
		return e, true
	}
	if call.Request.MaxTokens > 0 {
		return e, false
	}
	low, high := int64(leastAnswer), g.longestAnswer(e.models)
	if low >= high || *g.newEscalation(call, e.models, false, low).bound > most {
		return e, false
	}
	for high-low > 1 { // low fits, high does not
		if middle := low + (high-low)/2; *g.newEscalation(call, e.models, false, middle).bound <= most {
			low = middle
		} else {
			high = middle
		}
	}
	return g.newEscalation(call, e.models, false, low), true
}

// limitable reports whether an escalation without a bound has one once an output
// limit is set, which is ours to set where the client did not.
func (g *Gateway) limitable(call Call, e escalation) bool {
	return call.Request.MaxTokens == 0 && g.newEscalation(call, e.models, false, mostTokens).bound != nil
}

// longestAnswer is the largest output limit of the models.
func (g *Gateway) longestAnswer(models []string) (tokens int64) {
	for _, name := range models {
		tokens = max(tokens, cmp.Or(g.Models[name].MaxOutput, mostTokens))
	}
	return tokens
}

// request is what the strong model is asked after the search. An attempt that
// would not fit the bound is left out, with a warning.
func (e escalation) request(t search.Task, r search.Result) (*openai.ChatRequest, []string) {
	if !e.repair {
		return t.Escalation(e.asked, search.EscalateFresh, r), nil
	}
	q := t.Escalation(e.asked, search.EscalateRepair, r)
	if q.Size() <= e.room {
		return q, nil
	}
	return t.Escalation(e.asked, search.EscalateFresh, r),
		[]string{"escalate: the best attempt is too long for what was held, so the strong model was asked afresh"}
}

// escalate asks the strong model, after the search or with its best attempt, once
// somebody waits for the answer: its client may have hung up and come back. When
// it is not done by the time that was asked for, the best attempt is handed out.
func (r searched) escalate(ctx context.Context, call Call, d Decision, searched Answer) (Answer, error) {
	result := *searched.Search
	if call.attended != nil {
		if err := call.attended(ctx); err != nil {
			return searched, &openai.CallError{Failure: openai.Cancelled, Spent: len(searched.Spent) > 0, Err: err}
		}
	}
	asked := call
	var warnings []string
	asked.Prompt, warnings = r.plan.escalation.request(call.Task, result)
	within, cancel := ctx, context.CancelFunc(func() {})
	if !r.plan.due.IsZero() {
		within, cancel = context.WithTimeout(ctx, r.plan.due.Sub(r.g.Now()))
	}
	defer cancel()
	d.Models, d.Ceiling = r.plan.escalation.models, rest(d.Ceiling, searched.Spent)
	answer, err := direct{r.g}.Respond(within, asked, d)
	answer.Way, answer.Search, answer.placed = "escalated", searched.Search, searched.placed
	answer.Spent = append(searched.Spent, answer.Spent...)
	answer.Warnings = append(append(searched.Warnings, warnings...), answer.Warnings...)
	late := err != nil && within.Err() != nil && ctx.Err() == nil
	if late && result.Best >= 0 {
		answer.Way = "search"
		answer.Warnings = append(answer.Warnings, fmt.Sprintf("deadline: %s did not answer in time, so this is the sample that passed most tests", d.Models[0]))
		return r.hand(answer, result, result.Best)
	}
	var failed *openai.CallError
	if errors.As(err, &failed) {
		if late {
			failed.Failure = openai.TimedOut
		}
		if len(searched.Spent) > 0 {
			failed.Spent = true // a retry would buy the search again
		}
	}
	return answer, err
}
