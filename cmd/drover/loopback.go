package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/drover-llm/drover/configs"
	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/ledger"
)

// loopback is a whole gateway on this machine, with a ledger of its own that goes
// with it, over stand-in models.
type loopback struct {
	url, key string
	models   *standin.Server
	journal  *heldJournal
	force    *inForce
	end      func() error
}

// heldJournal remembers, beside the journal, what requests were held for.
type heldJournal struct {
	gateway.Journal
	mu       sync.Mutex
	requests []heldRequest
	open     map[string]policy.Hold
}

// heldRequest is a request that was settled.
type heldRequest struct {
	hold    policy.Hold
	outcome policy.Outcome
}

// Hold journals a hold.
func (j *heldJournal) Hold(ctx context.Context, h policy.Hold) error {
	j.mu.Lock()
	j.open[h.ID] = h
	j.mu.Unlock()
	return j.Journal.Hold(ctx, h)
}

// Settle journals an outcome.
func (j *heldJournal) Settle(ctx context.Context, o policy.Outcome) error {
	j.mu.Lock()
	j.requests = append(j.requests, heldRequest{j.open[o.ID], o})
	delete(j.open, o.ID)
	j.mu.Unlock()
	return j.Journal.Settle(ctx, o)
}

// settled returns the requests that were settled so far.
func (j *heldJournal) settled() []heldRequest {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.requests)
}

// startLoopback serves until end is called. In the configuration, ${URL} is the
// stand-ins'.
func startLoopback(ctx context.Context, yaml string, models standin.Config, runner gateway.Sandbox, log *slog.Logger) (l *loopback, err error) {
	l = &loopback{models: standin.New(models)}
	var closers []func() error
	l.end = func() error {
		var faults []error
		for i := len(closers) - 1; i >= 0; i-- {
			faults = append(faults, closers[i]())
		}
		return errors.Join(faults...)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.end())
		}
	}()
	if err := l.models.Start("127.0.0.1:0"); err != nil {
		return nil, err
	}
	closers = append(closers, l.models.Close)
	dir, err := os.MkdirTemp("", "drover-")
	if err != nil {
		return nil, err
	}
	closers = append(closers, func() error { return os.RemoveAll(dir) })
	config, err := configs.Parse("loopback", []byte(yaml), func(string) (string, bool) { return l.models.URL(), true })
	if err != nil {
		return nil, err
	}
	journal, err := ledger.Open(filepath.Join(dir, "drover.db"), ledger.Options{Log: log})
	if err != nil {
		return nil, err
	}
	closers = append(closers, journal.Close)
	if l.key, _, err = journal.CreateKey(ctx, policy.Key{Name: "loopback"}, "loopback"); err != nil {
		return nil, err
	}
	l.force, err = putInForce(config, nil, journal, runner, nil, log)
	if err != nil {
		return nil, err
	}
	l.journal = &heldJournal{Journal: journal, open: map[string]policy.Hold{}}
	l.force.gateway.Gateway().Journal = l.journal
	closers = append(closers, func() error { l.force.Close(); return nil })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l.url = "http://" + listener.Addr().String()
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan error, 1)
	go func() { served <- serve(serving, l.force.gateway, listener, nil, time.Second, log) }()
	closers = append(closers, func() error { stop(); return <-served })
	return l, nil
}
