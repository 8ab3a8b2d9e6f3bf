package gateway

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/search"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// failure is an error as a client gets it. Nearly all error bodies are made in this
// file. What a provider said goes to the log only, but for what it found wrong with
// the request itself.
type failure struct {
	status     int
	body       openai.Error
	retryAfter time.Duration // sent as Retry-After when positive
	final      bool          // tells SDKs not to try again
	theirs     bool          // the body is a provider's
}

func (f *failure) Error() string { return f.body.Message }

// word is the error's code, or else its type, as far as it is a word. Of a
// provider's error it is one of those that are known, since a provider may repeat
// in it what the client sent.
func (f *failure) word() string {
	for _, s := range []string{f.body.Code, f.body.Type} {
		if errorWord.MatchString(s) && (!f.theirs || slices.Contains(theirWords, s)) {
			return s
		}
	}
	return "invalid_request_error"
}

// theirWords are codes and types by which providers refuse a request.
var theirWords = []string{
	"context_length_exceeded", "content_filter", "content_policy_violation", "invalid_image", "invalid_image_format", "invalid_prompt",
	"invalid_request_error", "invalid_type", "invalid_value", "missing_required_parameter", "model_not_found", "string_above_max_length",
	"unknown_parameter", "unsupported_parameter", "unsupported_value",
}

var errorWord = regexp.MustCompile(`^[a-z][a-z0-9_.-]{0,63}$`)

// statusGone is logged for a client that did not wait for its answer.
const statusGone = 499

var errNoKey = &failure{status: http.StatusUnauthorized, body: openai.Error{
	Message: "You didn't provide an API key. Send yours in an Authorization header: Authorization: Bearer drv-…",
	Type:    "invalid_request_error",
}}

// wrongKey shows the token's ends only: errors are logged by clients.
func wrongKey(token string) *failure {
	shown := "***"
	if len(token) >= 16 {
		shown = token[:4] + "***" + token[len(token)-2:]
	}
	return &failure{status: http.StatusUnauthorized, body: openai.Error{
		Message: "Incorrect API key provided: " + shown + ". Ask your administrator for one, or make one with: drover keys create",
		Type:    "invalid_request_error", Code: "invalid_api_key",
	}}
}

// endedKey tells the holder of a key, whose secret was right, why it is not taken.
func endedKey(e *policy.EndedKeyError) *failure {
	message := "This API key (id " + e.ID + ") expired at " + e.At.Format(time.RFC3339) + ". Ask your administrator for another, or to let it go on with: drover keys change " + e.ID + " --expires 90d"
	if errors.Is(e, policy.ErrRevokedKey) {
		message = "This API key (id " + e.ID + ") was revoked at " + e.At.Format(time.RFC3339) + ". Ask your administrator for another; drover keys create makes one"
	}
	return &failure{status: http.StatusUnauthorized, body: openai.Error{Message: message, Type: "invalid_request_error", Code: "invalid_api_key"}}
}

func unknownModel(name string, known []string) *failure {
	return &failure{status: http.StatusNotFound, body: openai.Error{
		Message: fmt.Sprintf("The model %.64q does not exist or you do not have access to it. There are: %s.", name, strings.Join(known, ", ")),
		Type:    "invalid_request_error", Code: codeModelNotFound,
	}}
}

const codeModelNotFound = "model_not_found"

func modelNotAllowed(name string, known []string) *failure {
	may := "It may use: " + strings.Join(known, ", ") + "."
	if len(known) == 0 {
		may = "It may use none, since its own models are not among its team's. Tell your administrator."
	}
	return &failure{status: http.StatusForbidden, body: openai.Error{
		Message: fmt.Sprintf("This API key may not use the model %q. %s", name, may),
		Type:    "invalid_request_error", Param: "model", Code: "model_not_allowed",
	}}
}

func unknownPath(method, path string) *failure {
	return &failure{status: http.StatusNotFound, body: *openai.BadRequest("", "There is nothing at %s %s. Is the base URL right? It should end in /v1.", method, shownPath(path))}
}

var pathWord = regexp.MustCompile(`^(|v1|[a-z_]{1,16})$`)

