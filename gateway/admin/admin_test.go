package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/drover-llm/drover/gateway/admin"
	"github.com/drover-llm/drover/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "canary-admin-token-4711"

var day = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// shelf keeps keys in memory: the ledger may be imported by the command alone,
// whose tests try both together.
type shelf struct {
	mu    sync.Mutex
	keys  []policy.Key
	asked []string
	fail  error
}

func (s *shelf) CreateKey(_ context.Context, k policy.Key, by string) (string, policy.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return "", policy.Key{}, s.fail
	}
	k.ID, k.Created = fmt.Sprintf("key%d", len(s.keys)+1), day
	s.keys, s.asked = append(s.keys, k), append(s.asked, by)
	return "drv-" + k.ID, k, nil
}

func (s *shelf) RevokeKey(_ context.Context, id, by string) (policy.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return policy.Key{}, s.fail
	}
	for i := range s.keys {
		if k := &s.keys[i]; k.ID == id {
			if k.Revoked.IsZero() {
				k.Revoked, s.asked = day, append(s.asked, by)
			}
			return *k, nil
		}
	}
	return policy.Key{}, fmt.Errorf("revoking %q: %w", id, policy.ErrUnknownKey)
}

func (s *shelf) ChangeKey(_ context.Context, id string, c policy.KeyChange, by string) (policy.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, k := range s.keys {
		if k.ID == id {
			s.keys[i], s.asked = c.Apply(k), append(s.asked, by)
			return s.keys[i], nil
		}
	}
	return policy.Key{}, policy.ErrUnknownKey
}

func (s *shelf) RotateKey(_ context.Context, id string, overlap time.Duration, by string) (string, policy.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.keys {
		if k := &s.keys[i]; k.ID == id {
			k.Rotated, s.asked = day, append(s.asked, by)
			if overlap > 0 {
				k.Overlap = day.Add(overlap)
			}
			return "drv-again", *k, nil
		}
	}
	return "", policy.Key{}, policy.ErrUnknownKey
}

func (s *shelf) ListKeys() []policy.Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys
}

