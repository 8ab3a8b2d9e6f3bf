package policy

import (
	"flag"
	"os"
	"testing"
)

// Properties are tried on few examples here, and on more in CI, by -rapid.checks.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "15"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
