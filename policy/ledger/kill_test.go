package ledger

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// childEnv makes the test binary a child that loads the ledger at its value
// until it is killed.
const childEnv = "DROVER_TEST_LEDGER"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		os.Exit(runChild(path))
	}
	// Each case of these laws opens files: few of them, but where a caller asks for more.
	if err := flag.Set("rapid.checks", "12"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// runChild holds and settles with 16 goroutines and prints "held ID" and
// "settled ID" once the ledger has said so. Every eighth hold is left open. It
// ends by itself after ten seconds, lest it outlive its parent.
func runChild(path string) int {
	l, err := Open(path, Options{})
	if err != nil {
		fmt.Println("failed", err)
		return 1
	}
	l.index.full = 100 // so that blocks of rows are written
	deadline := time.Now().Add(10 * time.Second)
	var workers sync.WaitGroup
	for worker := range 16 {
		workers.Go(func() {
			for n := 0; time.Now().Before(deadline); n++ {
				id := fmt.Sprintf("%d-%d-%d", os.Getpid(), worker, n)
				if err := l.Hold(context.Background(), hold(id)); err != nil {
					fmt.Println("failed", err)
					return
				}
				fmt.Println("held", id)
				if n%8 == 7 {
					continue
				}
				if err := l.Settle(context.Background(), outcome(id)); err != nil {
					fmt.Println("failed", err)
					return
				}
				fmt.Println("settled", id)
			}
		})
	}
	workers.Wait()
	return 0
}

// killChild runs a child on path, kills it after delay, counted from its first
// line or, when early, from its start, and returns what it printed.
func killChild(t *testing.T, path string, delay time.Duration, early bool) (held, settled []string) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() { _ = child.Process.Kill() }
	var timer *time.Timer
	if early {
		timer = time.AfterFunc(delay, kill)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if timer == nil {
			timer = time.AfterFunc(delay, kill)
		}
		switch verb, rest, _ := strings.Cut(lines.Text(), " "); verb {
		case "held":
			held = append(held, rest)
		case "settled":
			settled = append(settled, rest)
		default:
			t.Errorf("child: %s", lines.Text())
		}
	}
	if timer != nil {
		timer.Stop()
	}
	kill()
	if err := child.Wait(); err == nil {
		t.Error("the child ended by itself")
	}
	return held, settled
}

func TestKilledAtAnyMomentNothingAnsweredIsLost(t *testing.T) {
	rounds, limit := 8, 8*time.Second
	if *all {
		rounds, limit = 100, time.Minute
	}
	dir, start := t.TempDir(), time.Now()
	var held, settled []string // in the shared file, over all rounds
	var n, answers int
	for n = 0; n < rounds && time.Since(start) < limit; n++ {
		if n%4 == 3 { // a first start, killed while the file is made
			path := filepath.Join(dir, fmt.Sprintf("new-%d.db", n))
			h, s := killChild(t, path, time.Duration(rand.IntN(60))*time.Millisecond, true)
			verifyKilled(t, path, h, s)
			continue
		}
		path := filepath.Join(dir, "drover.db")
		h, s := killChild(t, path, time.Duration(rand.IntN(80_000))*time.Microsecond, false)
		held, settled, answers = append(held, h...), append(settled, s...), answers+len(s)
		verifyKilled(t, path, held, settled)
	}
	if answers == 0 {
		t.Fatal("no child settled anything, so nothing was tested")
	}
	t.Logf("%d kills, %d outcomes acknowledged before them", n, answers)
}

// verifyKilled opens the ledger that a killed process left behind.
func verifyKilled(t *testing.T, path string, held, settled []string) {
	t.Helper()
	l, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	check(t, l)
	recorded := map[string]int{}
	for _, id := range outcomeIDs(t, l, 0) {
		recorded[id]++
	}
	open := map[string]bool{}
	for _, id := range openIDs(t, l) {
		open[id] = true
	}
	for id, times := range recorded {
		if times != 1 || open[id] {
			t.Fatalf("%s: %d outcomes, still held: %t", id, times, open[id])
		}
	}
	for _, id := range settled {
		if _, err := l.Outcome(id); recorded[id] != 1 || err != nil {
			t.Fatalf("%s was acknowledged and is recorded %d times: %v", id, recorded[id], err)
		}
	}
	for _, id := range held {
		if recorded[id] == 0 && !open[id] {
			t.Fatalf("the hold %s was acknowledged, has no outcome and is not open", id)
		}
	}
	if l.Len() != len(recorded) {
		t.Fatalf("Len is %d, there are %d outcomes", l.Len(), len(recorded))
	}
}
