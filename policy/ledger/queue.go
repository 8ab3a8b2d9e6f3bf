package ledger

import (
	"context"
	"sync"
	"sync/atomic"
)

// queueLength is how many holds and changes to keys may wait for the writer.
// Beyond it their callers wait, which is the back-pressure of the whole gateway.
const queueLength = 1024

// write is one change that waits for the writer.
type write struct {
	// apply makes the change inside the writer's transaction. It refuses by an
	// error and has changed nothing then. It may run again after a failed commit
	// only as part of a new write.
	apply func(*tables) error

	// folded takes over what was committed into memory, before the caller
	// knows. May be nil.
	folded func()

	queued  bool // its caller's: the writer may have it, so that it cannot be used again
	bounded bool // holds one of the queue's slots until it is taken
	state   atomic.Int32
	done    chan error // gets what became of it, after the commit
}

const (
	waiting int32 = iota
	taken
	withdrawn
)

func newWrite(apply func(*tables) error) *write {
	return &write{apply: apply, done: make(chan error, 1)}
}

// finish tells the caller, who may have gone. The writer has done with it then.
func (w *write) finish(err error) { w.done <- err }

// told is what the caller does with what finish said.
func (w *write) told(err error) error {
	w.queued, w.bounded = false, false
	w.state.Store(waiting)
	return err
}

// queue is what waits for the writer, first come, first served.
type queue struct {
	slots  chan struct{}
	shutCh chan struct{}

	mu      sync.Mutex
	arrived sync.Cond
	writes  []*write
	isShut  bool
}

func newQueue() *queue {
	q := &queue{slots: make(chan struct{}, queueLength), shutCh: make(chan struct{})}
	q.arrived.L = &q.mu
	return q
}

// do waits for a place in the queue, and then until w is on disk. When ctx ends
// first, w is withdrawn if the writer has not taken it; if it has, do waits for
// the truth. So an error always means that nothing was written.
func (q *queue) do(ctx context.Context, w *write) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case q.slots <- struct{}{}: // nearly always, and in a fraction of the time
	default:
		select {
		case q.slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		case <-q.shutCh:
			return ErrClosed
		}
	}
	w.bounded = true
	if !q.put(w) {
		<-q.slots
		return w.told(ErrClosed)
	}
	select {
	case err := <-w.done:
		return w.told(err)
	case <-ctx.Done():
		if w.state.CompareAndSwap(waiting, withdrawn) {
			return ctx.Err()
		}
		return w.told(<-w.done)
	}
}

// doRegardless queues w without waiting for a place, and waits until it is on
// disk or ctx ends. The write goes on in either case.
func (q *queue) doRegardless(ctx context.Context, w *write) error {
	if !q.put(w) {
		return ErrClosed
	}
	select {
	case err := <-w.done:
		return w.told(err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// put reports whether w was accepted.
func (q *queue) put(w *write) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.isShut {
		return false
	}
	w.queued = true
	q.writes = append(q.writes, w)
	q.arrived.Signal()
	return true
}

// take waits until something is there and appends all of it to batch[:0]. Once
// the queue is shut and empty it returns an empty batch.
func (q *queue) take(batch []*write) []*write {
	batch = batch[:0]
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(batch) == 0 {
		for len(q.writes) == 0 {
			if q.isShut {
				return batch
			}
			q.arrived.Wait()
		}
		for i, w := range q.writes {
			if w.bounded {
				<-q.slots
			}
			if w.state.CompareAndSwap(waiting, taken) {
				batch = append(batch, w)
			}
			q.writes[i] = nil
		}
		q.writes = q.writes[:0]
	}
	return batch
}

func (q *queue) shut() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.isShut = true
	close(q.shutCh)
	q.arrived.Broadcast()
}
