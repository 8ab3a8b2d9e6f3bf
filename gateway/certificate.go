package gateway

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificateEvery is how often the files of a certificate are looked at.
const certificateEvery = time.Second

// certificate is a certificate whose files are read again when they change.
type certificate struct {
	files TLSConfig
	log   *slog.Logger

	mu     sync.Mutex
	loaded *tls.Certificate
	stamp  [2]time.Time // of the files as they were read
	looked time.Time
}

// ServerTLS reads the certificate and returns what a server needs to use it; nil
// where there is none. Later changes of the files count from the next connection
// on; a faulty pair leaves the one before it in use.
func (c TLSConfig) ServerTLS(log *slog.Logger) (*tls.Config, error) {
	if c.Cert == "" {
		return nil, nil
	}
	pair := &certificate{files: c, log: log}
	if err := pair.load(); err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair.current(), nil },
	}, nil
}

// load reads the files, unless they are as they were.
func (c *certificate) load() error {
	var stamp [2]time.Time
	for i, name := range []string{c.files.Cert, c.files.Key} {
		info, err := os.Stat(name)
		if err != nil {
			return fmt.Errorf("reading http.tls: %w", err)
		}
		stamp[i] = info.ModTime()
	}
	if stamp == c.stamp {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(c.files.Cert, c.files.Key)
	if err != nil {
		return fmt.Errorf("reading http.tls: %w", err)
	}
	c.loaded, c.stamp = &pair, stamp
	return nil
}

func (c *certificate) current() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.looked) > certificateEvery {
		c.looked = now
		if err := c.load(); err != nil {
			c.log.Error("certificate", "error", err)
		}
	}
	return c.loaded
}
