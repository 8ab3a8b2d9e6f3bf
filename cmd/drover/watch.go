package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settled is how long a file has to rest before it is read: editors write in
// several steps.
const settled = 200 * time.Millisecond

// watch calls reload when the file at path has changed, and on SIGHUP, until ctx
// ends. It watches the folder: editors, and Kubernetes, put another file in the
// place of the first.
func watch(ctx context.Context, path string, reload func(ctx context.Context, by string) error, log *slog.Logger) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	var events chan fsnotify.Event
	var faults chan error
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		defer watcher.Close()
		if err = watcher.Add(filepath.Dir(path)); err == nil {
			events, faults = watcher.Events, watcher.Errors
		}
	}
	if err != nil {
		log.Warn("changes of the configuration are not noticed; send SIGHUP after one", "error", err)
	}
	seen, _ := os.ReadFile(path)
	rest := time.NewTimer(0)
	<-rest.C
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangup:
			seen, _ = os.ReadFile(path)
			_ = reload(ctx, "SIGHUP") // it says in the log what is wrong
		case <-events:
			rest.Reset(settled)
		case err := <-faults:
			log.Warn("watching the configuration", "error", err)
		case <-rest.C:
			text, err := os.ReadFile(path)
			if err != nil || bytes.Equal(text, seen) {
				continue // something else in the folder, or a file between two names
			}
			seen = text
			_ = reload(ctx, "a change of "+path)
		}
	}
}
