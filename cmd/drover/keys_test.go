package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drover-llm/drover/gateway/admin"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/ledger"
)

// accessEnv makes the test binary the command itself, in a process of its own,
// with this ledger, address and token instead of a configuration.
const accessEnv = "DROVER_TEST_ACCESS"

func init() {
	fields := strings.Split(os.Getenv(accessEnv), "|")
	if len(fields) != 3 {
		return
	}
	loadAccess = func(string) (access, error) {
		return access{ledger: fields[0], admin: admin.Config{Listen: fields[1], Token: fields[2]}}, nil
	}
	os.Exit(execute(context.Background(), os.Args[1:]))
}

// result is what a finished command left.
type result struct {
	stdout, stderr string
	code           int
}

// drover runs the command line args in another process.
func drover(t *testing.T, a access, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, os.Args[0], args...)
	// The race detector would sleep for a second at every exit.
	c.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", accessEnv+"="+a.ledger+"|"+a.admin.Listen+"|"+a.admin.Token)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), c.ProcessState.ExitCode()}
}

// must runs a command that has to succeed.
func must(t *testing.T, a access, args ...string) result {
	t.Helper()
	r := drover(t, a, args...)
	if r.code != 0 {
		t.Fatalf("drover %q: exit %d: %s", args, r.code, r.stderr)
	}
	return r
}

func newAccess(t *testing.T) access {
	return access{
		ledger: filepath.Join(t.TempDir(), "drover.db"),
		admin:  admin.Config{Listen: "127.0.0.1:1"}, // where nothing listens
	}
}

