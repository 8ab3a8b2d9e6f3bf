package admin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	json2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"github.com/drover-llm/drover/policy"
)

// Keys is what the admin API needs of a ledger. by says who asked, for the
// journal. RevokeKey returns policy.ErrUnknownKey where there is no such key;
// every other error means that the ledger cannot be written.
type Keys interface {
	CreateKey(ctx context.Context, k policy.Key, by string) (token string, key policy.Key, err error)
	RevokeKey(ctx context.Context, id, by string) (policy.Key, error)
	ListKeys() []policy.Key
}

// Key is a key as the API shows it; times are UTC, and null where there is none.
type Key struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Team      string     `json:"team"`
	Models    []string   `json:"models"` // empty: all
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at"`
	RevokedAt *time.Time `json:"revoked_at"`
}

// NewKey shows k.
func NewKey(k policy.Key) Key {
	return Key{
		ID: k.ID, Name: k.Name, Team: k.Team, Models: append([]string{}, k.Models...),
		CreatedAt: k.Created.UTC(), ExpiresAt: orNull(k.Expires), RevokedAt: orNull(k.Revoked),
	}
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
	Name      string     `json:"name"`
	Team      string     `json:"team"`
	Models    []string   `json:"models"`     // that it may use; empty: all
	ExpiresAt *time.Time `json:"expires_at"` // null: never
}

// Key is the key that r asks for.
func (r KeyRequest) Key() policy.Key {
	k := policy.Key{Name: r.Name, Team: r.Team, Models: r.Models}
	if r.ExpiresAt != nil {
		k.Expires = *r.ExpiresAt
	}
	return k
}

// NewKeyAnswer answers POST /api/keys: the only time that the token is shown.
type NewKeyAnswer struct {
	Key   Key    `json:"key"`
	Token string `json:"token"`
}

// KeyAnswer answers DELETE /api/keys/{id}.
type KeyAnswer struct {
	Key Key `json:"key"`
}

func (s *Server) listKeys(c echo.Context) error {
	return c.JSON(http.StatusOK, NewKeyList(s.keys.ListKeys()))
}

func (s *Server) createKey(c echo.Context) error {
	var r KeyRequest
	if err := readBody(c, &r); err != nil {
		return err
	}
	if err := s.checkKey(r.Key()); err != nil {
		return err
	}
	token, key, err := s.keys.CreateKey(c.Request().Context(), r.Key(), asker(c))
	if err != nil {
		return s.unavailable(err)
	}
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
	return c.JSON(http.StatusCreated, NewKeyAnswer{Key: NewKey(key), Token: token})
}

// checkKey names every fault of k; param is the first.
func (s *Server) checkKey(k policy.Key) error {
	var first string
	var faults []string
	k.Validate(s.now(), func(path, format string, args ...any) {
		if first == "" {
			first = path
		}
		faults = append(faults, path+" "+fmt.Sprintf(format, args...))
	})
	if len(faults) == 0 {
		return nil
	}
	return &apiError{http.StatusBadRequest, invalidRequest, "invalid_value", first, strings.Join(faults, "; ")}
}

func (s *Server) revokeKey(c echo.Context) error {
	id := c.Param("id")
	key, err := s.keys.RevokeKey(c.Request().Context(), id, asker(c))
	switch {
	case errors.Is(err, policy.ErrUnknownKey):
		return &apiError{http.StatusNotFound, invalidRequest, "key_not_found", "id", fmt.Sprintf("there is no key with the id %q", id)}
	case err != nil:
		return s.unavailable(err)
	}
	return c.JSON(http.StatusOK, KeyAnswer{Key: NewKey(key)})
}

// unavailable hides why the ledger cannot be written, which the log says.
func (s *Server) unavailable(err error) error {
	s.log.Error("admin: ledger unavailable", "error", err)
	return &apiError{http.StatusServiceUnavailable, serverError, "ledger_unavailable", "", "the ledger cannot be written now; nothing was changed"}
}

// asker says who asked, as far as one token for all can tell.
func asker(c echo.Context) string {
	host, _, err := net.SplitHostPort(c.Request().RemoteAddr)
	if err != nil {
		return "admin API"
	}
	return "admin API from " + host
}

// readBody reads one JSON object into v and refuses fields that v lacks.
func readBody(c echo.Context, v any) error {
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return &apiError{http.StatusRequestEntityTooLarge, invalidRequest, "", "", fmt.Sprintf("the body is larger than %d bytes", maxBody)}
	case err != nil:
		return &apiError{http.StatusBadRequest, invalidRequest, "", "", "the body could not be read to its end"}
	case !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")):
		return &apiError{http.StatusBadRequest, invalidRequest, "", "", "the body must be a JSON object"}
	}
	err = json2.Unmarshal(body, v, json2.RejectUnknownMembers(true))
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
	switch e.GoType {
	case reflect.TypeFor[time.Time](), reflect.TypeFor[*time.Time]():
		return `must be a time such as "2027-01-31T00:00:00Z"`
	case reflect.TypeFor[[]string]():
		return "must be a list of strings"
	}
	return "must be a string"
}

// plain drops the package's name from a JSON error.
func plain(err error) string {
	return strings.TrimPrefix(err.Error(), "jsontext: ")
}
