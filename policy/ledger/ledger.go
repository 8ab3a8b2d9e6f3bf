package ledger

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/drover-llm/drover/policy"
)

// Errors that callers tell apart.
var (
	ErrLocked    = errors.New("held by another process; stop that one, or use another ledger.path")
	ErrClosed    = errors.New("ledger closed")
	ErrHeld      = errors.New("there is an open hold with this id")
	ErrNoHold    = errors.New("there is no hold with this id")
	ErrSettled   = policy.ErrSettled
	ErrNoOutcome = policy.ErrUnknownOutcome
)

// Options are what a ledger needs from outside. The zero value is usable.
type Options struct {
	Now  func() time.Time // nil: time.Now
	Log  *slog.Logger     // nil: nothing is logged
	Rand io.Reader        // nil: crypto/rand. Secrets are made of it.
	// Learn makes what learns of outcomes before they are forgotten; nil: nothing does.
	Learn func() Folder
	Wait  time.Duration // for another process to let go of the file; 0: one second

	hash func(id string) uint64 // of an outcome's; nil: idHash
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Wait == 0 {
		o.Wait = time.Second
	}
	if o.hash == nil {
		o.hash = idHash
	}
	return o
}

// Ledger is an open journal. Its methods may be called from many goroutines.
type Ledger struct {
	path string
	o    Options
	db   *bolt.DB
	file *os.File // the one that db writes, for closing it when db cannot

	update  func(func(*bolt.Tx) error) error // db.Update
	queue   *queue
	holds   sync.Pool     // of *holdWrite
	settles sync.Pool     // of *settleWrite
	stopped chan struct{} // closed when the writer has written all that was accepted
	close   sync.Once

	broken  atomic.Pointer[error] // why nothing may be written any more
	commits atomic.Int64          // transactions that reached the disk
	auth    authenticator
	index   *index
	sums    sums
	book    *policy.Book // what the journal comes to; the writer folds it
	since   uint64       // the last record that is in a checkpoint; the writer's
	every   uint64       // checkpointRecords but in tests
	opened  uint64       // the last record when it was opened
}

// Open opens the ledger at path, and makes an empty one, readable by its owner
// only, where there is none. It waits Options.Wait for another process to let
// go, then returns ErrLocked. A ledger of an older format is migrated; one of a
// newer format, a foreign and a damaged file are refused and left as they are.
func Open(path string, o Options) (*Ledger, error) {
	o = o.withDefaults()
	l := &Ledger{path: path, o: o, queue: newQueue(), index: newIndex(o.hash), every: checkpointRecords, stopped: make(chan struct{})}
	l.holds.New = func() any { return l.newHoldWrite() }
	l.settles.New = func() any { return l.newSettleWrite() }
	if err := l.open(); err != nil {
		return nil, fmt.Errorf("opening ledger %s: %w", path, err)
	}
	go l.write()
	return l, nil
}

// Close refuses new calls, waits until all that was accepted is on disk, and
// lets the file go. Closing twice is allowed.
func (l *Ledger) Close() error {
	var err error
	l.close.Do(func() {
		l.queue.shut()
		<-l.stopped
		if err = l.release(); err != nil {
			err = fmt.Errorf("closing ledger %s: %w", l.path, err)
		}
	})
	return err
}

// release lets the file and its lock go.
func (l *Ledger) release() error {
	if err := l.Err(); !errors.Is(err, errFault) {
		return l.db.Close()
	}
	// After a fault inside a transaction bbolt may still hold its own locks, and
	// closing it would wait for ever.
	return letGo(l.file)
}

// Path is where the ledger lies.
func (l *Ledger) Path() string { return l.path }

// Len is the number of outcomes.
func (l *Ledger) Len() int { return l.index.len() }

// Err says why the ledger refuses to write, or nil: damage to the file, or a
// sync that failed half way. Only opening it again helps then.
func (l *Ledger) Err() error {
	if p := l.broken.Load(); p != nil {
		return *p
	}
	return nil
}
