package sandbox

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

// engine isolates programs. The judge is the same above every engine.
type engine interface {
	// open makes a box that is ready to run programs in the given role.
	open(ctx context.Context, role string) (box, error)
	close() error
}

// Roles of a box. The candidate's and the tests' are apart from each other.
const (
	roleCandidate = "candidate"
	roleTests     = "tests"
	roleMain      = "main" // a program run for what it prints, in a candidate's box
)

// box is one container. It runs one program at a time.
type box interface {
	// start begins p with the files as its descriptors 0, 1, 2 and so on. The
	// caller keeps the files, and closes them when start has returned.
	start(p *program, files ...*os.File) (*process, error)
	// zygote says why programs cannot be forked from a Python zygote; empty when they can.
	zygote() string
	lost() bool
	// reset drops the work folder that a run was told to keep.
	reset()
	close()
}

// errBoxLost is our own trouble: whatever ran has no verdict.
var errBoxLost = errors.New("the container was lost")

// process is a program that was started in a box.
type process struct {
	kill func()
	done chan struct{}
	exit exit
	err  error
}

// stopGrace is how long a killed program may take to be gone before its
// container is thrown away.
const stopGrace = 5 * time.Second

// wait returns how the program ended. When ctx ends first, the program is
// killed, and wait returns when it is gone.
func (p *process) wait(ctx context.Context) (exit, error) {
	select {
	case <-p.done:
		return p.exit, p.err
	case <-ctx.Done():
	}
	p.stop()
	if p.err != nil {
		return p.exit, p.err
	}
	return p.exit, ctx.Err()
}

// stop kills the program and returns when nothing is left of it.
func (p *process) stop() {
	p.kill()
	<-p.done
}

// output drains what programs print, keeps the first bytes, and ends the
// program that floods.
type output struct {
	limit int
	flood func()

	mu      sync.Mutex
	kept    []byte
	size    int64
	flooded bool
	done    chan struct{}
}

// drain reads from r until its last writer is gone.
func drain(r *os.File, limit int, flood func()) *output {
	o := &output{limit: limit, flood: flood, done: make(chan struct{})}
	go func() {
		defer close(o.done)
		defer r.Close()
		_, _ = io.Copy(o, r) // a read error ends the output like its end
	}()
	return o
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.size += int64(len(b))
	o.kept = append(o.kept, b[:min(len(b), max(0, o.limit-len(o.kept)))]...)
	if o.size > int64(max(int(floodLimit), o.limit)) && !o.flooded {
		o.flooded = true
		o.flood()
	}
	return len(b), nil
}

// text is what was kept; it waits for the writers to be gone.
func (o *output) text() (string, bool) {
	<-o.done
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.kept), o.flooded
}
