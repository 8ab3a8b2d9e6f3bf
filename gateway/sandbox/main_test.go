package sandbox

import (
	"log/slog"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	Init()
	goleak.VerifyTestMain(m)
}

// testRunner starts a runner that must work on this machine.
func testRunner(t testing.TB, c Config) *Runner {
	t.Helper()
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
