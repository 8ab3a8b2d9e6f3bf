package main

import (
	"bufio"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/drover-llm/drover/configs"
	"github.com/drover-llm/drover/gateway/standin"
)

// A server does not start on a ledger that another one holds, or that was cut off,
// and says how that is mended.
func TestServeRefusesALedgerThatItCannotTrust(t *testing.T) {
	dir := t.TempDir()
	s := startServe(t, dir, overStandin(simulated(t, standin.Config{Keep: -1})))
	refusal := func(want ...string) {
		t.Helper()
		text, err := droverCommand(t, "serve", "-c", filepath.Join(dir, "drover.yaml")).CombinedOutput()
		if err == nil {
			t.Fatalf("it served: %s", text)
		}
		for _, w := range append(want, filepath.Join(dir, "drover.db")) {
			if !strings.Contains(string(text), w) {
				t.Errorf("the refusal does not say %q: %s", w, text)
			}
		}
	}
	config, err := configs.Load(filepath.Join(dir, "drover.yaml"), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	_, err = openJournal(t.Context(), config, time.Millisecond, slog.New(slog.DiscardHandler))
	for _, want := range []string{"held by another process", filepath.Join(dir, "drover.db"), "Recreate", "TimeoutStopSec"} {
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("the refusal does not say %q: %v", want, err)
		}
	}
	if err := s.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.command.Wait()
	file := filepath.Join(dir, "drover.db")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	flipped := []byte(strings.Repeat("\xff", 8192) + string(whole[8192:])) // both roots
	for name, text := range map[string][]byte{"cut off": whole[:3*4096], "empty": {}, "flipped": flipped} {
		t.Log(name)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		refusal("drover ledger restore", "drover ledger verify --repair")
		if left, err := os.ReadFile(file); err != nil || string(left) != string(text) {
			t.Errorf("the file was changed: %v", err)
		}
	}
}

// A server that is started while the one before it still stops begins when that one
// is gone.
func TestServeWaitsForTheOneThatStops(t *testing.T) {
	dir := t.TempDir()
	models := simulated(t, standin.Config{Keep: -1})
	first := startServe(t, dir, overStandin(models))
	key, _ := first.shown()
	second := droverCommand(t, "serve", "-c", filepath.Join(dir, "drover.yaml"))
	log, err := second.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = second.Process.Kill(); _ = second.Wait() })
	lines := bufio.NewScanner(log)
	if !lines.Scan() { // it says that it waits
		t.Fatal("it ended")
	}
	if err := first.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			go func() {
				for lines.Scan() {
				}
			}()
			if _, err := ask(t.Context(), "http://"+m[1], key, false); err != nil {
				t.Error(err)
			}
			return
		}
	}
	t.Fatal("it ended before it served")
}

// While the disk is full nobody is answered and nothing is spent; when there is
// room again, requests are answered without a restart.
func TestServeWaitsForRoomOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("small-disk", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("a full disk needs a small file system, which needs the right to mount one: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	models := simulated(t, standin.Config{Keep: -1})
	s := startServe(t, dir, overStandin(models))
	key, _ := s.shown()
	if _, err := ask(t.Context(), s.url, key, false); err != nil {
		t.Fatal(err)
	}
	ballast, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil { // to the last byte
		_, err = ballast.Write(make([]byte, 4096))
	}
	ballast.Close()
	var refused error
	for n := 0; refused == nil && n < 5000; n++ {
		_, refused = ask(t.Context(), s.url, key, false)
	}
	if !strings.Contains(fmt.Sprint(refused), "status 503") {
		t.Fatalf("on a full disk: %v", refused)
	}
	calls := models.Billed()["gpt-4o"].Calls
	if _, err := ask(t.Context(), s.url, key, false); err == nil || models.Billed()["gpt-4o"].Calls != calls {
		t.Errorf("it was answered, or spent: %v", err)
	}
	if err := os.Remove(ballast.Name()); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t.Context(), s.url, key, false); err != nil {
		t.Errorf("with room again: %v", err)
	}
}
