package admin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// Bounds on what a caller may take from the admin listener.
const (
	maxBody       = 64 << 10 // bytes
	maxHeader     = 32 << 10 // bytes
	headerTimeout = 5 * time.Second
	readTimeout   = 30 * time.Second
	writeTimeout  = 60 * time.Second
	idleTimeout   = 2 * time.Minute
	stopTimeout   = 5 * time.Second // for requests under way when the server stops
)

// Options are what a Server needs from outside. The zero value is usable.
type Options struct {
	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: nothing is logged
	By  string           // who asks, for the journal; empty: told by the caller's address
}

// Server answers the admin API.
type Server struct {
	token   [sha256.Size]byte // of the token, so that comparing tells nothing about its length
	control Control
	by      string
	now     func() time.Time
	log     *slog.Logger
	echo    *echo.Echo
}

// New makes the admin API over control, which has Keys at least. c.Token must be there: who makes it where
// the configuration has none also knows where to keep it.
func New(c Config, control Control, o Options) (*Server, error) {
	var faults []error
	c.Validate(func(path, format string, args ...any) {
		faults = append(faults, fmt.Errorf("admin."+path+": "+format, args...))
	})
	if c.Token == "" {
		faults = append(faults, errors.New("admin.token: must not be empty"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	s := &Server{token: sha256.Sum256([]byte(c.Token)), control: control, by: o.By, now: o.Now, log: o.Log}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.echo = s.routes()
	return s, nil
}

// ServeHTTP makes the server a handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.echo.ServeHTTP(w, r) }

// Serve answers on l until ctx ends, lets requests under way finish, and closes
// l. It returns nil when ctx ended.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	s.log.Info("admin API listens", "address", l.Addr().String())
	if !isLoopback(l.Addr()) {
		s.log.Warn("the admin API can be reached from other machines, over plain HTTP", "address", l.Addr().String())
	}
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("admin: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err := server.Shutdown(stop)
	if err != nil {
		err = errors.Join(fmt.Errorf("admin: stopping: %w", err), server.Close())
	}
	if end := <-served; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	return err
}

// authorize lets whoever has the token pass; /healthz is for everyone.
func (s *Server) authorize(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if c.Path() == "/healthz" {
			return next(c)
		}
		scheme, token, _ := strings.Cut(c.Request().Header.Get(echo.HeaderAuthorization), " ")
		if !strings.EqualFold(scheme, "Bearer") || token == "" {
			return &apiError{http.StatusUnauthorized, invalidRequest, "", "",
				"the admin token is missing; send it as \"Authorization: Bearer TOKEN\""}
		}
		sum := sha256.Sum256([]byte(token))
		if subtle.ConstantTimeCompare(sum[:], s.token[:]) != 1 {
			return &apiError{http.StatusUnauthorized, invalidRequest, "invalid_admin_token", "",
				"wrong admin token; it is admin.token of the configuration, or in the file beside the ledger whose name ends in .admin-token"}
		}
		return next(c)
	}
}

// recoverPanics makes a 500 of a panic, and logs where it came from.
func (s *Server) recoverPanics(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			p := recover()
			switch {
			case p == nil:
			case isAbort(p):
				panic(p)
			default:
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		return next(c)
	}
}
