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

// program is one run inside a container.
type program struct {
	Argv    []string          `json:"argv,omitempty"` // empty: a fork of the zygote
	Role    string            `json:"role,omitempty"` // of a fork: candidate, tests or main
	Env     []string          `json:"env,omitempty"`
	Files   map[string][]byte `json:"files,omitempty"`    // written to the work folder before
	Fixed   bool              `json:"fixed,omitempty"`    // the files may not be changed by the program
	Again   bool              `json:"again,omitempty"`    // in the work folder that an earlier run kept
	Keep    bool              `json:"keep,omitempty"`     // keep the work folder for a further run
	GoCache bool              `json:"go_cache,omitempty"` // lay Go's compiled library under the compiler's cache
	CPU     time.Duration     `json:"cpu"`
	Wall    time.Duration     `json:"wall"`
	Memory  int64             `json:"memory"`
	Disk    int64             `json:"disk"`
	Inodes  int64             `json:"inodes"`
	MaxFile int64             `json:"max_file"`
	Procs   uint64            `json:"procs"`
}

// exit is how a run ended.
type exit struct {
	Code     int           `json:"code"`
	Signal   int           `json:"signal,omitempty"`
	Limit    string        `json:"limit,omitempty"` // cpu, wall, memory or disk: the limit that ended it
	CPU      time.Duration `json:"cpu"`
	Wall     time.Duration `json:"wall"`
	Memory   int64         `json:"memory"`
	Start    string        `json:"start,omitempty"`    // why the program could not be started
	Overhead time.Duration `json:"overhead,omitempty"` // processor time of init and zygote for this run
	Broken   string        `json:"broken,omitempty"`   // the reset failed: the container must be thrown away
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
