package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/drover-llm/drover/configs"
	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/gateway/admin"
	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/ledger"
	"github.com/drover-llm/drover/pricing"
)

// settleWithin bounds how long requests that were cut off at the end of drain
// may take to be journalled.
const settleWithin = 10 * time.Second

// run wires the gateway together and serves until ctx ends. What is shown once,
// a first key and a made admin token, goes to out. load reads the configuration
// anew, from the file at path, which is watched.
func run(ctx context.Context, c *configs.Config, path string, load func() (*configs.Config, error), log *slog.Logger, out io.Writer) (err error) {
	journal, err := openJournal(ctx, c, ledgerWait, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, journal.Close()) }()

	runner, err := sandbox.New(ctx, withPath(c.Sandbox), log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, runner.Close()) }()
	if why := runner.Down(); why != "" {
		log.Warn("nothing can be tested here, so every request is answered directly", "why", why)
	}
	alerts := newAlerts(journal.Note, log)
	force, err := putInForce(c, load, journal, runner, alerts.add, log)
	if err != nil {
		return err
	}
	defer force.Close()
	encryption, err := c.HTTP.TLS.ServerTLS(log)
	if err != nil {
		return err
	}
	data, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("opening listen: %w", err)
	}
	defer data.Close()
	admins, err := net.Listen("tcp", c.Admin.Listen)
	if err != nil {
		return fmt.Errorf("opening admin.listen: %w", err)
	}
	defer admins.Close()
	// Whatever is shown only once is shown when nothing can fail any more.
	controls := controlOf(journal)
	controls.Budgets, controls.Teams, controls.CheckKey, controls.WarnOfKey = force.states, force.teams, force.checkKey, force.warnOfKey
	controls.Release, controls.Reload, controls.Metrics = force.release, force.reload, force.metrics
	control, err := controlPlane(c, controls, log, out)
	if err != nil {
		return err
	}
	if err := firstKey(ctx, journal, out); err != nil {
		return err
	}
	if holds, err := journal.OpenHolds(); err == nil && len(holds) > 0 {
		log.Warn("requests were under way when drover last ended; their holds count as spent", "holds", len(holds))
	}
	log.Info("drover serves", "version", version(), "listen", data.Addr().String(), "ledger", c.Ledger.Path, "outcomes", journal.Len())
	planes, ctx := errgroup.WithContext(ctx)
	planes.Go(func() error { return control.Serve(ctx, admins) })
	planes.Go(func() error { return alerts.send(ctx) })
	planes.Go(func() error { return force.learned.follow(ctx, journal, log) })
	planes.Go(func() error { return watch(ctx, path, force.reload, log) })
	planes.Go(func() error { return serve(ctx, force.gateway, gateway.Listener(data), encryption, c.Drain, log) })
	planes.Go(func() error { return pricing.Warm(families(c)...) })
	planes.Go(func() error { return retain(ctx, journal, force.retention, log) })
	return planes.Wait()
}

// ledgerWait is how long a server waits for another one that is stopping to let go
// of the ledger.
const ledgerWait = 10 * time.Second

// openJournal opens the ledger to serve. Another drover that is stopping is waited
// for, most at most, so that a restart that overlaps a little is late, not lost.
func openJournal(ctx context.Context, c *configs.Config, most time.Duration, log *slog.Logger) (*ledger.Ledger, error) {
	for deadline := time.Now().Add(most); ; {
		journal, err := ledger.Open(c.Ledger.Path, ledger.Options{
			Log:   log,
			Learn: func() ledger.Folder { return newLessons(c, log) },
			Wait:  min(time.Second, max(time.Until(deadline), time.Millisecond)),
		})
		switch {
		case !errors.Is(err, ledger.ErrLocked):
			return journal, err
		case ctx.Err() != nil:
			return nil, fmt.Errorf("stopped while waiting for the ledger: %w", err)
		case time.Now().After(deadline):
			stop := c.Drain + lastWords + settleWithin
			return nil, fmt.Errorf("%w; waited %v for it. One ledger has one server, which may take %v to stop (Kubernetes: strategy Recreate, and terminationGracePeriodSeconds of %d or more; systemd: TimeoutStopSec the same)",
				err, most, stop, int(math.Ceil(stop.Seconds())))
		}
		log.Warn("another process holds the ledger; waiting for it to stop", "path", c.Ledger.Path, "until", deadline.Format(time.TimeOnly))
	}
}

// controlPlane makes the admin API. Where the configuration has no token, one is
// made on the first start and shown then.
func controlPlane(c *configs.Config, control admin.Control, log *slog.Logger, out io.Writer) (*admin.Server, error) {
	config := c.Admin
	if config.Token == "" {
		token, made, err := makeAdminToken(c.Ledger.Path)
		if err != nil {
			return nil, err
		}
		if made {
			if _, err := fmt.Fprintf(out, "Admin token, shown only now and kept in %s: %s\n", adminTokenPath(c.Ledger.Path), token); err != nil {
				return nil, err
			}
		}
		config.Token = token
	}
	return admin.New(config, control, admin.Options{Log: log})
}

// family recognises a model by the provider's name for it, or else by ours: the
// name of an Azure deployment says nothing.
func family(theirs, ours string) pricing.Family {
	if f := pricing.FamilyOf(theirs); f != pricing.Unknown {
		return f
	}
	return pricing.FamilyOf(ours)
}

// families are those of the configuration's models.
func families(c *configs.Config) []pricing.Family {
	var all []pricing.Family
	for name, m := range c.Models {
		all = append(all, family(m.Name, name))
	}
	return all
}

// serve answers on the listener until ctx ends, then lets requests under way
// finish within drain, cuts off the rest, and waits until they are journalled.
func serve(ctx context.Context, g *gateway.Switch, l net.Listener, encryption *tls.Config, drain time.Duration, log *slog.Logger) error {
	requests, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	server := gateway.Server(g)
	server.TLSConfig = encryption
	server.BaseContext = func(net.Listener) context.Context { return requests }
	server.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug)

	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error {
		answer := server.Serve
		if encryption != nil {
			answer = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
		}
		if err := answer(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	work.Go(func() error {
		<-ctx.Done()
		g.Gateway().Drain() // whatever configuration is in force then
		log.Info("stopping: no new requests", "drain", drain)
		var err error
		if shutdown(server, drain) != nil {
			log.Warn("cutting off the requests that are still under way")
			cut(gateway.ErrStopping)
			if shutdown(server, lastWords) != nil {
				err = server.Close() // whoever does not read is not waited for; what was spent is
			}
		}
		settle, cancel := context.WithTimeout(context.Background(), settleWithin)
		defer cancel()
		return errors.Join(err, g.Gateway().Wait(settle))
	})
	return work.Wait()
}

// lastWords is how long requests that were cut off have to tell their clients.
const lastWords = 2 * time.Second

func shutdown(server *http.Server, within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return server.Shutdown(ctx)
}

// firstKey makes a key for a ledger that has never had one.
func firstKey(ctx context.Context, journal *ledger.Ledger, out io.Writer) error {
	if len(journal.ListKeys()) > 0 || journal.Len() > 0 {
		return nil
	}
	token, _, err := journal.CreateKey(ctx, policy.Key{Name: "first"}, "first start")
	if err != nil {
		return fmt.Errorf("making the first API key: %w", err)
	}
	_, err = fmt.Fprintf(out, "API key, shown only now: %s\n", token)
	return err
}
