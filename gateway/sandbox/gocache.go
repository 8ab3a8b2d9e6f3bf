package sandbox

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// goCache is Go's standard library, compiled once and shown read-only to every
// container. Without it each Go candidate compiles what it imports of it, for 7
// to 20 s; with it a verification costs about half a second. No program can hand
// anything to another by it: what a run itself compiles lies in a layer of its
// own, which goes with the run's work folder.
type goCache struct {
	dir     string // empty: there is none
	command string // the go command
	env     []string

	once sync.Once
	done chan struct{} // closed when the library is compiled, or could not be
	err  error
}

// goCacheName is the compiler's cache of a run, in its folder for temporary files.
const goCacheName = "go-cache"

// goLibrary is what of the standard library programs commonly import: all of it
// but the network, images and the compiler's own packages.
var goLibrary = []string{
	"bufio", "bytes", "cmp", "container/...", "context", "crypto/md5", "crypto/rand", "crypto/sha1", "crypto/sha256", "crypto/sha512",
	"encoding/...", "errors", "flag", "fmt", "hash/...", "html", "io/...", "iter", "log", "maps", "math/...", "os", "path/...", "reflect",
	"regexp/...", "runtime/...", "slices", "sort", "strconv", "strings", "sync/...", "testing/...", "text/...", "time", "unicode/...", "unique",
}

// goCompileTimeout bounds the compilation of the library on a slow machine.
const goCompileTimeout = 10 * time.Minute

// newGoCache makes the folder, which must exist before a container shows it. A
// folder that others can write to is not used.
func newGoCache(parent, command string) (*goCache, error) {
	dir := filepath.Join(parent, "go")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the folder of Go's compiled library: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, fmt.Errorf("looking at the folder of Go's compiled library: %w", err)
	}
	if !info.IsDir() || info.Mode().Perm()&0o022 != 0 {
		return nil, fmt.Errorf("%s: others can write to it; a compiler's cache must be ours alone", dir)
	}
	return &goCache{dir: dir, command: command, done: make(chan struct{})}, nil
}

// warm returns when the library is compiled, or ctx ends. The first call
// compiles it, outside of any container, for it is the machine's own compiler on
// its own library; a program has no part in it. It takes a minute once, and half
// a second where an earlier process has done it.
func (g *goCache) warm(ctx context.Context) error {
	g.once.Do(func() {
		go func() {
			defer close(g.done)
			g.err = g.compile(context.WithoutCancel(ctx))
		}()
	})
	select {
	case <-g.done:
		return g.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *goCache) compile(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, goCompileTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, g.command, append([]string{"build"}, goLibrary...)...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = g.dir, slices.Clone(g.env), time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compiling Go's standard library in %s: %w: %s", g.dir, err, shorten(strings.TrimSpace(string(out)), 300))
	}
	return nil
}

// wait returns when no compilation is on.
func (g *goCache) wait() {
	if g == nil {
		return
	}
	g.once.Do(func() { close(g.done) })
	<-g.done
}
