package gateway

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/policy"
)

// linger is how long a search goes on after its client hung up, for the client's
// SDK to come back for it; the strong model is asked only once it did. Clients that
// send no retry count will not come back, so their searches end at once.
const linger = 5 * time.Second

// pingEvery is how often a stream that waits for a search shows that it lives.
const pingEvery = 5 * time.Second

// errNobodyLeft is the cause by which a flight ends that nobody came back for.
var errNobodyLeft = errors.New("nobody waits for the answer any more")

// flights lets a request that an SDK repeats join its own first try, so that a
// search is not bought twice. Equal requests that are no repetitions are never
// merged: their senders want an answer each.
type flights struct {
	mu      sync.Mutex
	flying  map[flightID]*flight
	closing bool           // nobody will come back
	landing sync.WaitGroup // every flight
}

// flightID names a request of a key by its body.
type flightID struct {
	key  string
	body [sha256.Size]byte
}

// flight is one search, and those who wait for it.
type flight struct {
	id       flightID
	call     Call
	decision Decision
	lingers  bool // its client counts its tries, so it may come back

	done    chan struct{} // closed when what follows is there
	answer  Answer
	outcome policy.Outcome
	err     error

	cancel context.CancelCauseFunc
	riders int           // requests that wait; guarded by flights.mu
	left   *time.Timer   // runs while there are none
	ended  bool          // nobody came back in time
	idle   bool          // it waits for somebody to come back
	back   chan struct{} // closed when somebody comes back after the last one left
}

// landed reports whether what came of the flight is there to be read; of one that
// goes on without its client, it is not, nor of one that nobody started.
func (f *flight) landed() bool {
	if f == nil {
		return false
	}
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

// ride starts a flight, or joins that of an earlier try of the same request, and
// waits for its end. ping is called now and then while it waits; its error, and
// the end of ctx, mean that the client has gone, after which the flight goes on
// for a while.
func (f *flights) ride(ctx context.Context, id flightID, retry bool, start func() *flight, run func(context.Context, *flight), ping func() error) (*flight, error) {
	if err := ctx.Err(); err != nil { // it left before anything was begun, and so gets nothing begun
		return nil, &openai.CallError{Failure: openai.Cancelled, Err: err}
	}
	flying := f.board(ctx, id, retry, start, run)
	defer f.leave(flying)
	tick := time.NewTicker(flying.call.Patience.pings())
	defer tick.Stop()
	for {
		select {
		case <-flying.done:
			return flying, flying.err
		case <-ctx.Done():
			return flying, &openai.CallError{Failure: openai.Cancelled, Spent: true, Err: ctx.Err()}
		case <-tick.C:
			if err := ping(); err != nil {
				return flying, &openai.CallError{Failure: openai.Cancelled, Spent: true, Err: err}
			}
		}
	}
}

func (f *flights) board(ctx context.Context, id flightID, retry bool, start func() *flight, run func(context.Context, *flight)) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	if earlier, ok := f.flying[id]; ok && retry {
		earlier.riders++
		if earlier.left != nil {
			earlier.left.Stop()
			earlier.left = nil
			close(earlier.back)
		}
		return earlier
	}
	flying := start()
	flying.id = id
	ctx, flying.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	flying.done, flying.riders = make(chan struct{}), 1
	if f.flying == nil {
		f.flying = map[flightID]*flight{}
	}
	if _, taken := f.flying[id]; !taken {
		f.flying[id] = flying
	}
	f.landing.Go(func() {
		defer func() {
			flying.cancel(nil)
			if flying.outcome.ID == "" && flying.err == nil { // a panic, which must not leave anybody waiting
				flying.err = errInternal
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			close(flying.done)
			if flying.riders == 0 && flying.err == nil && !flying.ended && !f.closing {
				return // kept until the clock of the last one who left has run out
			}
			f.forget(flying)
		}()
		run(ctx, flying)
	})
	return flying
}

// forget lets nobody join a flight any more. f.mu is held.
func (f *flights) forget(flying *flight) {
	if f.flying[flying.id] == flying {
		delete(f.flying, flying.id)
	}
	if flying.left != nil {
		flying.left.Stop()
	}
}

// leave takes one rider off; the last one starts the clock, unless the answer was
// there: then it has it.
func (f *flights) leave(flying *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if flying.riders--; flying.riders > 0 {
		return
	}
	select {
	case <-flying.done:
		f.forget(flying)
		return
	default:
	}
	wait := linger
	if f.closing || !flying.lingers {
		wait = 0
	}
	flying.back = make(chan struct{})
	flying.left = time.AfterFunc(wait, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if flying.riders > 0 {
			return // somebody came back at the last moment
		}
		flying.ended = true
		flying.cancel(errNobodyLeft)
		select {
		case <-flying.done:
			f.forget(flying)
		default:
		}
	})
}

// attended returns when somebody waits for the flight's answer, at once where
// somebody does, or with the end of ctx, which comes when nobody has come back in
// time.
func (f *flights) attended(ctx context.Context, flying *flight) error {
	for {
		f.mu.Lock()
		riders, back := flying.riders, flying.back
		flying.idle = riders == 0
		f.mu.Unlock()
		if riders > 0 {
			return ctx.Err()
		}
		select {
		case <-back:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// land ends the flights that nobody waits for, and waits until all have ended.
func (f *flights) land() {
	f.mu.Lock()
	f.closing = true
	for _, flying := range f.flying {
		if flying.riders == 0 {
			flying.cancel(errNobodyLeft)
			select {
			case <-flying.done:
				f.forget(flying)
			default:
			}
		}
	}
	f.mu.Unlock()
	f.landing.Wait()
}
