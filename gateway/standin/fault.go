package standin

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Fault is a way in which a host fails. Its text is the name that a model
// "fault-NAME" asks for it by.
type Fault string

// Faults that refuse a call. Nothing is billed.
const (
	RateLimited   Fault = "429"        // 429 rate_limit_exceeded with Retry-After
	QuotaSpent    Fault = "quota"      // 429 insufficient_quota
	ServerError   Fault = "500"        // 500 server_error
	Unavailable   Fault = "503"        // 503 overloaded
	Unauthorized  Fault = "401"        // 401 invalid_api_key
	UnknownModel  Fault = "404"        // 404 model_not_found
	ContextLength Fault = "context"    // 400 context_length_exceeded
	HTMLPage      Fault = "html"       // 502 with a page of HTML, as a proxy in between gives
	Timeout       Fault = "timeout"    // no answer until the client leaves
	RefuseN       Fault = "n"          // 400 for n above 1; other calls are answered
	RefuseUnknown Fault = "strict"     // 400 for fields that OpenAI does not know or GPT-4o does not take
	HangUp        Fault = "disconnect" // the connection closes before a reply
)

// Faults that spoil an answer. What was produced is billed.
const (
	Slow         Fault = "slow"      // a long wait before the first byte
	Cut          Fault = "cut"       // the connection closes half-way, without [DONE]
	Malformed    Fault = "malformed" // JSON that ends half-way, whole or in a chunk
	NoUsage      Fault = "nousage"   // no usage, also where it was asked for
	EmptyChoices Fault = "empty"     // choices: []
	ErrorEvent   Fault = "event"     // an error object in the stream half-way, or with status 200
	Huge         Fault = "huge"      // an answer of many megabytes
	OneChoice    Fault = "one"       // one choice, whatever n is
	LlamaDeltas  Fault = "llama"     // no ids and fewer keys; the role in each delta, as some hosts of Llama send it
)

// Faults lists every fault.
func Faults() []Fault {
	return []Fault{
		RateLimited, QuotaSpent, ServerError, Unavailable, Unauthorized, UnknownModel, ContextLength, HTMLPage, Timeout,
		RefuseN, RefuseUnknown, HangUp, Slow, Cut, Malformed, NoUsage, EmptyChoices, ErrorEvent, Huge, OneChoice, LlamaDeltas,
	}
}

const faultPrefix = "fault-"

// scriptOfName reads a model's name of the form fault-NAME, fault-NAME-K and
// fault-NAME+NAME-K.
func scriptOfName(model string) (Script, bool) {
	names, ok := strings.CutPrefix(model, faultPrefix)
	if !ok {
		return Script{}, false
	}
	var s Script
	if at := strings.LastIndexByte(names, '-'); at >= 0 {
		calls, err := strconv.Atoi(names[at+1:])
		if err != nil || calls < 1 {
			return Script{}, false
		}
		names, s.FaultCalls = names[:at], calls
	}
	for name := range strings.SplitSeq(names, "+") {
		if !slices.Contains(Faults(), Fault(name)) {
			return Script{}, false
		}
		s.Faults = append(s.Faults, Fault(name))
	}
	return s, true
}

func (c *call) has(f Fault) bool { return slices.Contains(c.faults, f) }

// refused answers a call that a fault refuses, and says whether one did.
func (c *call) refused() bool {
	switch {
	case c.has(Timeout):
		<-c.ctx.Done()
		panic(http.ErrAbortHandler)
	case c.has(HangUp):
		panic(http.ErrAbortHandler)
	case c.has(HTMLPage):
		c.w.Header().Set("Content-Type", "text/html")
		c.w.WriteHeader(http.StatusBadGateway)
		_, _ = c.w.Write([]byte("<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1><hr>simulated</body></html>\n"))
		return true
	}
	refusal := c.refusal()
	if refusal != nil {
		refusal.write(c.w)
	}
	return refusal != nil
}

// refusal returns the error that refuses the call, or nil.
func (c *call) refusal() *apiError {
	for _, f := range c.faults {
		switch f {
		case RateLimited:
			e := newError(429, "requests", "rate_limit_exceeded", "", "Rate limit reached for %s (simulated).", c.request.Model)
			e.retryAfter = c.script.RetryAfter
			if e.retryAfter <= 0 {
				e.retryAfter = defaultRetryAfter
			}
			return e
		case QuotaSpent:
			return newError(429, "insufficient_quota", "insufficient_quota", "",
				"You exceeded your current quota, please check your plan and billing details (simulated).")
		case ServerError:
			return newError(500, "server_error", "", "", "The server had an error while processing your request (simulated).")
		case Unavailable:
			e := newError(503, "server_error", "overloaded", "", "The engine is currently overloaded, please try again later (simulated).")
			e.retryAfter = defaultRetryAfter
			return e
		case Unauthorized:
			return errUnauthorized
		case UnknownModel:
			return unknownModel(c.request.Model)
		case ContextLength:
			return contextTooLong(c.usage.Prompt/2, c.usage.Prompt)
		case RefuseN:
			if c.want.n > 1 {
				return newError(400, "invalid_request_error", "invalid_value", "n", "Only n=1 is supported (simulated).")
			}
		case RefuseUnknown:
			if c.want.strictFault != nil {
				return c.want.strictFault
			}
		}
	}
	if limit := c.script.Context; limit > 0 && c.usage.Prompt > limit {
		return contextTooLong(limit, c.usage.Prompt)
	}
	return nil
}
