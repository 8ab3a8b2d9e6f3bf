package sandbox

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// A program in another slot that calls itself what a probe could be called does
// not turn verification off.
func TestProbeIsNotFooledByNames(t *testing.T) {
	t.Parallel()
	r := testRunner(t, Config{Parallel: 1})
	code := fmt.Sprintf("import ctypes, time\nfor name in ('drover-prb', 'drover-prb%d', 'drover-'):\n    ctypes.CDLL(None).prctl(15, name.encode(), 0, 0, 0)\n    time.sleep(0.3)\n", os.Getpid()%1000)
	done := make(chan error, 1)
	go func() {
		_, err := r.Run(t.Context(), Job{Code: code, Cases: []Case{{}}})
		done <- err
	}()
	for running := true; running; {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			running = false
		default:
			if fault := firstFault(r.Probe(t.Context())); fault != "" {
				t.Error(fault)
			}
		}
	}
}

func TestSurvivesSeesAProcess(t *testing.T) {
	own, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Skip(err)
	}
	if !survives(strings.TrimSpace(string(own))) {
		t.Error("did not find this process")
	}
	if name := fmt.Sprintf("none-%d", time.Now().UnixNano()%1e9); survives(name) {
		t.Errorf("found %s", name)
	}
}