// shownPath is a path as errors and the log have it: what might be a key or a
// prompt in it, and not a word of an API, is left out.
func shownPath(path string) string {
	parts := strings.SplitN(path, "/", 8)
	for i, part := range parts {
		if !pathWord.MatchString(part) {
			parts[i] = "…"
		}
	}
	return strings.Join(parts, "/")
}

func wrongMethod(method, path string) *failure {
	f := &failure{status: http.StatusMethodNotAllowed, body: *openai.BadRequest("", "%s is not allowed at %s.", method, shownPath(path))}
	f.body.Code = "method_not_supported"
	return f
}

func tooLarge(most int64) *failure {
	return &failure{status: http.StatusRequestEntityTooLarge,
		body: *openai.BadRequest("", "The request body is larger than %s. Send less, for example smaller images.", sandbox.Bytes(most))}
}

var errSuiteTooLarge = &failure{status: http.StatusRequestEntityTooLarge,
	body: *openai.BadRequest("", "The suite is larger than %d MiB. Send what the tests need only, or several suites.", policy.MaxSuiteBytes>>20)}

var errSuitesFull = &failure{status: http.StatusBadRequest, body: openai.Error{
	Message: fmt.Sprintf("There are %d suites, or %d MiB of them, which is the most that a team may have. Delete some with DELETE /v1/verify/suites/{id}.", policy.MaxSuites, policy.MaxSuitesSize>>20),
	Type:    "invalid_request_error", Code: "too_many_suites"}}

var errUnknownSuite = &failure{status: http.StatusNotFound, body: openai.Error{
	Message: "There is no such suite. POST /v1/verify/suites registers one; a suite belongs to the team of the key that registered it.",
	Type:    "invalid_request_error", Code: search.CodeSuiteNotFound}}

var errUnknownOutcome = &failure{status: http.StatusNotFound, body: openai.Error{
	Message: "There is no answer of this id. It is the id of a chat completion that a key of your team was given.",
	Type:    "invalid_request_error", Param: "id", Code: "outcome_not_found"}}

var errFeedbackFull = &failure{status: http.StatusBadRequest, body: openai.Error{
	Message: fmt.Sprintf("%d sources have spoken about this answer already. Use the name of one of them.", policy.MaxFeedbackSources),
	Type:    "invalid_request_error", Param: "source", Code: "too_many_sources"}}

var errOverloaded = &failure{status: http.StatusServiceUnavailable, retryAfter: 2 * time.Second, body: openai.Error{
	Message: "Drover is at its capacity. Try again in a moment.", Type: "server_error", Code: "overloaded",
}}

// ErrStopping is the cause by which a server ends the requests that are still
// under way when its patience is over.
var ErrStopping error = errStopping

var errStopping = &failure{status: http.StatusServiceUnavailable, retryAfter: 2 * time.Second, body: openai.Error{
	Message: "This instance of Drover is stopping. Try again in a moment.", Type: "server_error", Code: "overloaded",
}}

// budgetSpent is for a request whose worst case is more than its budget has left.
func budgetSpent(budget string, ceiling, left pricing.USD, resets time.Time) *failure {
	when := "It does not begin anew; ask your administrator."
	if !resets.IsZero() {
		when = "It begins anew at " + resets.UTC().Format(time.RFC3339) + "."
	}
	if left > 0 {
		when += " With a lower max_tokens, or a shorter prompt, a request might cost less."
	}
	return &failure{status: http.StatusTooManyRequests, final: true, body: openai.Error{
		Message: fmt.Sprintf("The budget %s has $%s left, and this request might cost $%s. %s", budget, left, ceiling, when),
		Type:    "insufficient_quota", Code: "insufficient_quota"}}
}

// budgetBusy is for a request that may fit in a moment, when others have ended and
// given back what they did not spend.
func budgetBusy(budget string) *failure {
	return &failure{status: http.StatusTooManyRequests, retryAfter: time.Second, body: openai.Error{
		Message: fmt.Sprintf("All that the budget %s has left is held by requests under way. Try again in a moment, or set max_tokens: less is held then.", budget),
		Type:    "requests", Code: "rate_limit_exceeded"}}
}

// budgetTooSmall is for a request that no plan answers within a budget's
// per_request.
func budgetTooSmall(budget string, least, most pricing.USD) *failure {
	return &failure{status: http.StatusBadRequest, body: openai.Error{
		Message: fmt.Sprintf("The budget %s allows $%s a request, and the least that could answer this one might cost $%s. Set a lower max_tokens, or send a shorter prompt.", budget, most, least),
		Type:    "invalid_request_error", Code: "budget_too_small"}}
}

