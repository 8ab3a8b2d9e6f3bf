package gateway

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/search"
	"github.com/drover-llm/drover/policy"
)

// VerifyReply is the reply to POST /v1/verify and of `drover verify --json`: the
// verify object, and what the tests said one by one.
type VerifyReply struct {
	verification
	Verdict sandbox.Verdict `json:"verdict"`
	Checks  []sandbox.Check `json:"checks"`
	Output  string          `json:"output"`
}

// verify answers POST /v1/verify: it runs tests on a given answer, and asks no
// model.
func (g *Gateway) verify(c echo.Context) error {
	started := g.Now()
	key, body, release, err := g.received(c)
	if err != nil {
		return err
	}
	defer release()
	pass, err := g.admitted(c, key, 0)
	if err != nil {
		return err
	}
	defer pass.leave()
	answer, task, err := g.parseVerify(body, key, c.Request().Header)
	if err != nil {
		return err
	}
	if g.Sandbox == nil {
		return errNoSandbox
	}
	_, report, err := task.Judge(c.Request().Context(), g.Sandbox, answer)
	if err != nil {
		if c.Request().Context().Err() != nil {
			return &openai.CallError{Failure: openai.Cancelled, Err: err}
		}
		return openai.BadRequest("verify", "verify: %v", err)
	}
	reply, err := json.Marshal(NewVerifyReply(task, report, g.Now().Sub(started)))
	if err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, reply)
}

var errNoSandbox = &failure{status: http.StatusServiceUnavailable, retryAfter: time.Minute, body: openai.Error{
	Message: "Nothing can be tested by this instance of Drover.", Type: "server_error", Code: "overloaded"}}

// verifyFields are the members that a request may have.
var verifyFields = map[string]bool{"answer": true, "verify": true, "messages": true}

// parseVerify reads {"answer": text, "verify": {…}, "messages": […]}. The
// messages are the request that the answer is to; tests may be found in them, and
// in what the headers name.
func (g *Gateway) parseVerify(body []byte, key policy.Key, h http.Header) (answer string, t search.Task, err error) {
	o, err := openai.DecodeStrict(body)
	if err != nil {
		return "", t, err
	}
	for _, m := range o {
		if !verifyFields[m.Name] {
			return "", t, openai.BadRequest(m.Name, "unknown parameter %.64q; the parameters are answer, verify and messages", m.Name)
		}
	}
	if o.Get("answer").Kind() != '"' {
		return "", t, openai.BadRequest("answer", "answer must be a string: a program, or a whole reply that holds one")
	}
	q := &openai.ChatRequest{Object: o, N: 1}
	if messages := o.Get("messages"); messages != nil {
		decoded, err := openai.DecodeChatRequest(openai.Object{{Name: "model", Value: openai.String("none")}, {Name: "messages", Value: messages}}.AppendJSON(nil))
		if err != nil {
			return "", t, err
		}
		q.Messages = decoded.Messages
	}
	if t, err = g.task(q, key, h); err != nil {
		return "", t, err
	}
	if !t.Spec.HasTests() {
		return "", t, openai.BadRequest("verify.tests", "verify.tests must be given, or cases, a command or a suite: there is nothing to run")
	}
	return openai.Text(o.Get("answer")), t, nil
}

// NewVerifyReply tells what tests said of an answer that no model was asked for.
func NewVerifyReply(t search.Task, r sandbox.Report, took time.Duration) VerifyReply {
	v := VerifyReply{
		verification: verification{
			Route: "direct", Reason: search.ReasonTestsGiven, ReasonText: "The answer was tested as it was given; no model was asked.",
			Verified: verified(&r), Cost: json.RawMessage("0"), BaselineCost: json.RawMessage("0"), Saved: json.RawMessage("0"),
			Tests: tests{Total: r.Total, Passed: r.Passed, Source: new(t.Source)}, Samples: samples{Tested: 1},
			MS: times{Total: took.Milliseconds(), Tests: r.Wall.Milliseconds()}, Warnings: []string{},
		},
		Verdict: r.Verdict, Output: r.Output, Checks: append([]sandbox.Check{}, r.Checks...),
	}
	switch r.Verdict {
	case sandbox.Passed:
		v.Samples.Passed = 1
	case sandbox.Unjudged:
		v.Samples.Tested = 0
		v.ReasonText = "The answer could not be tested; no model was asked."
		v.Reason, v.Warnings = r.Reason, []string{"tests: " + r.Detail}
	}
	if r.Verdict != sandbox.Unjudged {
		v.Assurance = new(string(r.Assurance))
	}
	if r.Failure != "" {
		v.Failure = new(r.Failure)
	}
	return v
}
