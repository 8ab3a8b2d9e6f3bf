package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

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
	refusal("held by another process")
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