// overLimit is for a request that came too soon.
func overLimit(e *errOver) *failure {
	kind := e.kind
	if kind == "parallel" {
		kind = "requests"
	}
	wait := min(max(e.wait, time.Second), time.Minute)
	return &failure{status: http.StatusTooManyRequests, retryAfter: wait, body: openai.Error{
		Message: fmt.Sprintf("Rate limit reached on %s: Limit %d, Used %d, Requested %d. Please try again in %v.", e.what, e.limit, e.used, e.of, wait.Round(time.Millisecond)),
		Type:    kind, Code: "rate_limit_exceeded"}}
}

// tooManyTokens is for a request that waiting does not help.
func tooManyTokens(limit, asked int64) *failure {
	return &failure{status: http.StatusTooManyRequests, final: true, body: openai.Error{
		Message: fmt.Sprintf("The request is too large for the limit on tokens per minute: Limit %d, Requested %d. Set a lower max_tokens, or send a shorter prompt.", limit, asked),
		Type:    "tokens", Code: "rate_limit_exceeded"}}
}

// noCeiling is for a request under a budget whose worst case is not known: nothing
// is spent then, since nobody could tell whether the budget holds.
func noCeiling(model string, why error) *failure {
	f := &failure{status: http.StatusBadRequest, body: openai.Error{
		Message: fmt.Sprintf("A budget applies to this request, and what it can cost at most is not known: of %s, %v.", model, why),
		Type:    "invalid_request_error", Param: "model", Code: "cost_unknown"}}
	switch {
	case errors.Is(why, errNoPrice):
		f.body.Message += " Tell your administrator to state price: with the model."
	case errors.Is(why, errUnbounded):
		f.body.Param = "messages"
		f.body.Message += " Leave out files, web searches and references to what the provider keeps, and ask no model that searches by itself; text, images and audio are fine."
	case !errors.Is(why, errNoLimit):
		return errInternal
	}
	return f
}

// errUnknownBudget is for a key under a budget that the configuration lost.
var errUnknownBudget = &failure{status: http.StatusForbidden, body: openai.Error{
	Message: "This API key is charged to a budget that the configuration does not have, so it can spend nothing. Tell your administrator.",
	Type:    "invalid_request_error", Code: "budget_unknown",
}}

// errNoLedger keeps the promise that nothing is spent that cannot be journalled.
var errNoLedger = &failure{status: http.StatusServiceUnavailable, retryAfter: 5 * time.Second, body: openai.Error{
	Message: "Drover cannot journal what this request would spend, so it did not answer it. Tell your administrator: the ledger needs attention.",
	Type:    "server_error", Code: "ledger_unavailable",
}}

// errNotRecorded is for an answer that was paid for and could not be journalled.
var errNotRecorded = &failure{status: http.StatusServiceUnavailable, final: true, body: openai.Error{
	Message: "Drover could not journal what this request spent, so it withholds the answer. Tell your administrator: the ledger needs attention.",
	Type:    "server_error", Code: "ledger_unavailable",
}}

var errInternal = &failure{status: http.StatusInternalServerError, body: openai.Error{
	Message: "Drover failed to handle this request. The log has it under the request id.", Type: "server_error", Code: "internal_error",
}}

// asFailure turns any error into what the client gets.
func asFailure(err error) *failure {
	var f *failure
	var bad *openai.Error
	var call *openai.CallError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &bad) && bad.Code == search.CodeSuiteNotFound:
		return &failure{status: http.StatusNotFound, body: *bad}
	case errors.As(err, &bad):
		return &failure{status: http.StatusBadRequest, body: *bad}
	case errors.As(err, &call):
		return callFailure(call)
	}
	return errInternal
}

// failureOf is asFailure for an error of a request: what ended because Drover
// stops did not end because the client left.
func failureOf(ctx context.Context, err error) *failure {
	f := asFailure(err)
	if f.status == statusGone && errors.Is(context.Cause(ctx), ErrStopping) {
		var call *openai.CallError
		stopped := *errStopping
		stopped.final = errors.As(err, &call) && call.Spent
		return &stopped
	}
	return f
}

