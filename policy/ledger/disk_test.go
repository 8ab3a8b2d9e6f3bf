package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// smallDisk mounts a file system of 4 MiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("small-disk", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("a full disk needs a small file system, which needs the right to mount one: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestFullDiskLosesNothingAndRecovers(t *testing.T) {
	dir := smallDisk(t)
	l := open(t, filepath.Join(dir, "drover.db"))
	mustHold(t, l, "before")

	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	// Sixteen writers fill what is left. Each stops at its first error.
	var mu sync.Mutex
	var settled, stuck []string
	var full []error
	var writers sync.WaitGroup
	for w := range 16 {
		writers.Go(func() {
			for n := range 10_000 {
				id := fmt.Sprintf("%d-%d", w, n)
				if err := l.Hold(context.Background(), hold(id)); err != nil {
					mu.Lock()
					full = append(full, err)
					mu.Unlock()
					return
				}
				err := l.Settle(context.Background(), outcome(id))
				mu.Lock()
				if err != nil {
					full, stuck = append(full, err), append(stuck, id)
					mu.Unlock()
					return
				}
				settled = append(settled, id)
				mu.Unlock()
			}
		})
	}
	writers.Wait()
	if len(full) != 16 {
		t.Fatalf("%d of 16 writers met the full disk", len(full))
	}
	for _, err := range full {
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), l.Path()) {
			t.Fatalf("unclear: %v", err)
		}
	}
	// Reading still works, and nothing is half there.
	verify := func(settled, open []string) {
		t.Helper()
		got := outcomeIDs(t, l, 0)
		slices.Sort(got)
		slices.Sort(settled)
		if !slices.Equal(got, settled) {
			t.Fatalf("%d outcomes recorded, %d acknowledged", len(got), len(settled))
		}
		held := openIDs(t, l)
		slices.Sort(held)
		open = append(slices.Clone(open), "before")
		slices.Sort(open)
		if !slices.Equal(held, open) {
			t.Fatalf("open holds %q, want %q", held, open)
		}
		check(t, l)
	}
	verify(settled, stuck)

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	mustSettle(t, l, stuck...)
	settled = append(settled, stuck...)
	verify(settled, nil)
	l = reopen(t, l)
	verify(settled, nil)
}

// TestCommitInDoubtStopsTheLedger has the last sync of a commit fail: the
// transaction is in the file, but may not be on the disk.
func TestCommitInDoubtStopsTheLedger(t *testing.T) {
	l := newLedger(t)
	mustHold(t, l, "a")
	l.update = func(f func(*bolt.Tx) error) error {
		return errors.Join(l.db.Update(f), syscall.EIO)
	}
	if err := l.Settle(context.Background(), outcome("a")); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	l.update = l.db.Update
	if err := l.Hold(context.Background(), hold("b")); !errors.Is(err, syscall.EIO) || l.Err() == nil {
		t.Fatalf("it goes on as if nothing had happened: %v", err)
	}
	l = reopen(t, l)
	if err := l.Err(); err != nil {
		t.Fatal(err)
	}
	mustHold(t, l, "b")
}

// TestFailedCommitLeavesTheLedgerUsable has a commit fail before anything was
// written.
func TestFailedCommitLeavesTheLedgerUsable(t *testing.T) {
	l := newLedger(t)
	l.update = func(func(*bolt.Tx) error) error { return syscall.EIO }
	if err := l.Hold(context.Background(), hold("a")); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	l.update = l.db.Update
	mustHold(t, l, "a")
}

// TestDamageUnderARunningLedgerFailsClosed overwrites the file behind its back.
func TestDamageUnderARunningLedgerFailsClosed(t *testing.T) {
	l := newLedger(t)
	mustHold(t, l, "a", "b")
	f, err := os.OpenFile(l.Path(), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var size int64
	if err := l.db.View(func(tx *bolt.Tx) error { size = tx.Size(); return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte(strings.Repeat("\xff", int(size)-8192)), 8192); err != nil {
		t.Fatal(err)
	}
	if err := l.Settle(context.Background(), outcome("a")); !errors.Is(err, errDamaged) {
		t.Fatal(err)
	}
	if err := l.Hold(context.Background(), hold("c")); !errors.Is(err, errDamaged) {
		t.Fatal(err)
	}
	if _, err := l.OpenHolds(); !errors.Is(err, errDamaged) {
		t.Fatal(err)
	}
	// The test's Cleanup closes it, which must not hang.
}
