package gateway

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/search"
	"github.com/drover-llm/drover/policy"
)

// suiteAnswer is a registered suite as its owner sees it.
type suiteAnswer struct {
	ID      string          `json:"id"`
	Object  string          `json:"object"` // always verify.suite
	Created int64           `json:"created"`
	Verify  json.RawMessage `json:"verify,omitempty"`
	Deleted bool            `json:"deleted,omitempty"`
}

// addSuite answers POST /v1/verify/suites: it keeps a verify object under an id,
// for the team of the key. The same object again gives the same id, so that a
// pipeline may register its suite on every run.
func (g *Gateway) addSuite(c echo.Context) error {
	key, body, release, err := g.received(c)
	if err != nil {
		return err
	}
	defer release()
	if len(body) > policy.MaxSuiteBytes {
		return errSuiteTooLarge
	}
	o, err := openai.DecodeStrict(body)
	if err != nil {
		return err
	}
	if _, err := search.ParseSpec("", body); err != nil {
		return err
	}
	who := key.Account()
	s, err := g.Records.AddSuite(c.Request().Context(), policy.Suite{ID: suiteID(who, body), At: g.Now(), Account: who, Spec: o.AppendJSON(nil)})
	if err != nil {
		return g.recordFailure(c, err)
	}
	return answerJSON(c, suiteAnswer{ID: s.ID, Object: "verify.suite", Created: s.At.Unix()})
}

// suiteID is the same for the same object of the same owner, however it is laid
// out, and tells nobody else anything.
func suiteID(who policy.Account, spec jsontext.Value) string {
	canonical := spec.Clone()
	_ = canonical.Canonicalize() // what cannot be is an id all the same
	sum := sha256.Sum256(append([]byte(who.Owner()+"\x00"), canonical...))
	return "suite_" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:15]))
}

// getSuite answers GET /v1/verify/suites/{id}.
func (g *Gateway) getSuite(c echo.Context) error {
	key, err := g.authenticate(c.Request().Header)
	if err != nil {
		return err
	}
	s, err := g.Records.Suite(key.Account(), c.Param("id"))
	if err != nil {
		return g.recordFailure(c, err)
	}
	return answerJSON(c, suiteAnswer{ID: s.ID, Object: "verify.suite", Created: s.At.Unix(), Verify: s.Spec})
}

// deleteSuite answers DELETE /v1/verify/suites/{id}.
func (g *Gateway) deleteSuite(c echo.Context) error {
	key, err := g.authenticate(c.Request().Header)
	if err != nil {
		return err
	}
	id := c.Param("id")
	s, err := g.Records.Suite(key.Account(), id)
	if err == nil {
		err = g.Records.DeleteSuite(c.Request().Context(), key.Account(), id)
	}
	if err != nil {
		return g.recordFailure(c, err)
	}
	return answerJSON(c, suiteAnswer{ID: id, Object: "verify.suite", Created: s.At.Unix(), Deleted: true})
}

// task reads what a request asks for, with the suites that its key may use.
func (g *Gateway) task(q *openai.ChatRequest, key policy.Key, h http.Header) (search.Task, error) {
	var lost error
	suites := func(id string) (jsontext.Value, bool) {
		if g.Records == nil {
			return nil, false
		}
		s, err := g.Records.Suite(key.Account(), id)
		if err != nil && !errors.Is(err, policy.ErrUnknownSuite) {
			lost = err
		}
		return jsontext.Value(s.Spec), err == nil
	}
	t, err := search.ParseTask(q, search.Sources{Verify: h.Get("X-Verify"), Suite: h.Get("X-Verify-Suite"), Suites: suites})
	if lost != nil {
		g.Log.Error("ledger", "error", lost)
		return t, errNoLedger
	}
	return t, err
}

// received tells who sent a request, and reads it to its end.
func (g *Gateway) received(c echo.Context) (key policy.Key, body []byte, release func(), err error) {
	if key, err = g.authenticate(c.Request().Header); err != nil {
		return key, nil, nil, err
	}
	body, release, err = g.readBody(c)
	return key, body, release, err
}

// recordFailure is what a client gets when its suite or feedback was not taken,
// or not found.
func (g *Gateway) recordFailure(c echo.Context, err error) error {
	switch {
	case errors.Is(err, policy.ErrUnknownSuite):
		return errUnknownSuite
	case errors.Is(err, policy.ErrSuitesFull):
		return errSuitesFull
	case errors.Is(err, policy.ErrUnknownOutcome):
		return errUnknownOutcome
	case errors.Is(err, policy.ErrFeedbackFull):
		return errFeedbackFull
	case c.Request().Context().Err() != nil:
		return &openai.CallError{Failure: openai.Cancelled, Err: err}
	}
	g.Log.Error("ledger", "error", err)
	return errNoLedger
}

// answerJSON writes a small reply.
func answerJSON(c echo.Context, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, text)
}
