package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/drover-llm/drover/gateway/admin"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/ledger"
)

// lockWait is enough for another command to finish; a server holds the ledger
// for good.
const lockWait = 200 * time.Millisecond

// openControl reaches the ledger through the admin API: that of the server which
// holds it, or one of this process that nobody else can reach. So a command does
// the same in both cases. Only with create is a ledger made where there is none.
func openControl(path, command string, create bool) (*adminClient, error) {
	a, err := loadAccess(path)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(a.ledger); errors.Is(err, fs.ErrNotExist) && !create {
		return nil, noLedger(a.ledger)
	}
	l, err := ledger.Open(a.ledger, ledger.Options{Wait: lockWait})
	switch {
	case err == nil:
		return overFile(l, path, command)
	case errors.Is(err, ledger.ErrLocked):
		c, err := newAdminClient(a, runBy(command))
		if err != nil {
			return nil, fmt.Errorf("ledger %s is held by a server: %w", a.ledger, err)
		}
		return c, nil
	}
	return nil, err
}

func noLedger(path string) error {
	return fmt.Errorf("there is no ledger at %s yet: `drover serve` or `drover keys create` makes it", path)
}

// controlOf is what the admin API controls of a ledger alone.
func controlOf(l *ledger.Ledger) admin.Control {
	return admin.Control{Keys: l, Ledger: l, Release: l.Release}
}

// overFile serves the ledger's admin API over a pipe within this process, with what
// the configuration at path says of budgets.
func overFile(l *ledger.Ledger, path, command string) (*adminClient, error) {
	control, file := controlOf(l), configFile{Config: path}
	control.CheckKey, control.WarnOfKey = file.checkKey, file.warnOfKey
	config, err := file.load()
	if err == nil {
		book, now := policy.NewBook(nil), time.Now()
		book.Restore(l.Totals())
		book.Configure(config.Money(), now, nil)
		control.Budgets = func() []policy.BudgetState { return book.States(now) }
	}
	server, err := admin.New(admin.Config{Token: "within"}, control, admin.Options{By: runBy(command)})
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	p := &pipe{conns: make(chan net.Conn), closed: make(chan struct{})}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, p) }()
	c := &adminClient{base: "http://drover", token: "within", http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return p.dial(ctx) },
	}}}
	c.close = func() error {
		c.http.CloseIdleConnections()
		stop()
		return errors.Join(<-served, l.Close())
	}
	return c, nil
}

// checkKey reports what of a key the configuration does not know. A configuration
// that cannot be read is a fault of a key that names something of it.
func (f configFile) checkKey(k policy.Key, fault func(path, format string, args ...any)) {
	if _, err := os.Stat(f.Config); errors.Is(err, fs.ErrNotExist) || len(k.Budgets) == 0 && len(k.Models) == 0 {
		return
	}
	c, err := f.load()
	if err != nil {
		fault("budgets", "and models cannot be checked: %v", err)
		return
	}
	checkKey(k, c.Money(), slices.Concat(slices.Sorted(maps.Keys(c.Routes)), slices.Sorted(maps.Keys(c.Models))), fault)
}

// warnOfKey says what of a key the configuration does not know, and need not.
func (f configFile) warnOfKey(k policy.Key) []string {
	c, err := f.load()
	if err != nil { // which checkKey reports where it matters
		return nil
	}
	return warnOfKey(k, c.Money())
}

// checkKey reports the budgets and models of a key that are not among those that
// there are, or that its team may use.
func checkKey(k policy.Key, money *policy.Budgets, models []string, fault func(path, format string, args ...any)) {
	for i, name := range k.Budgets {
		if _, known := money.Rules[name]; !known {
			fault(fmt.Sprintf("budgets[%d]", i), "must be a budget of the configuration, one of %v, got %q", money.Names(), name)
		}
	}
	team := money.Team(k.Team).Models
	for i, name := range k.Models {
		switch path := fmt.Sprintf("models[%d]", i); {
		case !slices.Contains(models, name):
			fault(path, "must be a route or model of the configuration, one of %v, got %q", models, name)
		case len(team) > 0 && !slices.Contains(team, name):
			fault(path, "must be one that team %s may use, one of %v, got %q", k.Team, team, name)
		}
	}
}

// warnOfKey says that a key's team is not in the configuration. That may be meant,
// since teams share suites and reports too, but nothing that is said there of a
// team then binds the key.
func warnOfKey(k policy.Key, money *policy.Budgets) []string {
	if _, known := money.Teams[k.Team]; known || k.Team == "" {
		return nil
	}
	have := "it has none"
	if len(money.Teams) > 0 {
		have = "its teams are " + strings.Join(slices.Sorted(maps.Keys(money.Teams)), ", ")
	}
	return []string{fmt.Sprintf("the configuration has no team %q (%s), so no budget, model list or limit of a team binds this key", k.Team, have)}
}

// runBy says who runs a command, for the journal.
func runBy(command string) string {
	name := "uid " + fmt.Sprint(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return "drover " + command + ", run by " + name
}

// pipe is a listener whose only callers are in this process.
type pipe struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipe) dial(ctx context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept returns the next connection.
func (p *pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept. The server calls it once.
func (p *pipe) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

// Addr is of no network.
func (p *pipe) Addr() net.Addr { return &net.UnixAddr{Name: "within", Net: "unix"} }

// keyID is the id that was given, or that of a whole key that was pasted; its
// secret is not repeated.
func keyID(text string) string {
	if parts := strings.Split(text, "-"); len(parts) == 4 && parts[0] == "drv" {
		return parts[1]
	}
	return text
}
