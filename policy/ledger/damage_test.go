package ledger

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"github.com/drover-llm/drover/policy"
)

var all = flag.Bool("all", false, "the long runs too: thousands of damaged files, a million outcomes")

// content is all that a user can read out of a ledger.
func content(t testing.TB, l *Ledger) (told []string, err error) {
	t.Helper()
	note := func(v any) {
		record, err := newRecord(kindChange, v)
		if err != nil {
			t.Fatal(err)
		}
		told = append(told, string(record[headerSize:]))
	}
	for e, err := range l.Events(context.Background(), 0) {
		if err != nil {
			return nil, err
		}
		note(e)
	}
	holds, err := l.OpenHolds()
	if err != nil {
		return nil, err
	}
	changes, err := l.Changes(0, 1000)
	if err != nil {
		return nil, err
	}
	found, _, err := l.Find(context.Background(), policy.Filter{}, 0, 10_000)
	if err != nil {
		return nil, err
	}
	note(holds)
	note(changes)
	note(found)
	note(l.ListKeys())
	note(l.Totals())
	return told, nil
}

// everything is a ledger that has something of every kind.
func everything(t testing.TB, n int) (*Ledger, string) {
	l := newLedger(t)
	l.db.NoSync, l.every = true, 50
	token, key := newKey(t, l, policy.Key{Name: "ci", Team: "acme", Budgets: []string{"small"}})
	settleVaried(t, l, 0, n)
	mustHold(t, l, "open")
	for id, team := range map[string]string{"chatcmpl-00000001": varied(1).Account.Team, "chatcmpl-00000002": varied(2).Account.Team} {
		who := policy.Account{Team: team}
		if team == "" {
			who.Key = varied(int(id[len(id)-1] - '0')).Account.Key
		}
		if err := l.Feedback(t.Context(), policy.Feedback{ID: id, At: day, Account: who, Source: "ci", Correct: true}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.ChangeKey(t.Context(), key.ID, policy.KeyChange{Name: new("cd")}, "ann"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Import(t.Context(), []policy.Outcome{outcome("elsewhere")}); err != nil {
		t.Fatal(err)
	}
	return l, token
}

// TestFlippedBitsAreNeverSilent flips bits at random places of the file. Either
// all is as it was, or opening refuses, or verifying says what is wrong; and a
// repair leaves a ledger without faults that has lost no more than it says.
func TestFlippedBitsAreNeverSilent(t *testing.T) {
	l, token := everything(t, 40)
	want, err := content(t, l)
	if err != nil {
		t.Fatal(err)
	}
	records := check(t, l).Records
	var used int
	if err := l.db.View(func(tx *bolt.Tx) error { used = int(tx.Size()); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	whole = whole[:used] // the file grows ahead of what is in it
	rounds := 25
	if *all {
		rounds = 2000
	}
	random := rand.New(rand.NewPCG(1, 2))
	var same, refused, told, repaired int
	path := filepath.Join(t.TempDir(), "drover.db")
	some := func() bool { return same > 0 && refused > 0 && told > 0 && repaired > 0 } // of every way out
	for round := 0; round < rounds || !some() && round < 500; round++ {
		damaged := slices.Clone(whole)
		for range 1 + random.IntN(3) {
			at := random.IntN(used)
			if round%5 == 0 {
				at = random.IntN(8192) // the roots
			}
			damaged[at] ^= 1 << random.IntN(8)
		}
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := Open(path, Options{})
		if err != nil {
			refused++
		} else {
			r, err := l.Verify(context.Background(), nil)
			got, readErr := content(t, l)
			_, authErr := l.Authenticate(token)
			l.Close()
			switch {
			case err == nil && r.Faulty > 0:
				told++
			case err != nil || readErr != nil || authErr != nil:
				t.Fatalf("round %d: verified without a fault, yet: %v, %v, %v", round, err, readErr, authErr)
			default:
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("round %d: lost in silence:\n%s", round, diff)
				}
				same++
				continue
			}
		}
		fixed, err := Repair(context.Background(), path, Options{})
		if err != nil {
			if left, readErr := os.ReadFile(path); readErr != nil || !slices.Equal(left, damaged) {
				t.Fatalf("a repair that failed (%v) changed the file", err)
			}
			continue
		}
		repaired++
		if fixed.Report.Records+fixed.Losses < records { // and a checkpoint more
			t.Fatalf("round %d: %d records of %d, and %d said to be lost", round, fixed.Report.Records, records, fixed.Losses)
		}
		if left, err := os.ReadFile(fixed.Kept); err != nil || !slices.Equal(left, damaged) {
			t.Fatal("the damaged file was not kept")
		}
		os.Remove(fixed.Kept)
	}
	t.Logf("%d rounds: %d unharmed, %d refused, %d told by verify; %d repaired", rounds, same, refused, told, repaired)
	if !some() {
		t.Error("some way out was never taken, so nothing is known of it")
	}
}

func TestRepairSavesAllButTheDamagedRecords(t *testing.T) {
	l, token := everything(t, 150)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	// The id of one outcome, wherever its records are.
	damaged := strings.ReplaceAll(string(file), `"id":"chatcmpl-00000077","at"`, `"id":"chatcmpl-0000XX77","at"`)
	if err := os.WriteFile(l.Path(), []byte(damaged), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Repair(t.Context(), l.Path(), Options{})
	if err != nil || r.Losses != 2 || len(r.Lost) != 2 || r.Report.Outcomes != 149 {
		t.Fatalf("%+v: %v", r, err)
	}
	l = open(t, l.Path())
	check(t, l)
	if _, err := l.Authenticate(token); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Outcome("chatcmpl-00000077"); !errors.Is(err, ErrNoOutcome) {
		t.Fatal(err)
	}
	if _, err := l.Outcome("chatcmpl-00000078"); err != nil {
		t.Fatal(err)
	}
	mustHold(t, l, "new")
	mustSettle(t, l, "new")
	check(t, reopen(t, l))
}

func TestBackupWhileServingIsAWholeLedger(t *testing.T) {
	l, token := everything(t, 100)
	before, err := content(t, l)
	if err != nil {
		t.Fatal(err)
	}
	backup := filepath.Join(t.TempDir(), "backup.db")
	f, err := os.Create(backup)
	if err != nil {
		t.Fatal(err)
	}
	// What is written while the backup runs is not in it, and does not wait for it.
	err = l.Backup(t.Context(), writerFunc(func(b []byte) (int, error) {
		mustHold(t, l, "meanwhile-"+policy.Account{}.Owner()+string(rune('a'+len(openIDs(t, l)))))
		return f.Write(b)
	}))
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Restore(t.Context(), backup, l.Path(), true, Options{}); !errors.Is(err, ErrLocked) {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Restore(t.Context(), backup, l.Path(), false, Options{}); err == nil {
		t.Fatal("a ledger was overwritten")
	}
	_, kept, err := Restore(t.Context(), backup, l.Path(), true, Options{})
	if err != nil || kept == "" {
		t.Fatal(kept, err)
	}
	l = open(t, l.Path())
	after, err := content(t, l)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Fatal(diff)
	}
	if _, err := l.Authenticate(token); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(backup, []byte("no ledger"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Restore(t.Context(), backup, l.Path(), true, Options{}); !errors.Is(err, errDamaged) {
		t.Fatal(err)
	}
	open(t, l.Path()) // a bad backup did it no harm
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestCompactKeepsEverything(t *testing.T) {
	l, _ := everything(t, 100)
	before, err := content(t, l)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Compact(t.Context(), l.Path(), Options{Wait: 1}); !errors.Is(err, ErrLocked) {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	was, is, err := Compact(t.Context(), l.Path(), Options{})
	if err != nil || is >= was {
		t.Fatal(was, is, err)
	}
	l = open(t, l.Path())
	after, err := content(t, l)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Fatal(diff)
	}
	mustHold(t, l, "new")
	check(t, l)
}

// A repair goes through 4,096 records at a time. That the last of those are all lost
// lost the ones before them too, once.
func TestRepairSavesWhatLiesBeforeALostTail(t *testing.T) {
	l := newLedger(t)
	l.db.NoSync = true
	for i := range 4096 {
		mustHold(t, l, fmt.Sprintf("whole-%d", i))
	}
	mustHold(t, l, "the-last-one")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.Path(), bytes.ReplaceAll(file, []byte("the-last-one"), []byte("the-lost-one")), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Repair(t.Context(), l.Path(), Options{})
	if err != nil || r.Losses != 1 || len(r.Lost) != 1 || r.Lost[0] != 4097 || r.Report.OpenHolds != 4096 {
		t.Fatalf("%+v, %v", r, err)
	}
}
