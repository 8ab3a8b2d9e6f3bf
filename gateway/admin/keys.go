package admin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	json2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
	"github.com/labstack/echo/v4"

	"github.com/drover-llm/drover/policy"
)

// Key is a key as the API shows it; times are UTC, and null where there is none.
type Key struct {
	ID           string            `json:"id"`
	Name         string            `json:"name"`
	Team         string            `json:"team"`
	Models       []string          `json:"models"`  // empty: all
	Budgets      []string          `json:"budgets"` // of its own
	Tags         map[string]string `json:"tags"`
	CreatedAt    time.Time         `json:"created_at"`
	ExpiresAt    *time.Time        `json:"expires_at"`
	RevokedAt    *time.Time        `json:"revoked_at"`
	RotatedAt    *time.Time        `json:"rotated_at"`
	OverlapUntil *time.Time        `json:"overlap_until"` // until then the secret before is taken too
}

// NewKey shows k.
func NewKey(k policy.Key) Key {
	shown := Key{
		ID: k.ID, Name: k.Name, Team: k.Team, Models: append([]string{}, k.Models...),
		Budgets: append([]string{}, k.Budgets...), Tags: map[string]string{},
		CreatedAt: k.Created.UTC(), ExpiresAt: orNull(k.Expires), RevokedAt: orNull(k.Revoked),
		RotatedAt: orNull(k.Rotated), OverlapUntil: orNull(k.Overlap),
	}
	maps.Copy(shown.Tags, k.Tags)
	return shown
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// KeyList answers GET /api/keys.
type KeyList struct {
	Keys []Key `json:"keys"`
}

// NewKeyList shows keys in their order.
func NewKeyList(keys []policy.Key) KeyList {
	list := KeyList{Keys: []Key{}}
	for _, k := range keys {
		list.Keys = append(list.Keys, NewKey(k))
	}
	return list
}

// KeyRequest is the body of POST /api/keys. Every field may be left out.
type KeyRequest struct {
	Name      string            `json:"name"`
	Team      string            `json:"team"`
	Models    []string          `json:"models"`     // that it may use; empty: all
	Budgets   []string          `json:"budgets"`    // names of those that it is charged to, beside its team's
	Tags      map[string]string `json:"tags"`       // kept with every outcome
	ExpiresAt *time.Time        `json:"expires_at"` // null: never
}

// Key is the key that r asks for.
func (r KeyRequest) Key() policy.Key {
	k := policy.Key{Name: r.Name, Team: r.Team, Models: r.Models, Budgets: r.Budgets, Tags: r.Tags}
	if r.ExpiresAt != nil {
		k.Expires = *r.ExpiresAt
	}
	return k
}

// KeyChange is the body of PATCH /api/keys/{id}: what is left out stays as it is.
type KeyChange struct {
	Name         *string            `json:"name,omitempty"`
	Models       *[]string          `json:"models,omitempty"`
	Budgets      *[]string          `json:"budgets,omitempty"`
	Tags         *map[string]string `json:"tags,omitempty"`
	ExpiresAt    *time.Time         `json:"expires_at,omitempty"` // a time that has passed ends it now
	NeverExpires bool               `json:"never_expires,omitempty"`
}

// Change is what r asks for.
func (r KeyChange) Change() policy.KeyChange {
	c := policy.KeyChange{Name: r.Name, Models: r.Models, Budgets: r.Budgets, Tags: r.Tags, Expires: r.ExpiresAt}
	if r.NeverExpires {
		c.Expires = new(time.Time)
	}
	return c
}

// RotateRequest is the body of POST /api/keys/{id}/rotate.
type RotateRequest struct {
	Overlap string `json:"overlap"` // for how long the old secret is taken too, such as 24h; empty: not at all
}

// NewKeyAnswer answers POST /api/keys and /api/keys/{id}/rotate: the only time
// that the token is shown.
type NewKeyAnswer struct {
	Key      Key      `json:"key"`
	Token    string   `json:"token"`
	Warnings []string `json:"warnings,omitempty"` // what its team or configuration does not do for it
}

// KeyAnswer answers DELETE /api/keys/{id}.
type KeyAnswer struct {
	Key Key `json:"key"`
}

func (s *Server) listKeys(c echo.Context) error {
	return c.JSON(http.StatusOK, NewKeyList(s.control.Keys.ListKeys()))
}

func (s *Server) createKey(c echo.Context) error {
	var r KeyRequest
	if err := readBody(c, maxBody, &r); err != nil {
		return err
	}
	if err := s.checkKey(r.Key()); err != nil {
		return err
	}
	token, key, err := s.control.Keys.CreateKey(c.Request().Context(), r.Key(), s.asker(c))
	if err != nil {
		return s.unavailable(err)
	}
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
	answer := NewKeyAnswer{Key: NewKey(key), Token: token}
	if s.control.WarnOfKey != nil {
		answer.Warnings = s.control.WarnOfKey(key)
	}
	return c.JSON(http.StatusCreated, answer)
}

// checkKey names every fault of k; param is the first.
func (s *Server) checkKey(k policy.Key) error {
	var first string
	var faults []string
	fault := func(path, format string, args ...any) {
		if first == "" {
			first = path
		}
		faults = append(faults, path+" "+fmt.Sprintf(format, args...))
	}
	k.Validate(s.now(), fault)
	if s.control.CheckKey != nil {
		s.control.CheckKey(k, fault)
	}
	if len(faults) == 0 {
		return nil
	}
	return &apiError{http.StatusBadRequest, invalidRequest, "invalid_value", first, strings.Join(faults, "; ")}
}

func (s *Server) revokeKey(c echo.Context) error {
	key, err := s.control.Keys.RevokeKey(c.Request().Context(), c.Param("id"), s.asker(c))
	if err != nil {
		return s.keyError(c, err)
	}
	return c.JSON(http.StatusOK, KeyAnswer{Key: NewKey(key)})
}

func (s *Server) changeKey(c echo.Context) error {
	var r KeyChange
	if err := readBody(c, maxBody, &r); err != nil {
		return err
	}
	switch {
	case r == KeyChange{}:
		return &apiError{http.StatusBadRequest, invalidRequest, "missing_required_parameter", "", "nothing is to change: give name, models, budgets, tags, expires_at or never_expires"}
	case r.ExpiresAt != nil && r.NeverExpires:
		return badParam("never_expires", "contradicts expires_at; leave one of them out")
	}
	id, change := c.Param("id"), r.Change()
	var old policy.Key
	for _, k := range s.control.Keys.ListKeys() {
		if k.ID == id {
			old = k
		}
	}
	if !old.Revoked.IsZero() {
		return s.keyError(c, policy.ErrRevokedKey)
	}
	changed := change.Apply(old)
	changed.Expires = time.Time{} // one that has passed ends the key
	if r.Models == nil {          // what stays need not be known any more
		changed.Models = nil
	}
	if r.Budgets == nil {
		changed.Budgets = nil
	}
	if err := s.checkKey(changed); err != nil {
		return err
	}
	key, err := s.control.Keys.ChangeKey(c.Request().Context(), id, change, s.asker(c))
	if err != nil {
		return s.keyError(c, err)
	}
	return c.JSON(http.StatusOK, KeyAnswer{Key: NewKey(key)})
}

func (s *Server) rotateKey(c echo.Context) error {
	var r RotateRequest
	if c.Request().ContentLength != 0 { // without a body there is no overlap
		if err := readBody(c, maxBody, &r); err != nil {
			return err
		}
	}
	var overlap time.Duration
	if r.Overlap != "" {
		var err error
		if overlap, err = time.ParseDuration(r.Overlap); err != nil || overlap < 0 || overlap > 90*24*time.Hour {
			return badParam("overlap", "must be a duration such as 24h, at most 2160h, got %.64q", r.Overlap)
		}
	}
	token, key, err := s.control.Keys.RotateKey(c.Request().Context(), c.Param("id"), overlap, s.asker(c))
	if err != nil {
		return s.keyError(c, err)
	}
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
	return c.JSON(http.StatusOK, NewKeyAnswer{Key: NewKey(key), Token: token})
}

// keyError answers for a key that could not be changed.
func (s *Server) keyError(c echo.Context, err error) error {
	id := c.Param("id")
	switch {
	case errors.Is(err, policy.ErrUnknownKey):
		return &apiError{http.StatusNotFound, invalidRequest, "key_not_found", "id", fmt.Sprintf("there is no key with the id %.64q", id)}
	case errors.Is(err, policy.ErrRevokedKey):
		return &apiError{http.StatusConflict, invalidRequest, "key_revoked", "id", "the key is revoked; create another"}
	}
	return s.unavailable(err)
}

// unavailable hides why the ledger cannot be written, which the log says.
func (s *Server) unavailable(err error) error {
	s.log.Error("admin: ledger unavailable", "error", err)
	return &apiError{http.StatusServiceUnavailable, serverError, "ledger_unavailable", "", "the ledger cannot be written now; nothing was changed"}
}

// asker says who asked, as far as one token for all can tell.
func (s *Server) asker(c echo.Context) string {
	if s.by != "" {
		return s.by
	}
	asker := "admin API"
	if host, _, err := net.SplitHostPort(c.Request().RemoteAddr); err == nil {
		asker += " from " + host
	}
	if said := sayable(c.Request().Header.Get(ByHeader)); said != "" {
		asker += ": " + said
	}
	return asker
}

// ByHeader is the header in which whoever has the token may say who it is: the
// journal keeps it beside the address, as what was said and no more.
const ByHeader = "X-Drover-By"

// maxBy bounds what is kept of it, in bytes.
const maxBy = 128

// sayable is what may stand in the journal of what a caller says of himself: one
// short line of printable characters.
func sayable(said string) string {
	line := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, said)
	if len(line) > maxBy {
		line = strings.ToValidUTF8(line[:maxBy], "") + "…"
	}
	return strings.TrimSpace(line)
}

