package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	"golang.org/x/term"
)

// bar shows progress: a bar on a terminal, a line at every tenth elsewhere. It is
// used concurrently.
type bar struct {
	writer  progress.Writer // nil when the output is no terminal
	tracker progress.Tracker
	out     io.Writer
	mu      sync.Mutex
	done    int
	total   int
	shown   chan struct{} // closed when the bar is drawn no more
}

// newBar begins to show the progress of what, total steps.
func newBar(out io.Writer, what string, total int) *bar {
	b := &bar{out: out, total: total}
	if file, ok := out.(*os.File); !ok || !term.IsTerminal(int(file.Fd())) {
		return b
	}
	b.writer = progress.NewWriter()
	b.writer.SetOutputWriter(out)
	b.writer.SetAutoStop(false)
	b.writer.SetStyle(progress.StyleBlocks)
	b.writer.SetUpdateFrequency(200 * time.Millisecond)
	b.tracker = progress.Tracker{Message: what, Total: int64(total)}
	b.writer.AppendTracker(&b.tracker)
	b.shown = make(chan struct{})
	go func() {
		defer close(b.shown)
		b.writer.Render()
	}()
	return b
}

// step counts one step more, of what.
func (b *bar) step(what string) {
	if b.writer != nil {
		b.tracker.UpdateMessage(what)
		b.tracker.Increment(1)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done++
	if b.total > 0 && b.done*10/b.total != (b.done-1)*10/b.total {
		fmt.Fprintf(b.out, "%3d %% %s\n", b.done*100/b.total, strings.ToLower(what))
	}
}

// at draws the bar, which must be one on a terminal, at so many of so many steps.
func (b *bar) at(done, of int) {
	b.tracker.UpdateTotal(int64(of))
	b.tracker.SetValue(int64(done))
}

// stop draws the bar a last time.
func (b *bar) stop() {
	if b.writer != nil {
		b.writer.Stop()
		<-b.shown
	}
}
