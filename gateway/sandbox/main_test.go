package sandbox

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	Init()
	if os.Args[0] == blockedName {
		os.Exit(runBlocked())
	}
	goleak.VerifyTestMain(m)
}

// testRunner starts a runner that must work on this machine.
func testRunner(t testing.TB, c Config) *Runner {
	t.Helper()
	c.Path = filepath.SplitList(os.Getenv("PATH"))
	r, err := New(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	if why := r.Down(); why != "" {
		t.Fatal(why)
	}
	return r
}