// serveLedger holds a's ledger in this process, as a server does, with its admin
// API on a free port, until the test ends.
func serveLedger(t *testing.T, a *access, token string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(a.ledger, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s, err := admin.New(admin.Config{Token: token}, controlOf(l), admin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a.admin.Listen = listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- s.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
	return l
}

// walkKeys creates, lists and revokes by command, and looks after every step at
// what a ledger, opened by whatever, believes.
func walkKeys(t *testing.T, a access, look func(func(*ledger.Ledger))) {
	t.Helper()
	created := must(t, a, "keys", "create", "--team", "acme", "--name", "ci", "--models", "auto,gpt-4o", "--expires", "90d")
	token, alone := strings.CutSuffix(created.stdout, "\n")
	if !alone || strings.ContainsAny(token, " \n") || strings.Contains(created.stderr, token) {
		t.Fatalf("stdout %q, stderr %q", created.stdout, created.stderr)
	}
	var key policy.Key
	look(func(l *ledger.Ledger) {
		var err error
		if key, err = l.Authenticate(token); err != nil {
			t.Fatal(err)
		}
	})
	if key.Team != "acme" || key.Name != "ci" || !cmp.Equal(key.Models, []string{"auto", "gpt-4o"}) ||
		time.Until(key.Expires).Round(time.Hour) != 90*24*time.Hour {
		t.Fatalf("created %+v", key)
	}
	must(t, a, "keys", "create", "--name", "second")

	var list admin.KeyList
	if err := json.Unmarshal([]byte(must(t, a, "keys", "list", "--json").stdout), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Keys) != 2 {
		t.Fatalf("listed %+v", list)
	}
	if diff := cmp.Diff(admin.NewKey(key), list.Keys[0]); diff != "" {
		t.Fatal(diff)
	}
	for range 2 {
		must(t, a, "keys", "revoke", key.ID)
	}
	look(func(l *ledger.Ledger) {
		if _, err := l.Authenticate(token); !errors.Is(err, policy.ErrRevokedKey) {
			t.Fatalf("revoked key: %v", err)
		}
	})
	table := must(t, a, "keys", "list").stdout
	if lines := strings.Split(table, "\n"); len(lines) != 4 || !strings.HasSuffix(lines[1], "revoked") || !strings.HasSuffix(lines[2], "active") {
		t.Fatalf("table:\n%s", table)
	}
	unknown := drover(t, a, "keys", "revoke", "nosuch", key.ID)
	if unknown.code != exitFault || !strings.Contains(unknown.stderr, `"nosuch"`) || !strings.Contains(unknown.stderr, "Revoked key "+key.ID) {
		t.Fatalf("unknown key: %+v", unknown)
	}
	expired := drover(t, a, "keys", "create", "--expires", "2020-01-01T00:00:00Z")
	if expired.code != exitFault || expired.stdout != "" || !strings.Contains(expired.stderr, "expires_at") {
		t.Fatalf("expired: %+v", expired)
	}
}

func TestKeysOnTheFile(t *testing.T) {
	t.Parallel()
	a := newAccess(t)
	for _, args := range [][]string{{"keys", "list"}, {"keys", "revoke", "x"}} {
		if r := drover(t, a, args...); r.code != exitFault || !strings.Contains(r.stderr, "there is no ledger at "+a.ledger) {
			t.Fatalf("%q without a ledger: %+v", args, r)
		}
	}
	if _, err := os.Stat(a.ledger); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("looking made a ledger: %v", err)
	}
	walkKeys(t, a, func(f func(*ledger.Ledger)) {
		l, err := ledger.Open(a.ledger, ledger.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		f(l)
	})
}

func TestKeysThroughTheServerWithTheConfiguredToken(t *testing.T) {
	t.Parallel()
	a := newAccess(t)
	a.admin.Token = "configured-token"
	l := serveLedger(t, &a, a.admin.Token)
	walkKeys(t, a, func(f func(*ledger.Ledger)) { f(l) })
}

func TestKeysThroughTheServerWithTheTokenFile(t *testing.T) {
	t.Parallel()
	a := newAccess(t)
	token, made, err := makeAdminToken(a.ledger)
	if err != nil || !made {
		t.Fatal(made, err)
	}
	l := serveLedger(t, &a, token)
	walkKeys(t, a, func(f func(*ledger.Ledger)) { f(l) })
	changes := must(t, a, "ledger", "changes", "--json").stdout
	for _, want := range []string{"admin API from 127.0.0.1: drover keys create, run by ", "drover keys revoke, run by "} {
		if !strings.Contains(changes, want) {
			t.Errorf("%q is not among the changes: %s", want, changes)
		}
	}
}

func TestKeysExplainWhyTheServerDoesNotHelp(t *testing.T) {
	t.Parallel()
	strange := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(strange.Close) // after the parallel cases
	for name, tt := range map[string]struct {
		spoil func(*access)
		says  string
	}{
		"no token":      {func(*access) {}, "set admin.token"},
		"wrong token":   {func(a *access) { a.admin.Token = "wrong-canary" }, "wrong admin token"},
		"wrong address": {func(a *access) { a.admin.Listen, a.admin.Token = "127.0.0.1:1", "x" }, "is admin.listen the address"},
		"bad address":   {func(a *access) { a.admin.Listen, a.admin.Token = "8081", "x" }, "admin.listen"},
		"another server": {func(a *access) {
			a.admin.Listen, a.admin.Token = strings.TrimPrefix(strange.URL, "http://"), "x"
		}, "is not drover's admin API"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAccess(t)
			serveLedger(t, &a, "right")
			tt.spoil(&a)
			r := drover(t, a, "keys", "list")
			if r.code != exitFault || r.stdout != "" || !strings.Contains(r.stderr, tt.says) || strings.Contains(r.stderr, "canary") {
				t.Fatalf("%+v", r)
			}
		})
	}
}

func TestKeysRefuseAWrongCommandLine(t *testing.T) {
	t.Parallel()
	a := newAccess(t)
	for _, args := range [][]string{
		{"keys"}, {"keys", "make"}, {"keys", "revoke"}, {"keys", "create", "--spend", "1"},
		{"keys", "create", "--expires", "soon"}, {"keys", "create", "--expires", "-1h"}, {"keys", "create", "--expires", "0d"},
	} {
		if r := drover(t, a, args...); r.code != exitUsage || r.stderr == "" || strings.HasPrefix(r.stdout, "drv-") {
			t.Errorf("%q: %+v", args, r)
		}
	}
}

func TestAdminTokenIsMadeOnceForItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "drover.db")
	if _, err := readAdminToken(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	first, made, err := makeAdminToken(path)
	if err != nil || !made || len(first) < 32 {
		t.Fatal(len(first), made, err)
	}
	info, err := os.Stat(adminTokenPath(path))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Fatalf("mode %v", info.Mode())
	}
	second, made, err := makeAdminToken(path)
	if err != nil || made || second != first {
		t.Fatal("made again", made, err)
	}
	faults := 0
	admin.Config{Token: first}.Validate(func(string, string, ...any) { faults++ })
	if faults != 0 {
		t.Fatal("the configuration would refuse it")
	}
	if err := os.WriteFile(adminTokenPath(path), []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := makeAdminToken(path); err == nil {
		t.Fatal("an empty token was taken")
	}
}

