package gateway

import (
	"context"
	"errors"
	"fmt"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/search"
	"github.com/drover-llm/drover/gateway/upstream"
	"github.com/drover-llm/drover/policy"
)

// direct answers with one call to a model, and when that fails without having
// answered, with one to the next.
type direct struct{ g *Gateway }

// Respond asks the decision's models in their order. When none answers, the
// error is the first one's: what came after stood in for it.
func (r direct) Respond(ctx context.Context, call Call, d Decision) (Answer, error) {
	var spent []policy.Call
	var first *openai.CallError
	for i, name := range d.Models {
		answer, begun, err := r.ask(ctx, call, name)
		spent = append(spent, answer.Spent...)
		answer.Spent, answer.Way = spent, "direct"
		failed, ok := errors.AsType[*openai.CallError](err)
		if !ok {
			return answer, err
		}
		if first == nil {
			first = failed
		} else if failed.Failure == openai.Cancelled {
			failed.Spent = failed.Spent || first.Spent
			first = failed
		}
		first.Spent = first.Spent || failed.Spent // an SDK's retry would buy it all again
		switch {
		case begun: // the client has seen this one break
			failed.Spent = true
			return answer, failed
		case i == len(d.Models)-1, !worthAsking(ctx, failed), !r.g.fits(call, d.Models[i+1], rest(d.Ceiling, spent)):
			return answer, first
		}
		r.g.Log.Warn("falling back", "request", call.ID, "from", name, "to", d.Models[i+1], "error", redact(err))
	}
	return Answer{}, errInternal // not reached: a decision has a model
}

// worthAsking reports whether another model may do better than the one that
// failed. A request that was found wrong is wrong elsewhere too.
func worthAsking(ctx context.Context, e *openai.CallError) bool {
	return ctx.Err() == nil && e.Failure != openai.Refused && e.Failure != openai.Cancelled
}

// ask makes one call. begun says that the client has seen a part of the answer.
func (r direct) ask(ctx context.Context, call Call, name string) (answer Answer, begun bool, err error) {
	started := r.g.Now()
	model := r.g.Models[name]
	request, warnings := adapt(call.prompt(), model)
	answer = Answer{Model: name, Warnings: warnings}
	bill := meter{g: r.g, name: name, model: model, request: request, stream: call.Out != nil}
	if call.Out == nil {
		err = r.whole(ctx, request, model, call.Task.Spec.HasTests(), &answer, &bill)
	} else {
		begun, err = r.stream(ctx, call.Out, request, model, &answer, &bill)
	}
	answer.Spent, answer.Usage = bill.settle(err, r.g.Now().Sub(started))
	if err != nil {
		answer.Model = ""
		return answer, begun, err
	}
	if request.Endpoint() == openai.Chat && bill.seen < request.N { // what is known of the host said otherwise, or nothing
		answer.Warnings = append(answer.Warnings, fmt.Sprintf("n: %s gave %d of the %d choices that were asked for", name, bill.seen, request.N))
	}
	// Both arms are judged, or the policy would learn about one only.
	text := bill.text
	if request.N > 1 {
		text = bill.first
	}
	if answer.Report = r.g.judge(ctx, call.Task, text); answer.Report != nil && request.N > 1 {
		answer.Warnings = append(answer.Warnings, "n: of several choices the first one was tested")
	}
	if call.Task.Spec.OnFail == search.OnFailError && answer.Report != nil && answer.Report.Verdict == sandbox.Failed {
		return answer, begun, unverified("The answer did not pass the tests.")
	}
	return answer, begun, nil
}

func (r direct) whole(ctx context.Context, q *openai.ChatRequest, m Model, tested bool, a *Answer, bill *meter) error {
	reply, err := m.Client.Complete(ctx, q)
	bill.tries = reply.Tries
	if err != nil {
		return err
	}
	a.Reply, a.Header = reply.ChatResponse, reply.Header
	bill.usage = reply.Usage
	if len(reply.Choices) > 0 { // embeddings have none
		bill.finish = reply.Choices[0].Finish()
	}
	bill.seen = len(reply.Choices)
	if reply.Usage != nil && !tested { // the text is for counting and for the tests
		return nil
	}
	for i, c := range reply.Choices {
		bill.text = c.AppendText(bill.text)
		if i == 0 && q.N > 1 {
			bill.first = c.AppendText(nil)
		}
	}
	return nil
}

func (r direct) stream(ctx context.Context, out Sink, q *openai.ChatRequest, m Model, a *Answer, bill *meter) (begun bool, err error) {
	s, err := m.Client.Stream(ctx, q)
	if err != nil {
		return false, err
	}
	defer s.Close()
	bill.tries = s.Tries
	a.Header = s.Header
	for chunk, err := range s.Chunks() {
		if err != nil {
			return begun, err
		}
		bill.add(chunk)
		if !begun {
			begun = true
			out.Begin(a.Model, s.Header)
		}
		if err := out.Chunk(chunk); err != nil {
			return begun, gone(s, err)
		}
	}
	return begun, nil
}

// gone is the error of a stream whose reader went away: the provider has worked.
func gone(s *upstream.Stream, err error) error {
	return &openai.CallError{Failure: openai.Cancelled, Tries: s.Tries, Spent: true, Err: err}
}
