package standin

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// defaultRetryAfter is what a refusal announces when its script does not say.
const defaultRetryAfter = time.Second

// apiError is an error reply in OpenAI's shape.
type apiError struct {
	status     int
	retryAfter time.Duration // 0: not announced

	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

// newError makes an error reply; an empty code or param is null in it.
func newError(status int, kind, code, param, format string, args ...any) *apiError {
	e := &apiError{status: status, Type: kind, Message: fmt.Sprintf(format, args...)}
	if code != "" {
		e.Code = &code
	}
	if param != "" {
		e.Param = &param
	}
	return e
}

func invalid(code, param, format string, args ...any) *apiError {
	return newError(http.StatusBadRequest, "invalid_request_error", code, param, format, args...)
}

func unknownModel(model string) *apiError {
	return newError(http.StatusNotFound, "invalid_request_error", "model_not_found", "",
		"The model `%s` does not exist or you do not have access to it (simulated).", model)
}

func contextTooLong(limit, tokens int64) *apiError {
	return invalid("context_length_exceeded", "messages",
		"This model's maximum context length is %d tokens. However, your messages resulted in %d tokens (simulated).", limit, tokens)
}

var errUnauthorized = newError(http.StatusUnauthorized, "invalid_request_error", "invalid_api_key", "",
	"Incorrect API key provided (simulated).")

func (e *apiError) write(w http.ResponseWriter) {
	if e.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.retryAfter.Seconds()))))
		w.Header().Set("Retry-After-Ms", strconv.FormatInt(e.retryAfter.Milliseconds(), 10))
	}
	writeJSON(w, e.status, encode(e.body()))
}

func (e *apiError) body() any {
	return struct {
		Error *apiError `json:"error"`
	}{e}
}
