package gateway

import (
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/policy"
)

// maxSourceLength bounds the name of who speaks, in characters.
const maxSourceLength = 128

// feedback answers POST /v1/feedback {"id", "correct", "source"}: a hidden
// verdict about an answer, of which the last word of a source counts.
func (g *Gateway) feedback(c echo.Context) error {
	key, body, release, err := g.received(c)
	if err != nil {
		return err
	}
	defer release()
	f, err := parseFeedback(body)
	if err != nil {
		return err
	}
	f.At, f.Account = g.Now(), key.Account()
	if err := g.Records.Feedback(c.Request().Context(), f); err != nil {
		return g.recordFailure(c, err)
	}
	if !f.Correct {
		g.caches.forget(f.ID)
	}
	return answerJSON(c, struct {
		ID       string `json:"id"`
		Recorded bool   `json:"recorded"`
	}{f.ID, true})
}

func parseFeedback(body []byte) (f policy.Feedback, err error) {
	o, err := openai.DecodeStrict(body)
	if err != nil {
		return f, err
	}
	for _, m := range o {
		switch m.Name {
		case "id", "correct", "source":
		default:
			return f, openai.BadRequest(m.Name, "unknown parameter %.64q; the parameters are id, correct and source", m.Name)
		}
	}
	if f.ID = openai.Text(o.Get("id")); o.Get("id").Kind() != '"' || f.ID == "" {
		return f, openai.BadRequest("id", "id must be the id of an answer, such as chatcmpl-…")
	}
	switch o.Get("correct").Kind() {
	case 't':
		f.Correct = true
	case 'f':
	default:
		return f, openai.BadRequest("correct", "correct must be true or false: whether the answer was right")
	}
	if v := o.Get("source"); v != nil {
		f.Source = openai.Text(v)
		if v.Kind() != '"' || !isName(f.Source) {
			return f, openai.BadRequest("source", "source must be a name of at most %d printable characters: who says so", maxSourceLength)
		}
	}
	return f, nil
}

// isName reports whether s fits into one line of a log or a table.
func isName(s string) bool {
	if utf8.RuneCountInString(s) > maxSourceLength || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}
