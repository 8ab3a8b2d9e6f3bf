package sandbox

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

func TestTallyCountsChildrenWhoeverReapsThem(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		looks [][]member
		want  time.Duration
	}{
		"waited for":           {[][]member{{{name: "a"}, {name: "b", own: 50 * ms}}, {{name: "a", reaped: 60 * ms}}}, 60 * ms},
		"reaped by the kernel": {[][]member{{{name: "a"}, {name: "b", own: 50 * ms}}, {{name: "a"}}, {{name: "a"}, {name: "c", own: 40 * ms}}, {{name: "a"}}}, 90 * ms},
		"a pid used again":     {[][]member{{{name: "7 1", own: 30 * ms}}, {{name: "7 2", own: 20 * ms}}}, 50 * ms},
		"short, and ignored":   {[][]member{{{name: "a", deaf: true}}, {{name: "a", deaf: true}, {name: "b", running: true}}, {{name: "a", deaf: true}, {name: "c", running: true}}}, 40 * ms},
		"short, and heard":     {[][]member{{{name: "a"}}, {{name: "a"}, {name: "b", running: true}}, {{name: "a"}, {name: "c", running: true}}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			ta := newTally()
			at := ta.at
			for _, look := range c.looks {
				at = at.Add(20 * ms)
				ta.begin(at)
				for _, m := range look {
					ta.add(m, func() int64 { return 0 })
				}
				ta.end()
			}
			if ta.cpu != c.want {
				t.Errorf("counted %s, want %s", ta.cpu, c.want)
			}
		})
	}
}

// A tally never falls, and never says more than the machine could have run.
func TestTallyStaysWithinTheClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ta := newTally()
		start := ta.at
		at := start
		for range rapid.IntRange(1, 30).Draw(t, "looks") {
			at = at.Add(20 * time.Millisecond)
			before := ta.cpu
			ta.begin(at)
			for i := range rapid.IntRange(0, 8).Draw(t, "processes") {
				// Each is new and has not been seen to run, so that all of it is guessed.
				ta.add(member{name: fmt.Sprint(at, i), running: rapid.Bool().Draw(t, "running"), deaf: true}, func() int64 { return 0 })
			}
			ta.end()
			if ta.cpu < before {
				t.Fatalf("fell from %s to %s", before, ta.cpu)
			}
			if most := at.Sub(start) * time.Duration(runtime.NumCPU()); ta.cpu > most {
				t.Fatalf("%s in %s of all processors", ta.cpu, most)
			}
		}
	})
}

func TestIgnoresReadsTheMask(t *testing.T) {
	status := []byte("Name:\tx\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000010000\nSigCgt:\t0\n")
	if !ignores(status, unix.SIGCHLD) || ignores(status, unix.SIGHUP) || ignores([]byte("Name:\tx\n"), unix.SIGCHLD) {
		t.Error("the mask was misread")
	}
}
