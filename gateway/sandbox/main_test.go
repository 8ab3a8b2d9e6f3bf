package sandbox

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	Init()
	if os.Getenv(refusedVariable) != "" {
		if err := refuseNamespaces(); err != nil {
			panic(err)
		}
	}
	if os.Args[0] == blockedName {
		os.Exit(runBlocked())
	}
	goleak.VerifyTestMain(closing{m})
}

// closing closes the common runner before anyone looks for leaks.
type closing struct{ *testing.M }

func (c closing) Run() int {
	status := c.M.Run()
	if common.runner != nil && common.runner.Close() != nil && status == 0 {
		status = 1
	}
	return status
}

// common is the runner of all tests that ask nothing special of theirs.
var common struct {
	once   sync.Once
	runner *Runner
	err    error
}

// commonRunner runs the test beside others, on a runner that they share: most
// tests here wait more than they compute.
func commonRunner(t *testing.T) *Runner {
	t.Helper()
	t.Parallel()
	common.once.Do(func() { common.runner, common.err = New(context.Background(), testConfig(Config{Parallel: 6}), nil) })
	return working(t, common.runner, common.err)
}

// testRunner starts a runner that must work on this machine.
func testRunner(t testing.TB, c Config) *Runner {
	t.Helper()
	r, err := New(t.Context(), testConfig(c), slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		if r == nil {
			return
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return working(t, r, err)
}

func testConfig(c Config) Config {
	if *engineName != "" && c.Engine == "" {
		c.Engine = *engineName
	}
	c.Path = filepath.SplitList(os.Getenv("PATH"))
	return c
}

func working(t testing.TB, r *Runner, err error) *Runner {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if why := r.Down(); why != "" {
		t.Fatal(why)
	}
	return r
}
