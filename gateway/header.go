package gateway

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"github.com/drover-llm/drover/policy"
)

// Headers of replies, in canonical form, so that set need not make it for every
// request.
const (
	headerRequestID  = "X-Request-Id"
	headerRoute      = "X-Drover-Route"
	headerReason     = "X-Drover-Reason"
	headerVerified   = "X-Drover-Verified"
	headerVerify     = "X-Verify-Verified" // the same, under the name of the request's field
	headerTests      = "X-Drover-Tests"
	headerSamples    = "X-Drover-Samples"
	headerCost       = "X-Drover-Cost-Usd"
	headerSaved      = "X-Drover-Saved-Usd"
	headerRemaining  = "X-Drover-Budget-Remaining-Usd"
	headerOverhead   = "X-Drover-Overhead-Ms"
	headerWarnings   = "X-Drover-Warnings"
	headerProcessing = "Openai-Processing-Ms"
	rateLimitPrefix  = "X-Ratelimit-"
)

// set sets headers: of each its canonical name, and then its value.
func set(h http.Header, pairs ...string) {
	values := make([]string, len(pairs)/2) // one piece of memory for all
	for i := range values {
		values[i] = pairs[2*i+1]
		h[pairs[2*i]] = values[i : i+1 : i+1]
	}
}

// setHeaders sets what is known when an answer begins.
func setHeaders(h http.Header, d Decision, a Answer, provider http.Header) {
	set(h, headerRoute, a.Way, headerReason, d.reason(a))
	// For a key without limits here, the provider's are those that hold.
	for name, values := range provider {
		if strings.HasPrefix(name, rateLimitPrefix) {
			h[name] = values
		}
	}
}

// setCostHeaders sets what is known when an answer is complete.
func setCostHeaders(h http.Header, v verification, o policy.Outcome) {
	word := v.verifiedWord()
	set(h,
		headerVerified, word,
		headerVerify, word,
		headerTests, strconv.Itoa(v.Tests.Passed)+"/"+strconv.Itoa(v.Tests.Total),
		headerSamples, strconv.Itoa(v.Samples.Drawn),
		headerCost, string(v.Cost),
		headerSaved, string(v.Saved),
		headerOverhead, strconv.FormatInt(overhead(o).Milliseconds(), 10))
}

// tellSpent sets the header of an error as that of an answer, where the request has
// an outcome: it may have cost money all the same.
func (g *Gateway) tellSpent(h http.Header, call Call, d Decision, a Answer, o policy.Outcome) {
	if o.ID == "" {
		return
	}
	a.Way = cmp.Or(a.Way, d.way())
	setHeaders(h, d, a, nil)
	setCostHeaders(h, g.verification(call, d, a, o), o)
}

// setWarnings tells in a header what was left out or changed, where the reply has
// no verify object to tell it.
func setWarnings(h http.Header, warnings []string) {
	if len(warnings) == 0 {
		return
	}
	set(h, headerWarnings, strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, strings.Join(warnings, "; ")))
}