func TestAdminURLIsReachedFromThisMachine(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:8081":   "http://127.0.0.1:8081",
		":8081":            "http://127.0.0.1:8081",
		"0.0.0.0:8081":     "http://127.0.0.1:8081",
		"[::]:8081":        "http://[::1]:8081",
		"admin.local:8081": "http://admin.local:8081",
		"8081":             "",
	} {
		if got, err := adminURL(address); got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v", address, got, err)
		}
	}
}

func TestExpiryReadsDaysDurationsAndTimes(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"90d": "2026-05-30T12:00:00Z", "12h": "2026-03-02T00:00:00Z", "2027-01-31T00:00:00+01:00": "2027-01-30T23:00:00Z",
		"": "", "d": "", "-1d": "", "0h": "", "1w": "", "200000d": "", "tomorrow": "",
	} {
		var e expiry
		err := e.UnmarshalText([]byte(text))
		got := ""
		if at := e.from(now); at != nil {
			got = at.UTC().Format(time.RFC3339)
		}
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	if at := (expiry{}).from(now); at != nil {
		t.Errorf("never became %v", fmt.Sprint(at))
	}
}

// Without a server, too, a key's budgets and models are those of the
// configuration, and `drover budgets` shows them.
func TestKeysOnTheFileAreCheckedAgainstTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "drover.yaml")
	if err := os.WriteFile(config, []byte("ledger: {path: "+filepath.Join(dir, "drover.db")+"}\n"+`
providers: {p: {base_url: "http://127.0.0.1:1/v1"}}
models: {gpt-4o: {provider: p, price: {prompt_per_1m: "2.5", completion_per_1m: "10"}}}
routes: {auto: {direct: gpt-4o}}
budgets: {house: {limit: "12.50", every: day}}
budgets_on_all: house
teams: {acme: {models: auto}}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (string, error) {
		text, err := droverCommand(t, append(args, "-c", config)...).CombinedOutput()
		return string(text), err
	}
	if text, err := run("budgets"); err == nil || !strings.Contains(text, "no ledger") {
		t.Errorf("budgets before there is a ledger: %v, %s", err, text)
	}
	for _, args := range [][]string{{"--budget", "hosue"}, {"--models", "auto,gpt-5"}} {
		text, err := run(append([]string{"keys", "create", "--name", "ci"}, args...)...)
		if err == nil || !strings.Contains(text, "must be a") || !strings.Contains(text, "house") && !strings.Contains(text, "gpt-4o") {
			t.Errorf("%v: %v, %s", args, err, text)
		}
	}
	if text, err := run("keys", "create", "--team", "acme", "--models", "gpt-4o"); err == nil || !strings.Contains(text, "team acme may use, one of [auto]") {
		t.Errorf("a model that the team may not use: %v, %s", err, text)
	}
	if text, err := run("keys", "create", "--team", "amce"); err != nil || !strings.Contains(text, `no team "amce" (its teams are acme)`) {
		t.Errorf("a team that is not known: %v, %s", err, text)
	}
	if text, err := run("keys", "create", "--team", "acme", "--name", "ci", "--budget", "house", "--models", "auto"); err != nil || strings.Contains(text, "Warning") {
		t.Fatal(err, text)
	}
	if text, err := run("budgets"); err != nil || !strings.Contains(text, "house") || !strings.Contains(text, "$12.5") {
		t.Errorf("budgets: %v, %s", err, text)
	}
}
