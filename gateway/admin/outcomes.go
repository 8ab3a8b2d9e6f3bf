package admin

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/drover-llm/drover/policy"
)

// How many entries a page has.
const (
	defaultPage = 50
	largestPage = 1000
)

// OutcomeList answers GET /api/outcomes, the newest first. Next is the cursor of
// the next page, null at the end; a page may be short before that.
type OutcomeList struct {
	Outcomes []policy.Entry `json:"outcomes"`
	Next     *string        `json:"next"`
}

func (s *Server) listOutcomes(c echo.Context) error {
	filter, err := readFilter(c)
	if err != nil {
		return err
	}
	before, limit, err := readPage(c)
	if err != nil {
		return err
	}
	entries, next, err := s.control.Ledger.Find(c.Request().Context(), filter, before, limit)
	if err != nil {
		return s.unreadable(err)
	}
	list := OutcomeList{Outcomes: append([]policy.Entry{}, entries...), Next: cursor(next)}
	return c.JSON(http.StatusOK, list)
}

func (s *Server) showOutcome(c echo.Context) error {
	id := c.Param("id")
	e, err := s.control.Ledger.Outcome(id)
	switch {
	case errors.Is(err, policy.ErrUnknownOutcome):
		return &apiError{http.StatusNotFound, invalidRequest, "outcome_not_found", "id", fmt.Sprintf("there is no outcome with the id %.64q; it may have been forgotten (retention.outcomes)", id)}
	case err != nil:
		return s.unreadable(err)
	}
	return c.JSON(http.StatusOK, e)
}

func cursor(seq uint64) *string {
	if seq == 0 {
		return nil
	}
	text := strconv.FormatUint(seq, 10)
	return &text
}

// readPage reads the parameters cursor and limit.
func readPage(c echo.Context) (before uint64, limit int, err error) {
	if text := c.QueryParam("cursor"); text != "" {
		if before, err = strconv.ParseUint(text, 10, 64); err != nil || before == 0 {
			return 0, 0, badParam("cursor", "must be the next of an earlier page, got %.64q", text)
		}
	}
	limit = defaultPage
	if text := c.QueryParam("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > largestPage {
			return 0, 0, badParam("limit", "must be a number from 1 to %d, got %.64q", largestPage, text)
		}
	}
	return before, limit, nil
}

// filterParams are the parameters that readFilter knows.
var filterParams = []string{"key", "team", "route", "model", "status", "since", "until", "verified", "tag"}

// readFilter reads which outcomes are wanted. A parameter that it does not know
// is an error: it would be taken for a filter that finds nothing to leave out.
func readFilter(c echo.Context) (f policy.Filter, err error) {
	query := c.QueryParams()
	for name := range query {
		if known := strings.Join(filterParams, ", "); !strings.Contains(", "+known+", cursor, limit, format, ", ", "+name+", ") {
			return f, badParam(name, "is unknown; known are %s, cursor and limit", known)
		}
	}
	f.Key, f.Team, f.Route, f.Model = query.Get("key"), query.Get("team"), query.Get("route"), query.Get("model")
	if text := query.Get("status"); text != "" {
		if f.Status, err = strconv.Atoi(text); err != nil || f.Status < 100 || f.Status > 599 {
			return f, badParam("status", "must be an HTTP status such as 200, got %.64q", text)
		}
	}
	for name, at := range map[string]*time.Time{"since": &f.Since, "until": &f.Until} {
		text := query.Get(name)
		if text == "" {
			continue
		}
		if *at, err = readTime(text); err != nil {
			return f, badParam(name, "must be a day such as 2027-01-31 or a time such as 2027-01-31T12:00:00Z, got %.64q", text)
		}
	}
	switch f.Verified = query.Get("verified"); f.Verified {
	case "", "true", "false", "null":
	default:
		return f, badParam("verified", "must be true, false or null, got %.64q", f.Verified)
	}
	for _, text := range query["tag"] {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return f, badParam("tag", "must be name=value, got %.64q", text)
		}
		if f.Tags == nil {
			f.Tags = map[string]string{}
		}
		f.Tags[name] = value
	}
	return f, nil
}

// readTime reads a moment, or the beginning of a day in UTC.
func readTime(text string) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day, nil
	}
	return time.Parse(time.RFC3339, text)
}

func badParam(name, format string, args ...any) error {
	return &apiError{http.StatusBadRequest, invalidRequest, "invalid_value", name, name + " " + fmt.Sprintf(format, args...)}
}

// unreadable hides why the ledger cannot be read, which the log says.
func (s *Server) unreadable(err error) error {
	s.log.Error("admin: ledger unreadable", "error", err)
	return &apiError{http.StatusServiceUnavailable, serverError, "ledger_unavailable", "", "the ledger cannot be read now; the log says more"}
}