// callFailure is what the client gets when no model answered. Once money was
// spent an SDK's automatic retry would spend it again, so it is told not to.
func callFailure(e *openai.CallError) *failure {
	server := func(status int, code, message string) *failure {
		f := &failure{status: status, final: e.Spent, body: openai.Error{Message: message, Type: "server_error", Code: code}}
		if !e.Spent && status != http.StatusGatewayTimeout {
			f.retryAfter = max(e.RetryAfter, time.Second)
		}
		return f
	}
	switch e.Failure {
	case openai.Refused:
		return refusedByModel(e)
	case openai.RateLimited:
		return &failure{status: http.StatusTooManyRequests, final: e.Spent, retryAfter: max(e.RetryAfter, time.Second), body: openai.Error{
			Message: "The model's provider is receiving too many requests. Try again later.", Type: "requests", Code: "rate_limit_exceeded"}}
	case openai.NoQuota:
		return &failure{status: http.StatusTooManyRequests, final: true, body: openai.Error{
			Message: "The quota with the model's provider is used up. Tell your administrator.", Type: "insufficient_quota", Code: "insufficient_quota"}}
	case openai.Denied:
		f := server(http.StatusBadGateway, "upstream_error", "The model's provider refused Drover's credentials, or does not have the model or this endpoint. Tell your administrator.")
		f.retryAfter, f.final = 0, true
		return f
	case openai.TimedOut:
		return server(http.StatusGatewayTimeout, "upstream_timeout", "The model did not answer in time.")
	case openai.Full:
		return &failure{status: http.StatusServiceUnavailable, final: e.Spent, retryAfter: max(e.RetryAfter, time.Second), body: openai.Error{
			Message: "As many calls to the model's provider are under way as are allowed. Try again in a moment.", Type: "server_error", Code: "overloaded"}}
	case openai.Open:
		return server(http.StatusBadGateway, "upstream_error", "The model has been failing and is being left alone for a moment. Try again later.")
	case openai.Cut:
		return server(http.StatusBadGateway, "upstream_error", "The model's answer broke off before its end.")
	case openai.BadReply:
		return server(http.StatusBadGateway, "upstream_error", "The model's provider sent a reply that could not be understood.")
	case openai.Cancelled:
		return &failure{status: statusGone, body: openai.Error{Message: "The client closed the connection.", Type: "server_error", Code: "client_closed_request"}}
	}
	return server(http.StatusBadGateway, "upstream_error", "The model's provider failed to answer.")
}

// refusedByModel passes on what a provider found wrong with the request, in
// OpenAI's words where clients act on them, and without the prompt: applications
// log errors.
func refusedByModel(e *openai.CallError) *failure {
	f := &failure{status: e.Status, body: *openai.BadRequest("", "The model's provider refused the request (HTTP %d).", e.Status)}
	if e.Detail == nil {
		return f
	}
	f.body, f.theirs = *e.Detail, true
	f.body.Type = "invalid_request_error" // vLLM says BadRequestError, llama.cpp exceed_context_size_error
	message := strings.ToLower(f.body.Message)
	for _, sign := range []string{"maximum context length", "context length", "context window", "context size", "too many tokens", "max_new_tokens"} {
		if strings.Contains(message, sign) {
			f.body.Code, f.status = "context_length_exceeded", http.StatusBadRequest
			if f.body.Param == "" {
				f.body.Param = "messages"
			}
		}
	}
	f.body.Message = openai.WithoutEcho(f.body.Message, e.Sent)
	for _, word := range []*string{&f.body.Param, &f.body.Code} {
		if openai.WithoutEcho(*word, e.Sent) != *word {
			*word = ""
		}
	}
	return f
}

// writeHeaders sets what tells the SDKs when to try again.
func (f *failure) writeHeaders(h http.Header) {
	if f.final {
		h.Set("x-should-retry", "false")
	} else if f.retryAfter > 0 {
		wait := min(max(f.retryAfter, time.Second), time.Minute)
		seconds := int(math.Ceil(wait.Seconds()))
		h.Set("Retry-After", strconv.Itoa(seconds))
		h.Set("retry-after-ms", strconv.FormatInt(wait.Milliseconds(), 10))
	}
	if f.status == http.StatusMethodNotAllowed && h.Get("Allow") == "" {
		h.Set("Allow", "GET, POST")
	}
}