func newServer(t testing.TB, keys admin.Keys, log io.Writer) *admin.Server {
	t.Helper()
	s, err := admin.New(admin.Config{Token: token}, admin.Control{Keys: keys}, admin.Options{
		Now: func() time.Time { return day },
		Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ask sends one request with the token and returns status and body.
func ask(t testing.TB, h http.Handler, method, path, body string) (int, string) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("%s %s: content type %q", method, path, got)
	}
	return w.Code, w.Body.String()
}

// wireError takes an error body apart and insists on its four keys.
func wireError(t testing.TB, body string) (kind, param, code, message string) {
	t.Helper()
	var got struct{ Error map[string]any }
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	field := func(name string) string {
		v, ok := got.Error[name]
		if s, isString := v.(string); isString {
			return s
		}
		if !ok || v != nil || name == "message" || name == "type" {
			t.Errorf("error.%s is %v in %s", name, v, body)
		}
		return ""
	}
	if len(got.Error) != 4 {
		t.Errorf("the error has other keys than four: %s", body)
	}
	return field("type"), field("param"), field("code"), field("message")
}

func TestKeyIsCreatedListedAndRevoked(t *testing.T) {
	keys := &shelf{}
	s := newServer(t, keys, io.Discard)
	status, body := ask(t, s, "POST", "/api/keys",
		`{"name":"ci","team":"acme","models":["auto"],"expires_at":"2026-04-01T02:00:00+02:00"}`)
	const key = `{"id":"key1","name":"ci","team":"acme","models":["auto"],"budgets":[],"tags":{},` +
		`"created_at":"2026-03-01T12:00:00Z","expires_at":"2026-04-01T00:00:00Z","revoked_at":%s,"rotated_at":null,"overlap_until":null}`
	same(t, status, body, 201, `{"key":`+fmt.Sprintf(key, "null")+`,"token":"drv-key1"}`)

	status, body = ask(t, s, "POST", "/api/keys", `{}`)
	const second = `{"id":"key2","name":"","team":"","models":[],"budgets":[],"tags":{},"created_at":"2026-03-01T12:00:00Z","expires_at":null,"revoked_at":null,"rotated_at":null,"overlap_until":null}`
	same(t, status, body, 201, `{"key":`+second+`,"token":"drv-key2"}`)

	revoked := fmt.Sprintf(key, `"2026-03-01T12:00:00Z"`)
	for range 2 {
		status, body = ask(t, s, "DELETE", "/api/keys/key1", "")
		same(t, status, body, 200, `{"key":`+revoked+`}`)
	}
	status, body = ask(t, s, "GET", "/api/keys", "")
	same(t, status, body, 200, `{"keys":[`+revoked+`,`+second+`]}`)
	if diff := cmp.Diff([]string{"admin API from 192.0.2.1", "admin API from 192.0.2.1", "admin API from 192.0.2.1"}, keys.asked); diff != "" {
		t.Errorf("who asked:\n%s", diff)
	}
}

// A change that changes nothing, contradicts itself or comes too late is refused; a
// rotation needs no body.
func TestKeyIsChangedByWhatIsAsked(t *testing.T) {
	keys := &shelf{}
	control := admin.Control{Keys: keys, CheckKey: func(k policy.Key, fault func(path, format string, args ...any)) {
		if len(k.Models) > 0 {
			fault("models[0]", "is not known any more")
		}
	}}
	s, err := admin.New(admin.Config{Token: token}, control, admin.Options{Now: func() time.Time { return day }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	keys.keys = []policy.Key{{ID: "old", Models: []string{"gone"}}, {ID: "ended", Revoked: day}}
	for _, tt := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"PATCH", "/api/keys/old", `{}`, 400, "nothing is to change"},
		{"PATCH", "/api/keys/old", `{"expires_at":null}`, 400, "never_expires"},
		{"PATCH", "/api/keys/old", `{"never_expires":true,"expires_at":"2027-01-01T00:00:00Z"}`, 400, "contradicts"},
		{"PATCH", "/api/keys/old", `{"models":["gone"]}`, 400, "not known any more"},
		{"PATCH", "/api/keys/old", `{"expires_at":"2020-01-01T00:00:00Z"}`, 200, `"expires_at":"2020-01-01T00:00:00Z"`}, // what stays is not asked about
		{"PATCH", "/api/keys/ended", `{"name":"again"}`, 409, "revoked"},
		{"PATCH", "/api/keys/nosuch", `{"name":"x"}`, 404, "nosuch"},
		{"POST", "/api/keys/old/rotate", ``, 200, "drv-again"},
		{"POST", "/api/keys/old/rotate", `{"overlap":"1h"}`, 200, `"overlap_until":"2026-03-01T13:00:00Z"`},
	} {
		if status, body := ask(t, s, tt.method, tt.path, tt.body); status != tt.status || !strings.Contains(body, tt.says) {
			t.Errorf("%s %s %s: %d %s", tt.method, tt.path, tt.body, status, body)
		}
	}
}

func TestWhoAsksIsJournalledAsItSays(t *testing.T) {
	for said, want := range map[string]string{
		"":                               "admin API from 192.0.2.1",
		"drover keys create, run by ann": "admin API from 192.0.2.1: drover keys create, run by ann",
		" \x1b[2Jann\u202e\n\tbob\xff ":  "admin API from 192.0.2.1: [2Jannbob",
		strings.Repeat("ü", 100):         "admin API from 192.0.2.1: " + strings.Repeat("ü", 64) + "…",
		"x" + strings.Repeat("ü", 100):   "admin API from 192.0.2.1: x" + strings.Repeat("ü", 63) + "…",
	} {
		keys := &shelf{}
		r := httptest.NewRequest("POST", "/api/keys", strings.NewReader("{}"))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set(admin.ByHeader, said)
		newServer(t, keys, io.Discard).ServeHTTP(httptest.NewRecorder(), r)
		if diff := cmp.Diff([]string{want}, keys.asked); diff != "" {
			t.Errorf("%q:\n%s", said, diff)
		}
	}
}

func TestNoKeysAreAnEmptyList(t *testing.T) {
	status, body := ask(t, newServer(t, &shelf{}, io.Discard), "GET", "/api/keys", "")
	same(t, status, body, 200, `{"keys":[]}`)
}

func same(t *testing.T, status int, body string, wantStatus int, want string) {
	t.Helper()
	if diff := cmp.Diff(want, strings.TrimSpace(body)); status != wantStatus || diff != "" {
		t.Fatalf("status %d, body (-want +got):\n%s", status, diff)
	}
}

func TestFaultyRequestsAreExplained(t *testing.T) {
	s := newServer(t, &shelf{}, io.Discard)
	for name, tt := range map[string]struct {
		method, path, body string
		status             int
		param, code, says  string
	}{
		"unknown path":   {"GET", "/api/teams", "", 404, "", "", "/api/teams"},
		"root":           {"GET", "/", "", 404, "", "", "unknown path"},
		"wrong method":   {"PUT", "/api/keys", "{}", 405, "", "method_not_supported", "PUT"},
		"unknown key":    {"DELETE", "/api/keys/nosuch", "", 404, "id", "key_not_found", "nosuch"},
		"unknown field":  {"POST", "/api/keys", `{"expires":"2027-01-01T00:00:00Z"}`, 400, "expires", "unknown_parameter", `"expires"`},
		"other case":     {"POST", "/api/keys", `{"Name":"ci"}`, 400, "Name", "unknown_parameter", `"Name"`},
		"twice":          {"POST", "/api/keys", `{"name":"a","name":"b"}`, 400, "", "", "name"},
		"not a name":     {"POST", "/api/keys", `{"name":1}`, 400, "name", "invalid_type", "must be a string"},
		"not a list":     {"POST", "/api/keys", `{"models":"auto"}`, 400, "models", "invalid_type", "list of strings"},
		"not a model":    {"POST", "/api/keys", `{"models":["auto",2]}`, 400, "models[1]", "invalid_type", "must be a string"},
		"no model":       {"POST", "/api/keys", `{"models":[""]}`, 400, "models[0]", "invalid_value", "models[0]"},
		"not a time":     {"POST", "/api/keys", `{"expires_at":"tomorrow"}`, 400, "expires_at", "invalid_type", "2027-"},
		"in the past":    {"POST", "/api/keys", `{"expires_at":"2026-03-01T12:00:00Z"}`, 400, "expires_at", "invalid_value", "future"},
		"two faults":     {"POST", "/api/keys", `{"name":"a\u0000","team":"\n"}`, 400, "name", "invalid_value", "team"},
		"empty":          {"POST", "/api/keys", ``, 400, "", "", "object"},
		"null":           {"POST", "/api/keys", `null`, 400, "", "", "object"},
		"list":           {"POST", "/api/keys", `[]`, 400, "", "", "object"},
		"cut off":        {"POST", "/api/keys", `{"name":"a"`, 400, "", "", "JSON"},
		"two objects":    {"POST", "/api/keys", `{}{}`, 400, "", "", "JSON"},
		"too large":      {"POST", "/api/keys", `{"name":"` + strings.Repeat("x", 65<<10) + `"}`, 413, "", "", "bytes"},
		"invalid UTF-8":  {"POST", "/api/keys", "{\"name\":\"\xff\"}", 400, "", "", "UTF-8"},
		"nested unknown": {"POST", "/api/keys", `{"budget":{"limit":1}}`, 400, "budget", "unknown_parameter", "budget"},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := ask(t, s, tt.method, tt.path, tt.body)
			kind, param, code, message := wireError(t, body)
			if status != tt.status || kind != "invalid_request_error" || param != tt.param || code != tt.code {
				t.Errorf("status %d: %s", status, body)
			}
			if !strings.Contains(message, tt.says) {
				t.Errorf("%q is not in %q", tt.says, message)
			}
		})
	}
	if _, body := ask(t, s, "GET", "/api/keys", ""); strings.TrimSpace(body) != `{"keys":[]}` {
		t.Errorf("a faulty request made a key: %s", body)
	}
}