// readBody reads one JSON object of at most so many bytes into v and refuses
// fields that v lacks.
func readBody(c echo.Context, most int64, v any) error {
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, most))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return &apiError{http.StatusRequestEntityTooLarge, invalidRequest, "", "", fmt.Sprintf("the body is larger than %d bytes", most)}
	case err != nil:
		return &apiError{http.StatusBadRequest, invalidRequest, "", "", "the body could not be read to its end"}
	case !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")):
		return &apiError{http.StatusBadRequest, invalidRequest, "", "", "the body must be a JSON object"}
	}
	err = json2.Unmarshal(body, v, json2.RejectUnknownMembers(true), jsonv1.FormatDurationAsNano(true))
	if err == nil {
		return nil
	}
	var semantic *json2.SemanticError
	if !errors.As(err, &semantic) {
		return &apiError{http.StatusBadRequest, invalidRequest, "", "", "the body is not valid JSON: " + plain(err)}
	}
	param := paramOf(semantic.JSONPointer)
	if errors.Is(err, json2.ErrUnknownName) {
		return &apiError{http.StatusBadRequest, invalidRequest, "unknown_parameter", param, fmt.Sprintf("unknown field %q", param)}
	}
	return &apiError{http.StatusBadRequest, invalidRequest, "invalid_type", param, param + ": " + wanted(semantic)}
}

