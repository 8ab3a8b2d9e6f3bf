package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/drover-llm/drover/configs"
	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/gateway/admin"
	"github.com/drover-llm/drover/gateway/upstream"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/ledger"
)

// inForce is the gateway that was built from the configuration in force. A reload
// builds another one, which takes over the books, breakers and connections.
type inForce struct {
	journal *ledger.Ledger
	runner  gateway.Sandbox
	log     *slog.Logger
	book    *policy.Book
	learned *learning
	load    func() (*configs.Config, error) // reads the file anew

	mu        sync.Mutex // one change at a time
	config    *configs.Config
	providers map[string]*upstream.Provider
	gateway   *gateway.Switch
	metrics   *admin.Metrics
}

// timeOfDay tells the time that requests are held and settled at. It is a variable
// for the test whose clock steps.
var timeOfDay = time.Now

// putInForce makes a gateway of the configuration, with the money that the ledger
// says is left.
func putInForce(c *configs.Config, load func() (*configs.Config, error), journal *ledger.Ledger, runner gateway.Sandbox, alert func(policy.Alert), log *slog.Logger) (*inForce, error) {
	f := &inForce{journal: journal, runner: runner, log: log, load: load, book: policy.NewBook(alert), learned: newLearning(c, log), config: c}
	f.book.Restore(journal.Totals())
	f.metrics = admin.NewMetrics(admin.Gauges{
		Inflight: func() int64 { return f.gateway.Gateway().Inflight() }, Queue: f.queue, Breakers: f.breakers, Budgets: f.states,
	})
	made, providers, err := f.assemble(c)
	if err != nil {
		return nil, err
	}
	f.providers = providers
	told, err := alertsTold(journal, made.Budgets, timeOfDay())
	if err != nil {
		return nil, err
	}
	f.book.Configure(made.Budgets, timeOfDay(), told)
	f.gateway = gateway.NewSwitch(gateway.New(made))
	for _, fault := range f.lostBudgets(c) {
		log.Warn("a key can spend nothing", "why", fault.String())
	}
	for _, k := range f.keysInUse() {
		for _, warning := range warnOfKey(k, made.Budgets) {
			if len(c.Teams) > 0 { // else teams are labels
				log.Warn("a key's team is not known", "key", k.ID, "why", warning)
			}
		}
	}
	return f, nil
}

// Close drops the connections that nobody uses.
func (f *inForce) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.providers {
		p.Close()
	}
}

// assemble makes a gateway's configuration. A provider that has not changed is the
// one that there is, with its breakers and connections.
func (f *inForce) assemble(c *configs.Config) (gateway.Config, map[string]*upstream.Provider, error) {
	table, err := c.Table()
	if err != nil {
		return gateway.Config{}, nil, err
	}
	providers := map[string]*upstream.Provider{}
	for name, p := range c.Providers {
		if before, ok := f.providers[name]; ok && reflect.DeepEqual(p, f.config.Providers[name]) {
			providers[name] = before
		} else {
			providers[name] = upstream.NewProvider(name, p, http.ProxyFromEnvironment)
		}
	}
	models := map[string]gateway.Model{}
	for name, m := range c.Models {
		models[name] = gateway.Model{
			Client:    providers[m.Provider].Client(m.Name, f.log),
			MaxOutput: c.MaxOutput(name),
			SupportsN: c.Provider(name).ManyChoices(),
			Family:    family(m.Name, name),
		}
	}
	return gateway.Config{
		Models: models, Routes: c.Routes, Prices: table, Keys: f.journal, Journal: f.journal, Records: f.journal,
		Book: f.book, Budgets: c.Money(), Limits: c.Limits, HTTP: c.HTTP, Sandbox: f.runner, Observer: f.metrics, Log: f.log, Now: timeOfDay,
		Learned: f.learned.model.Load,
	}, providers, nil
}

// reload puts the file's configuration in force, all of it or nothing. Requests
// under way keep the one that they began with.
func (f *inForce) reload(ctx context.Context, by string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, err := f.load()
	if err == nil {
		err = f.replace(c)
	}
	if err != nil {
		var faults configs.Faults
		if errors.As(err, &faults) {
			for _, fault := range faults {
				f.log.ErrorContext(ctx, "configuration not reloaded", "by", by, "fault", fault.String())
			}
		} else {
			f.log.ErrorContext(ctx, "configuration not reloaded", "by", by, "error", err)
		}
		return err
	}
	f.log.InfoContext(ctx, "configuration reloaded", "by", by)
	if err := f.journal.Note(context.WithoutCancel(ctx), policy.Change{By: by, Action: "reload"}); err != nil {
		f.log.ErrorContext(ctx, "ledger", "error", err)
	}
	return nil
}