func TestOnlyTheTokenOpensTheAPI(t *testing.T) {
	var log bytes.Buffer
	s := newServer(t, &shelf{}, &log)
	for name, tt := range map[string]struct {
		path, header string
		status       int
	}{
		"right":              {"/api/keys", "Bearer " + token, 200},
		"scheme in any case": {"/api/keys", "bearer " + token, 200},
		"none":               {"/api/keys", "", 401},
		"wrong":              {"/api/keys", "Bearer wrong", 401},
		"prefix":             {"/api/keys", "Bearer " + token[:len(token)-1], 401},
		"longer":             {"/api/keys", "Bearer " + token + "x", 401},
		"no scheme":          {"/api/keys", token, 401},
		"another scheme":     {"/api/keys", "Basic " + token, 401},
		"unknown path":       {"/api/secret", "", 401},
		"root":               {"/", "", 401},
		"health":             {"/healthz", "", 200},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", tt.path, nil)
			if tt.header != "" {
				r.Header.Set("Authorization", tt.header)
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code != tt.status {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			if w.Code == 401 {
				wireError(t, w.Body.String())
				if w.Header().Get("WWW-Authenticate") != "Bearer" {
					t.Error("no challenge")
				}
			}
			if out := w.Body.String() + fmt.Sprint(w.Header()) + log.String(); strings.Contains(out, "canary") {
				t.Errorf("the token shows: %s", out)
			}
		})
	}
}