// paramOf writes a JSON pointer as OpenAI names a parameter: models[0].
func paramOf(p jsontext.Pointer) string {
	var b strings.Builder
	for token := range p.Tokens() {
		switch _, err := strconv.ParseUint(token, 10, 32); {
		case err == nil:
			fmt.Fprintf(&b, "[%s]", token)
		case b.Len() > 0:
			b.WriteString("." + token)
		default:
			b.WriteString(token)
		}
	}
	return b.String()
}

// wanted says what should have stood in place of a value.
func wanted(e *json2.SemanticError) string {
	t := e.GoType
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == nil:
		return "cannot be this"
	case t == reflect.TypeFor[time.Time]():
		return `must be a time such as "2027-01-31T00:00:00Z"`
	case t == reflect.TypeFor[[]string]():
		return "must be a list of strings"
	case e.Err != nil && t.PkgPath() != "": // a type that says itself what it takes
		return plain(e.Err)
	}
	switch t.Kind() {
	case reflect.Bool:
		return "must be true or false"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "must be a whole number"
	case reflect.Float64:
		return "must be a number"
	case reflect.Slice:
		return "must be a list"
	case reflect.Map, reflect.Struct:
		return "must be an object"
	}
	return "must be a string"
}

// plain drops the package's name from a JSON error.
func plain(err error) string {
	return strings.TrimPrefix(err.Error(), "jsontext: ")
}
