package gateway

import (
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

func set(h http.Header, canonical, value string) { h[canonical] = []string{value} }

// setHeaders sets what is known when an answer begins.
func setHeaders(h http.Header, d Decision, a Answer, provider http.Header) {
	set(h, headerRoute, a.Way)
	set(h, headerReason, d.reason(a))
	// For a key without limits here, the provider's are those that hold.
	for name, values := range provider {
		if strings.HasPrefix(name, rateLimitPrefix) {
			h[name] = values
		}
	}
}

// setCostHeaders sets what is known when an answer is complete.
func setCostHeaders(h http.Header, v verification, o policy.Outcome) {
	word := "null"
	if v.Verified != nil {
		word = strconv.FormatBool(*v.Verified)
	}
	set(h, headerVerified, word)
	set(h, headerVerify, word)
	set(h, headerTests, strconv.Itoa(v.Tests.Passed)+"/"+strconv.Itoa(v.Tests.Total))
	set(h, headerSamples, strconv.Itoa(v.Samples.Drawn))
	set(h, headerCost, string(v.Cost))
	set(h, headerSaved, string(v.Saved))
	set(h, headerOverhead, strconv.FormatInt(overhead(o).Milliseconds(), 10))
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