func (f *inForce) replace(c *configs.Config) error {
	if faults := slices.Concat(f.fixed(c), f.lostBudgets(c), f.lostTeams(c)); len(faults) > 0 {
		return faults
	}
	made, providers, err := f.assemble(c)
	if err != nil {
		return err
	}
	f.book.Configure(made.Budgets, timeOfDay(), nil)
	f.gateway.To(made)
	f.learned.reconfigure(c)
	for name, p := range f.providers {
		if providers[name] != p {
			p.Close()
		}
	}
	f.config, f.providers = c, providers
	return nil
}

// fixed are the faults of a configuration that changes what only a start can.
func (f *inForce) fixed(c *configs.Config) (faults configs.Faults) {
	for _, one := range []struct {
		path     string
		old, new any
	}{
		{"listen", f.config.Listen, c.Listen},
		{"http.tls", f.config.HTTP.TLS, c.HTTP.TLS},
		{"drain", f.config.Drain, c.Drain},
		{"admin", f.config.Admin, c.Admin},
		{"ledger", f.config.Ledger, c.Ledger},
		{"sandbox", f.config.Sandbox, c.Sandbox},
	} {
		if !reflect.DeepEqual(one.old, one.new) {
			faults = append(faults, c.Fault(one.path, "cannot change while drover runs; start it again for that, or put back what was there"))
		}
	}
	return faults
}

// lostBudgets are the faults of a configuration without a budget that a key in use
// is charged to: the key could spend nothing.
func (f *inForce) lostBudgets(c *configs.Config) (faults configs.Faults) {
	for _, k := range f.keysInUse() {
		for _, name := range k.Budgets {
			if _, known := c.Budgets[name]; !known {
				faults = append(faults, c.Fault("budgets", "has no %q, to which the key %s is charged; keep it, or revoke the key", name, k.ID))
			}
		}
	}
	return faults
}

// lostTeams are the faults of a configuration that does not have a team any more
// that a key in use is of: no budget of the team's would bind the key.
func (f *inForce) lostTeams(c *configs.Config) (faults configs.Faults) {
	for _, k := range f.keysInUse() {
		_, before := f.config.Teams[k.Team]
		if _, known := c.Teams[k.Team]; before && !known {
			faults = append(faults, c.Fault("teams", "has no %q any more, whose budgets bind the key %s; keep it, or revoke the key", k.Team, k.ID))
		}
	}
	return faults
}

// keysInUse are the keys that are neither revoked nor expired.
func (f *inForce) keysInUse() []policy.Key {
	now := time.Now()
	return slices.DeleteFunc(f.journal.ListKeys(), func(k policy.Key) bool {
		return !k.Revoked.IsZero() || !k.Expires.IsZero() && !now.Before(k.Expires)
	})
}

// breakers tells which models are left alone because they failed.
func (f *inForce) breakers() map[string]bool {
	open := map[string]bool{}
	for name, m := range f.gateway.Gateway().Models {
		open[name] = !m.Client.Healthy()
	}
	return open
}

// queue is how many programs wait to be tested, where the sandbox is this
// machine's.
func (f *inForce) queue() int {
	if r, ok := f.runner.(interface{ Waiting() int }); ok {
		return r.Waiting()
	}
	return 0
}

// states are the budgets now.
func (f *inForce) states() []policy.BudgetState { return f.book.States(timeOfDay()) }

// teams are those of the configuration in force.
func (f *inForce) teams() map[string]policy.TeamConfig { return f.gateway.Gateway().Budgets.Teams }

// checkKey reports what of a key the configuration in force does not know.
func (f *inForce) checkKey(k policy.Key, fault func(path, format string, args ...any)) {
	g := f.gateway.Gateway()
	checkKey(k, g.Budgets, slices.Concat(slices.Sorted(maps.Keys(g.Routes)), slices.Sorted(maps.Keys(g.Models))), fault)
}

// warnOfKey says what of a key the configuration in force does not know, and need
// not.
func (f *inForce) warnOfKey(k policy.Key) []string { return warnOfKey(k, f.gateway.Gateway().Budgets) }

// release ends a hold that a crash left, in the journal and then in the book.
func (f *inForce) release(ctx context.Context, r policy.Release) (policy.Hold, error) {
	h, err := f.journal.Release(ctx, r)
	if err == nil {
		f.book.Release(r)
	}
	return h, err
}
