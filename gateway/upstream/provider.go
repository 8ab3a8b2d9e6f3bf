package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/drover-llm/drover/gateway/openai"
)

// Provider is one host of models: a base URL with a key, its connections, and
// a bound on the calls in flight.
type Provider struct {
	name      string
	config    Config
	dialect   Dialect
	header    http.Header     // of every request; a transport leaves it alone
	transport *http.Transport // used without a client, which would follow redirects and carry prompts and a key to who knows where
	slots     *semaphore.Weighted

	mu      sync.Mutex
	clients map[string]*Client // by the provider's name of the model
}

// maxWaitForSlot bounds how long a call waits for others to end before it
// fails as Full: past that, turning the client away is kinder.
const maxWaitForSlot = 10 * time.Second

// NewProvider returns a provider that makes no connection before it is called.
// proxy chooses an HTTP proxy for a request; nil means none.
func NewProvider(name string, c Config, proxy func(*http.Request) (*url.URL, error)) *Provider {
	c = c.WithDefaults()
	transport := &http.Transport{
		Proxy:                 proxy,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   10 * time.Second,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          c.MaxInFlight,
		MaxIdleConnsPerHost:   c.MaxInFlight,
		IdleConnTimeout:       90 * time.Second,
		DisableCompression:    true, // replies are small, and a stream must not wait for a compressor
		ReadBufferSize:        16 << 10,
		WriteBufferSize:       16 << 10,
		ExpectContinueTimeout: time.Second,
	}
	header := http.Header{"Content-Type": {"application/json"}, "User-Agent": {"drover"}}
	dialect := c.dialect()
	dialect.setKey(header, string(c.APIKey))
	return &Provider{
		name:      name,
		config:    c,
		dialect:   dialect,
		header:    header,
		transport: transport,
		slots:     semaphore.NewWeighted(int64(c.MaxInFlight)),
		clients:   map[string]*Client{},
	}
}

// Name is the provider's name in YAML.
func (p *Provider) Name() string { return p.name }

// Close drops the idle connections.
func (p *Provider) Close() { p.transport.CloseIdleConnections() }

// enter takes one of the provider's slots, which the caller must release.
func (p *Provider) enter(ctx context.Context) (release func(), err error) {
	release = func() { p.slots.Release(1) }
	if p.slots.TryAcquire(1) {
		return release, nil
	}
	wait, cancel := context.WithTimeout(ctx, maxWaitForSlot)
	defer cancel()
	if err := p.slots.Acquire(wait, 1); err != nil {
		if ctx.Err() != nil {
			return nil, lost(ctx)
		}
		return nil, &openai.CallError{Failure: openai.Full, RetryAfter: time.Second,
			Err: errors.New(p.name + ": as many calls in flight as max_in_flight allows")}
	}
	return release, nil
}

// lost is the error of a call whose caller's context has ended.
func lost(ctx context.Context) *openai.CallError {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &openai.CallError{Failure: openai.TimedOut, Err: ctx.Err()}
	}
	return &openai.CallError{Failure: openai.Cancelled, Err: ctx.Err()}
}
