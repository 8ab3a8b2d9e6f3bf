package admin

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"
)

// apiError is an answer that says what was wrong. Param and Code are null where
// empty.
type apiError struct {
	status  int
	kind    string // the type of the error, in OpenAI's words
	code    string
	param   string
	message string
}

func (e *apiError) Error() string { return e.message }

// Types of errors.
const (
	invalidRequest = "invalid_request_error"
	serverError    = "server_error"
)

// body is what goes over the wire; all four keys are always there.
func (e *apiError) body() any {
	type inner struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
	}
	i := inner{Message: e.message, Type: e.kind}
	if e.param != "" {
		i.Param = &e.param
	}
	if e.code != "" {
		i.Code = &e.code
	}
	return map[string]inner{"error": i}
}

// answerError is echo's error handler: whatever went wrong becomes an apiError.
func (s *Server) answerError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	e := s.asAPIError(err, c)
	if e.status == http.StatusUnauthorized {
		c.Response().Header().Set(echo.HeaderWWWAuthenticate, "Bearer")
	}
	if err := c.JSON(e.status, e.body()); err != nil {
		s.log.Debug("admin: answering", "error", err)
	}
}

func (s *Server) asAPIError(err error, c echo.Context) *apiError {
	var e *apiError
	if errors.As(err, &e) {
		return e
	}
	r := c.Request()
	var h *echo.HTTPError
	if errors.As(err, &h) {
		switch h.Code {
		case http.StatusNotFound:
			return &apiError{http.StatusNotFound, invalidRequest, "", "", fmt.Sprintf("unknown path: %s %s", r.Method, r.URL.Path)}
		case http.StatusMethodNotAllowed:
			return &apiError{http.StatusMethodNotAllowed, invalidRequest, "method_not_supported", "",
				fmt.Sprintf("%s is not supported on %s", r.Method, r.URL.Path)}
		}
	}
	s.log.Error("admin: request failed", "method", r.Method, "path", c.Path(), "error", err)
	return &apiError{http.StatusInternalServerError, serverError, "", "", "internal error; the log says more"}
}
