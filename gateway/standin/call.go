package standin

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// endpoint is what differs between the endpoints that call a model.
type endpoint struct {
	path  string
	parse func(*body) want
	write func(*call)
}

// want is what a request asks for, in the words that the endpoints share.
type want struct {
	model     string
	prompt    string // all texts of the prompt
	tokens    int64  // of the prompt, with what the format adds
	n         int    // choices
	stream    bool
	withUsage bool     // usage at the end of a stream
	limit     int      // most completion tokens of a choice; 0: none
	stop      []string // the answer ends before any of these
	logprobs  bool
	top       int            // alternatives of each token
	tool      string         // the function that has to be called
	schema    jsontext.Value // JSON has to be answered that fits; nil: text
	inputs    []string       // what to embed, or the prompts of a completion
	size      int            // of an embedding
	base64    bool           // of an embedding
	echo      bool           // the prompt precedes the text
	extra     map[string]jsontext.Value

	strictFault *apiError // what the fault "strict" answers
}

// call is one request on its way to its reply.
type call struct {
	server  *Server
	w       http.ResponseWriter
	ctx     context.Context
	request Request
	want    want
	script  Script
	faults  []Fault
	answers []Answer
	choices []choice
	usage   Usage // of the whole reply; Completion is what the reply reports
	sent    int64 // completion tokens that were produced so far
	billed  bool
}

// choice is one answer as it is sent.
type choice struct {
	text   string
	tokens int
	tool   *ToolCall
	finish string
}

// serve answers the calls of one endpoint.
func (s *Server) serve(e endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		arrived := s.config.Now()
		data, err := readBody(w, r)
		if err != nil {
			newError(http.StatusRequestEntityTooLarge, "invalid_request_error", "", "", "Reading the request body failed: %v.", err).write(w)
			return
		}
		b := parseBody(data)
		var wants want
		if b.fault == nil {
			wants = e.parse(b)
		}
		request := Request{
			Path: e.path, Model: wants.model, Prompt: wants.prompt, Stream: wants.stream,
			Header: r.Header, Body: data, Arrived: arrived,
		}
		request.Call = s.record(request)
		if b.fault != nil {
			b.fault.write(w)
			return
		}
		script, ok := s.script(wants.model)
		if !ok {
			unknownModel(wants.model).write(w)
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(s.stopped, cancel)()
		c := &call{server: s, w: w, ctx: ctx, request: request, want: wants, script: script}
		c.run(e)
	}
}

func (c *call) run(e endpoint) {
	c.usage.Prompt = c.want.tokens
	if c.script.FaultCalls <= 0 || c.request.Call <= c.script.FaultCalls {
		c.faults = c.script.Faults
	}
	wait := c.script.FirstByte
	if c.has(Slow) {
		wait += c.server.config.Slow
	}
	if !c.sleep(wait) || c.refused() {
		return // a refused call takes none of the script's answers
	}
	if c.has(OneChoice) {
		c.want.n = 1
	}
	first := c.server.take(c.request.Model, c.want.n)
	for i := range c.want.n {
		c.request.Choice = i
		c.answers = append(c.answers, c.script.answer(c.request, first))
	}
	if own := c.answers[0].Faults; len(own) > 0 {
		c.faults = slices.Concat(c.faults, own)
		if slices.Contains(own, Slow) && !c.sleep(c.server.config.Slow) || c.refused() {
			return
		}
	}
	c.compose()
	// A reply that ends early, by a fault or because the client left, is billed too.
	defer c.bill()
	e.write(c)
}

// compose makes the choices and the usage of the reply.
func (c *call) compose() {
	for i, a := range c.answers {
		c.choices = append(c.choices, c.choice(a))
		c.usage.Completion += int64(c.choices[i].tokens)
	}
	if u := c.answers[0].Usage; u != nil {
		c.usage = *u
	}
	if c.has(EmptyChoices) {
		c.choices, c.usage.Completion, c.usage.Reasoning = nil, 0, 0
	}
}

func (c *call) choice(a Answer) choice {
	out := choice{text: a.Text, tool: a.Tool, finish: "stop"}
	if a.Text == "" && a.Tool == nil {
		switch {
		case c.has(Huge):
			out.text = strings.Repeat(simulatedText, c.server.config.Huge/len(simulatedText)+1)
		case c.want.tool != "":
			out.tool = &ToolCall{c.want.tool, string(fit(c.want.schema))}
		case c.want.schema != nil:
			out.text = string(fit(c.want.schema))
		default:
			out.text = defaultText(c.script.Chunks)
		}
	}
	for _, stop := range c.want.stop {
		if at := strings.Index(out.text, stop); at >= 0 && stop != "" {
			out.text = out.text[:at]
		}
	}
	limit := c.want.limit
	if limit <= 0 {
		limit = len(out.text)
	}
	whole := out.text
	out.text, out.tokens = firstTokens(whole, limit)
	if len(out.text) < len(whole) {
		out.finish = "length"
	}
	if out.tool != nil {
		out.tokens += countTokens(out.tool.Name) + countTokens(out.tool.Arguments)
		out.finish = "tool_calls"
	}
	if a.Finish != "" {
		out.finish = a.Finish
	}
	return out
}

// fingerprint is what a reply says of where it comes from.
func (c *call) fingerprint() string {
	if c.script.Recorded {
		return recordedFingerprint
	}
	return fingerprint
}

// bill charges what was produced, once. A reply that was sent whole is charged
// as it reports.
func (c *call) bill() {
	if c.billed {
		return
	}
	c.billed = true
	u := c.usage
	if c.sent < c.usage.Completion {
		u.Completion = c.sent
		u.Reasoning = min(u.Reasoning, u.Completion)
	}
	c.server.bill(c.request.Model, u)
}

// finished marks the whole answer as produced and bills it, before its last
// byte is sent: whoever has the reply finds it in the bill.
func (c *call) finished() {
	c.sent = c.usage.Completion
	c.bill()
}

// sleep waits and says whether the client is still there.
func (c *call) sleep(d time.Duration) bool {
	if d <= 0 {
		return c.ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.ctx.Done():
		return false
	}
}

// writeWhole sends a reply that is no stream, spoilt as the faults ask.
func (c *call) writeWhole(data []byte) {
	c.finished()
	if c.has(ErrorEvent) {
		writeJSON(c.w, http.StatusOK, encode(errSpoilt.body()))
		return
	}
	switch {
	case c.has(Malformed):
		writeJSON(c.w, http.StatusOK, data[:len(data)/2])
	case c.has(Cut):
		c.w.Header().Set("Content-Type", "application/json")
		c.w.WriteHeader(http.StatusOK)
		_, _ = c.w.Write(data[:len(data)/2])
		_ = http.NewResponseController(c.w).Flush()
		panic(http.ErrAbortHandler)
	default:
		writeJSON(c.w, http.StatusOK, data)
	}
}

// errSpoilt is the error of the fault "event".
var errSpoilt = newError(http.StatusInternalServerError, "server_error", "", "", "The server had an error while processing your request (simulated).")