func TestLedgerTroubleIsHidden(t *testing.T) {
	s := newServer(t, &shelf{fail: errors.New("write /secret/path: no space left")}, io.Discard)
	for _, r := range [][2]string{{"POST", "/api/keys"}, {"DELETE", "/api/keys/x"}} {
		status, body := ask(t, s, r[0], r[1], "{}")
		kind, _, code, _ := wireError(t, body)
		if status != 503 || kind != "server_error" || code != "ledger_unavailable" || strings.Contains(body, "secret") {
			t.Errorf("%s: status %d: %s", r[0], status, body)
		}
	}
}

// panics is a Keys that is broken.
type panics struct{ shelf }

func (*panics) ListKeys() []policy.Key { panic("canary") }

func TestPanicIsAnAnswer(t *testing.T) {
	status, body := ask(t, newServer(t, &panics{}, io.Discard), "GET", "/api/keys", "")
	if kind, _, _, message := wireError(t, body); status != 500 || kind != "server_error" || strings.Contains(message, "canary") {
		t.Fatalf("status %d: %s", status, body)
	}
}

func TestServeStopsWithItsContext(t *testing.T) {
	s := newServer(t, &shelf{}, io.Discard)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error)
	go func() { stopped <- s.Serve(ctx, l) }()
	url := "http://" + l.Addr().String() + "/healthz"
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	cancel()
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if answer, err := client.Get(url); err == nil {
		answer.Body.Close()
		t.Fatal("it still answers")
	}
}

func TestConfigValidateReportsEveryFault(t *testing.T) {
	for name, tt := range map[string]struct {
		config admin.Config
		want   []string
	}{
		"zero":           {admin.Config{}, nil},
		"full":           {admin.Config{Listen: ":9000", Token: token}, nil},
		"any port":       {admin.Config{Listen: "[::1]:0"}, nil},
		"no port":        {admin.Config{Listen: "localhost"}, []string{"listen"}},
		"port too large": {admin.Config{Listen: "localhost:65536"}, []string{"listen"}},
		"named port":     {admin.Config{Listen: "localhost:http"}, []string{"listen"}},
		"signed port":    {admin.Config{Listen: "localhost:+80"}, []string{"listen"}},
		"both":           {admin.Config{Listen: "8081", Token: "canary token"}, []string{"listen", "token"}},
		"newline":        {admin.Config{Token: "canary\n"}, []string{"token"}},
	} {
		var got []string
		tt.config.Validate(func(path, format string, args ...any) {
			got = append(got, path)
			if strings.Contains(fmt.Sprintf(format, args...), "canary") {
				t.Errorf("%s: the fault shows the token", name)
			}
		})
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	if _, err := admin.New(admin.Config{Listen: "8081"}, admin.Control{Keys: &shelf{}}, admin.Options{}); err == nil ||
		!strings.Contains(err.Error(), "admin.listen") || !strings.Contains(err.Error(), "admin.token") {
		t.Errorf("New: %v", err)
	}
}

func FuzzCreateKey(f *testing.F) {
	f.Add(`{"name":"ci","team":"acme","models":["auto"],"expires_at":"2027-01-01T00:00:00Z"}`)
	f.Add(`{"models":[1,{"a":null}]}`)
	f.Add(`{"expires_at":1e999}`)
	f.Fuzz(func(t *testing.T, body string) {
		keys := &shelf{}
		s := newServer(t, keys, io.Discard)
		status, answer := ask(t, s, "POST", "/api/keys", body)
		switch {
		case status == 201 && len(keys.keys) == 1:
		case status >= 400 && status < 500 && len(keys.keys) == 0:
			wireError(t, answer)
		default:
			t.Fatalf("status %d with %d keys: %s", status, len(keys.keys), answer)
		}
	})
}
