package ledger

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// stall makes the writer stop in front of its next transaction. The first
// function returned waits until it is there, the second lets it go on.
func stall(l *Ledger) (reached, release func()) {
	at, free := make(chan struct{}), make(chan struct{})
	var once sync.Once
	l.update = func(f func(*bolt.Tx) error) error {
		once.Do(func() { close(at); <-free })
		return l.db.Update(f)
	}
	return func() { <-at }, func() { close(free) }
}

// queued waits until n writes wait behind the one that the writer has.
func queued(l *Ledger, n int) {
	for {
		l.queue.mu.Lock()
		waiting := len(l.queue.writes)
		l.queue.mu.Unlock()
		if waiting == n {
			return
		}
		runtime.Gosched()
	}
}

func TestWaitingWritesShareOneCommit(t *testing.T) {
	l := newLedger(t)
	reached, release := stall(l)
	var callers sync.WaitGroup
	callers.Go(func() { mustHold(t, l, "first") })
	reached()
	const n = 100
	for i := range n {
		callers.Go(func() { mustHold(t, l, fmt.Sprint(i)) })
	}
	queued(l, n)
	before := l.commits.Load()
	release()
	callers.Wait()
	if commits := l.commits.Load() - before; commits != 2 {
		t.Fatalf("%d holds took %d commits", n+1, commits)
	}
}

func TestHoldThatGivesUpIsNeverWritten(t *testing.T) {
	l := newLedger(t)
	reached, release := stall(l)
	var callers sync.WaitGroup
	callers.Go(func() { mustHold(t, l, "first") })
	reached()
	ctx, cancel := context.WithCancel(context.Background())
	given := make(chan error)
	go func() { given <- l.Hold(ctx, hold("late")) }()
	queued(l, 1)
	cancel()
	if err := <-given; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	release()
	callers.Wait()
	mustHold(t, l, "last")
	if ids := openIDs(t, l); !slices.Equal(ids, []string{"first", "last"}) {
		t.Fatalf("open: %q", ids)
	}
}

func TestHoldThatIsBeingWrittenTellsTheTruth(t *testing.T) {
	l := newLedger(t)
	reached, release := stall(l)
	ctx, cancel := context.WithCancel(context.Background())
	given := make(chan error)
	go func() { given <- l.Hold(ctx, hold("a")) }()
	reached()
	cancel()
	release()
	if err := <-given; err != nil {
		t.Fatalf("it is written, yet: %v", err)
	}
	if ids := openIDs(t, l); !slices.Equal(ids, []string{"a"}) {
		t.Fatalf("open: %q", ids)
	}
}

func TestSettleOutlivesItsCaller(t *testing.T) {
	l := newLedger(t)
	mustHold(t, l, "a", "b")
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	reached, release := stall(l)
	var callers sync.WaitGroup
	callers.Go(func() { mustSettle(t, l, "a") })
	reached()
	if err := l.Settle(gone, outcome("b")); !errors.Is(err, context.Canceled) {
		t.Fatalf("the client had gone: %v", err)
	}
	release()
	callers.Wait()
	l = reopen(t, l) // Close waits for what was accepted
	if ids := outcomeIDs(t, l, 0); !slices.Equal(ids, []string{"a", "b"}) {
		t.Fatalf("outcomes: %q", ids)
	}
}

func TestFullQueueHoldsBackHoldsAndLetsOutcomesPass(t *testing.T) {
	l := newLedger(t)
	mustHold(t, l, "a")
	reached, release := stall(l)
	var callers sync.WaitGroup
	callers.Go(func() { mustHold(t, l, "first") })
	reached()
	for i := range queueLength {
		callers.Go(func() { mustHold(t, l, fmt.Sprint(i)) })
	}
	queued(l, queueLength)
	ctx, cancel := context.WithCancel(context.Background())
	given := make(chan error)
	go func() { given <- l.Hold(ctx, hold("one too many")) }()
	callers.Go(func() { mustSettle(t, l, "a") })
	queued(l, queueLength+1) // the outcome, and not the hold
	cancel()
	if err := <-given; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	release()
	callers.Wait()
	if n := len(openIDs(t, l)); n != queueLength+1 || l.Len() != 1 {
		t.Fatalf("%d holds and %d outcomes", n, l.Len())
	}
}

func TestCloseWaitsForWhatWasAcceptedAndFreesTheRest(t *testing.T) {
	l := newLedger(t)
	reached, release := stall(l)
	var callers sync.WaitGroup
	callers.Go(func() { mustHold(t, l, "first") })
	reached()
	for i := range queueLength {
		callers.Go(func() { mustHold(t, l, fmt.Sprint(i)) })
	}
	queued(l, queueLength)
	given := make(chan error)
	go func() { given <- l.Hold(context.Background(), hold("one too many")) }()
	callers.Go(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := <-given; !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
	release()
	callers.Wait()
	if n := len(openIDs(t, open(t, l.Path()))); n != queueLength+1 {
		t.Fatalf("%d holds", n)
	}
}

func TestOneOfManyRacingOutcomesIsRecorded(t *testing.T) {
	l := newLedger(t)
	mustHold(t, l, "a")
	var won, lost atomic.Int32
	var callers sync.WaitGroup
	for range 32 {
		callers.Go(func() {
			switch err := l.Settle(context.Background(), outcome("a")); {
			case err == nil:
				won.Add(1)
			case errors.Is(err, ErrSettled):
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	callers.Wait()
	if won.Load() != 1 || lost.Load() != 31 || l.Len() != 1 {
		t.Fatalf("%d won, %d lost, %d recorded", won.Load(), lost.Load(), l.Len())
	}
}
