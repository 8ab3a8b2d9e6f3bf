package sandbox

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// remote judges on other machines, where "drover sandbox serve" runs.
type remote struct {
	config Remote
	within func(Job) time.Duration // how long a worker may take for a job
	client *http.Client
	next   atomic.Uint64
}

const maxRemoteBody = 64 << 20

// queueWithin is how long a job may wait on a worker for its turn.
const queueWithin = 20 * time.Second

func newRemote(config Config) (*remote, error) {
	c := config.Remote
	transport := &http.Transport{DialContext: (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		MaxIdleConnsPerHost: 64, IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 10 * time.Second,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13}}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("sandbox remote: %w", err)
		}
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("sandbox remote: %s holds no certificate", c.CA)
		}
	}
	if c.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
		if err != nil {
			return nil, fmt.Errorf("sandbox remote: %w", err)
		}
		transport.TLSClientConfig.Certificates = []tls.Certificate{pair}
	}
	return &remote{config: c, within: config.remoteTime, client: &http.Client{Transport: transport}}, nil
}

// remoteTime is how long a worker may take for a job, from the connection to the
// verdict: its time on the clock, that of compiling, and the wait for its turn. A
// job that states no limits is taken to have this gateway's.
func (c Config) remoteTime(j Job) time.Duration {
	j = j.withDefaults(c)
	within := queueWithin + j.Limits.wall()
	if len(c.language(j.Language).Compile) > 0 {
		within += 2 * compileCPU // the first Go program waits for the library too
	}
	return within
}

// run asks the workers in turn. One that cannot be reached, is down or is silent
// beyond the job's time hands over to the next; a verdict is taken from the first
// that has one.
func (r *remote) run(ctx context.Context, j Job) (Report, error) {
	body, err := json.Marshal(j)
	if err != nil {
		return Report{}, fmt.Errorf("encoding a job: %w", err)
	}
	first, within := r.next.Add(1), r.within(j)
	report := unjudged(ReasonRunnerDown, "no worker")
	for i := range r.config.URLs {
		worker := r.config.URLs[(first+uint64(i))%uint64(len(r.config.URLs))]
		var got Report
		timed, cancel := context.WithTimeout(ctx, within)
		err := r.post(timed, worker, "/v1/run", body, &got)
		cancel()
		if err != nil {
			if ctx.Err() != nil {
				return unjudged(ReasonRunnerDown, "cancelled"), ctx.Err()
			}
			if errors.Is(timed.Err(), context.DeadlineExceeded) {
				err = fmt.Errorf("no verdict within %v", within)
			}
			report = unjudged(ReasonRunnerDown, fmt.Sprintf("worker %s: %v: start drover sandbox serve there, and set sandbox.remote", worker, err))
			continue
		}
		if got.Reason != ReasonRunnerDown {
			return got, nil
		}
		report = got
	}
	return report, nil
}

func (r *remote) post(ctx context.Context, worker, path string, body []byte, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(worker, "/")+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if r.config.Token != "" {
		request.Header.Set("Authorization", "Bearer "+r.config.Token)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(response.Body, maxRemoteBody))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", response.Status, shorten(strings.TrimSpace(string(reply)), 200))
	}
	if err := json.Unmarshal(reply, into); err != nil {
		return fmt.Errorf("decoding its reply: %w", err)
	}
	if report, ok := into.(*Report); ok && report.Verdict != Passed && report.Verdict != Failed && report.Verdict != Unjudged {
		return errors.New("its reply holds no verdict")
	}
	return nil
}

// probe asks every worker for its own probes.
func (r *remote) probe(ctx context.Context) []Probe {
	var probes []Probe
	up := false
	for _, worker := range r.config.URLs {
		var got []Probe
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		err := r.post(ctx, worker, "/v1/probe", []byte("{}"), &got)
		cancel()
		p := Probe{Name: "worker " + worker, OK: err == nil && firstFault(got) == "", Saw: fmt.Sprintf("%d probes", len(got))}
		switch {
		case err != nil:
			p.Saw, p.Mend = err.Error(), "start drover sandbox serve there, with the token of sandbox.remote"
		case !p.OK:
			p.Saw, p.Mend = firstFault(got), "mend the worker's machine"
		default:
			up = true
		}
		probes = append(probes, p)
	}
	one := Probe{Name: "workers", OK: up, Need: true, Saw: fmt.Sprintf("of %d, at least one is up", len(probes))}
	if !up {
		one.Saw = "none is up"
		if len(probes) > 0 {
			one.Saw += ": " + probes[0].Saw
		}
		one.Mend = "start drover sandbox serve, and name it in sandbox.remote.urls"
	}
	return append(probes, one)
}

func (r *remote) close() { r.client.CloseIdleConnections() }
