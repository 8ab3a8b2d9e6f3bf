package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A program's locks on the files that it sees do not hold up the machine's own.
func TestLocksStayInside(t *testing.T) {
	t.Parallel()
	r := testRunner(t, Config{Parallel: 1})
	healthy(t, r)
	for _, s := range r.all {
		b, ok := s.candidate.(*nsBox)
		if !ok {
			continue
		}
		mounts, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", b.pid))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(mounts), " /usr ro,nosuid,nodev,relatime - overlay ") {
			t.Skipf("the kernel refuses overlays here:\n%s", mounts)
		}
	}
	code := "import fcntl, time\nf = open('/usr/bin/env', 'rb')\nfcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)\nprint('locked', flush=True)\ntime.sleep(1)\n"
	done := make(chan Report, 1)
	go func() {
		report, err := r.Run(t.Context(), Job{Code: code, Cases: []Case{{Stdout: "locked"}}, Limits: Limits{CPU: time.Second}})
		if err != nil {
			t.Error(err)
		}
		done <- report
	}()
	f, err := os.Open("/usr/bin/env")
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) {
			t.Error("a program holds a lock on the machine's file")
		} else if err == nil {
			err = unix.Flock(int(f.Fd()), unix.LOCK_UN)
		}
		if err != nil && !t.Failed() {
			t.Error(err)
		}
		select {
		case report := <-done:
			if report.Verdict != Passed {
				t.Errorf("the program could not lock its own view: %+v", report)
			}
			return
		case <-time.After(5 * time.Millisecond):
		}
		if t.Failed() {
			<-done
			return
		}
	}
}
