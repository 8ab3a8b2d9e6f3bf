package admin

import (
	"context"
	"io"
	"iter"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/drover-llm/drover/policy"
)

// Control is what a Server shows and changes. What is nil has no path.
type Control struct {
	Keys   Keys
	Ledger Ledger

	// CheckKey reports what of a key the configuration does not know, such as the
	// name of a budget.
	CheckKey func(k policy.Key, fault func(path, format string, args ...any))
	// WarnOfKey says in words what a new key's owner should know.
	WarnOfKey func(k policy.Key) []string
	Teams     func() map[string]policy.TeamConfig
	Budgets   func() []policy.BudgetState
	// Release ends a hold that a crash left; policy.ErrUnknownHold and
	// policy.ErrUnderWay are the caller's faults.
	Release func(ctx context.Context, r policy.Release) (policy.Hold, error)
	// Reload reads the configuration anew. The error says what is wrong with it,
	// and that the old one stays.
	Reload func(ctx context.Context, by string) error

	Metrics http.Handler
}

// Keys is the keys of a ledger. by says who asked, for the journal.
// policy.ErrUnknownKey and policy.ErrRevokedKey are the caller's faults; every
// other error means that the ledger cannot be written.
type Keys interface {
	CreateKey(ctx context.Context, k policy.Key, by string) (token string, key policy.Key, err error)
	ChangeKey(ctx context.Context, id string, c policy.KeyChange, by string) (policy.Key, error)
	RotateKey(ctx context.Context, id string, overlap time.Duration, by string) (token string, key policy.Key, err error)
	RevokeKey(ctx context.Context, id, by string) (policy.Key, error)
	ListKeys() []policy.Key
}

// Ledger is the rest of one. Sequence numbers of 0 mean its end, or none.
type Ledger interface {
	Find(ctx context.Context, f policy.Filter, before uint64, limit int) (entries []policy.Entry, next uint64, err error)
	Outcome(id string) (policy.Entry, error) // policy.ErrUnknownOutcome
	Changes(before uint64, limit int) ([]policy.ChangeEntry, error)
	Holds() ([]policy.OpenHold, error)
	Spendings(since time.Time, each func(policy.Spending)) error
	Export(ctx context.Context, f policy.Filter) iter.Seq2[policy.Entry, error]
	Note(ctx context.Context, c policy.Change) error
	Import(ctx context.Context, outcomes []policy.Outcome) (added int, err error)
	AddPriors(ctx context.Context, p policy.Priors) error
	Backup(ctx context.Context, w io.Writer) error
	Verify(ctx context.Context, progress func(done, of int)) (policy.Inspection, error)
}

func (s *Server) routes() *echo.Echo {
	e := echo.New()
	e.HTTPErrorHandler = s.answerError
	e.Use(s.recoverPanics, s.authorize)
	e.GET("/healthz", func(c echo.Context) error {
		return c.JSON(http.StatusOK, map[string]string{"status": "ok"})
	})
	e.GET("/api/keys", s.listKeys)
	e.POST("/api/keys", s.createKey)
	e.PATCH("/api/keys/:id", s.changeKey)
	e.POST("/api/keys/:id/rotate", s.rotateKey)
	e.DELETE("/api/keys/:id", s.revokeKey)
	if s.control.Teams != nil {
		e.GET("/api/teams", s.listTeams)
	}
	if s.control.Budgets != nil {
		e.GET("/api/budgets", s.listBudgets)
	}
	if s.control.Reload != nil {
		e.POST("/api/reload", s.reload)
	}
	if s.control.Ledger != nil {
		e.GET("/api/outcomes", s.listOutcomes)
		e.GET("/api/outcomes/:id", s.showOutcome)
		e.GET("/api/decisions", s.listOutcomes)
		e.GET("/api/decisions/:id", s.showOutcome)
		e.GET("/api/spend", s.spend)
		e.GET("/api/changes", s.listChanges)
		e.GET("/api/holds", s.listHolds)
		if s.control.Release != nil {
			e.POST("/api/holds/:id", s.release)
		}
		e.GET("/api/ledger/export", s.export)
		e.GET("/api/ledger/backup", s.backup)
		e.GET("/api/ledger/verify", s.verify)
		e.POST("/api/ledger/import", s.importOutcomes)
		e.POST("/api/ledger/priors", s.importPriors)
	}
	if s.control.Metrics != nil {
		e.GET("/metrics", echo.WrapHandler(s.control.Metrics))
	}
	profiles(e)
	return e
}
