package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/drover-llm/drover/gateway/sandbox"
)

// sandboxCommand holds the commands of the sandbox itself.
type sandboxCommand struct {
	Serve sandboxServeCommand `cmd:"" help:"Judge programs for gateways on other machines (sandbox.engine: remote)."`
}

// sandboxServeCommand is a worker of the remote engine.
type sandboxServeCommand struct {
	Listen      string        `default:"127.0.0.1:8090" help:"Address to listen on."`
	Token       string        `env:"DROVER_SANDBOX_TOKEN" help:"Bearer token that gateways must send. Required without --client-ca."`
	Certificate string        `type:"existingfile" placeholder:"FILE" help:"TLS certificate (PEM)."`
	Key         string        `type:"existingfile" placeholder:"FILE" help:"Its key (PEM)."`
	ClientCA    string        `type:"existingfile" placeholder:"FILE" help:"Admit only clients with a certificate of this authority (PEM)."`
	Engine      string        `default:"auto" enum:"auto,ns,landlock" help:"Sandbox engine (${enum}); landlock is weaker, and auto never chooses it."`
	Parallel    int           `default:"2" help:"Verifications at a time."`
	CPU         time.Duration `default:"5s" help:"Processor time of one verification. Gateways wait for as long as their own sandbox.cpu makes it."`
	Memory      sandbox.Bytes `default:"512MB" help:"Memory of one verification."`
}

func (c *sandboxServeCommand) Run(ctx context.Context) error {
	if c.Token == "" && c.ClientCA == "" {
		fmt.Fprintln(os.Stderr, "drover: sandbox serve: set --token or --client-ca: a worker runs programs for whoever may ask")
		return exitCode(exitUsage)
	}
	if (c.Certificate == "") != (c.Key == "") || c.ClientCA != "" && c.Certificate == "" {
		fmt.Fprintln(os.Stderr, "drover: sandbox serve: --certificate and --key go together, and --client-ca needs both")
		return exitCode(exitUsage)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	runner, err := sandbox.New(ctx, withPath(sandbox.Config{Engine: c.Engine, Parallel: c.Parallel, CPU: c.CPU, Memory: c.Memory}), log)
	if err != nil {
		return err
	}
	defer runner.Close()
	if why := runner.Down(); why != "" {
		return errors.New("sandbox serve: " + why)
	}
	server := &http.Server{Handler: sandbox.Handler(runner, c.Token), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return err
	}
	if c.Certificate != "" {
		if server.TLSConfig, err = c.tls(); err != nil {
			listener.Close()
			return err
		}
		listener = tls.NewListener(listener, server.TLSConfig)
	}
	log.Info("sandbox worker", "listen", listener.Addr().String(), "engine", runner.Engine(), "parallel", c.Parallel)
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	err = server.Shutdown(grace)
	if end := <-stopped; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	return err
}

func (c *sandboxServeCommand) tls() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}}
	if c.ClientCA == "" {
		return config, nil
	}
	pem, err := os.ReadFile(c.ClientCA)
	if err != nil {
		return nil, err
	}
	config.ClientCAs, config.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", c.ClientCA)
	}
	return config, nil
}
