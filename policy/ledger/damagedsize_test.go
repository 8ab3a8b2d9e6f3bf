package ledger

import (
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Of a file that was cut off near its beginning nothing can be saved: then a repair
// does not advise a repair.
func TestWhatIsLeftOfAFileIsRefusedWithWhatHelps(t *testing.T) {
	l := newLedger(t)
	mustHold(t, l, "a")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int64{8192, 4096, 10, 0} {
		if err := os.Truncate(l.Path(), size); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(l.Path(), Options{}); !errors.Is(err, errDamaged) {
			t.Errorf("%d bytes opened: %v", size, err)
		}
		if _, err := LookAt(l.Path(), time.Second); !errors.Is(err, errDamaged) {
			t.Errorf("%d bytes looked at: %v", size, err)
		}
		if _, err := Repair(t.Context(), l.Path(), Options{}); err == nil || strings.Contains(err.Error(), "--repair") || !strings.Contains(err.Error(), "ledger restore") {
			t.Errorf("%d bytes repaired: %v", size, err)
		}
	}
}

// TestADamagedNumberTakesNoMemory states that a flipped bit in a number that says how
// much there is makes neither opening, nor verifying, nor a repair take room or time
// for as much.
func TestADamagedNumberTakesNoMemory(t *testing.T) {
	settled := func(t *testing.T) string {
		l := newLedger(t)
		mustHold(t, l, "a", "b")
		mustSettle(t, l, "a", "b")
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return l.Path()
	}
	flip := func(t *testing.T, path string, change func(*bolt.Tx) error) {
		db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Update(change), db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("names", func(t *testing.T) {
		path := settled(t)
		flip(t, path, func(tx *bolt.Tx) error { return tx.Bucket(bucketNames).SetSequence(1 << 40) })
		if _, err := Open(path, Options{}); !errors.Is(err, errDamaged) {
			t.Fatal(err)
		}
	})
	t.Run("journal", func(t *testing.T) {
		path := settled(t)
		flip(t, path, func(tx *bolt.Tx) error { return tx.Bucket(bucketJournal).SetSequence(1 << 50) })
		if r, err := Repair(t.Context(), path, Options{}); err != nil || r.Report.Outcomes != 2 || r.Losses != 0 {
			t.Fatalf("%+v, %v", r, err)
		}
	})
	for name, kind := range map[string]string{"a page": "leaf", "the list of free pages": "freelist"} {
		t.Run(name, func(t *testing.T) {
			path := settled(t)
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			var at int64
			db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second})
			if err != nil {
				t.Fatal(err)
			}
			err = db.View(func(tx *bolt.Tx) error {
				pageSize := int64(db.Info().PageSize)
				for id := 2; int64(id) < tx.Size()/pageSize; id++ {
					if p, err := tx.Page(id); err == nil && p.Type == kind {
						at = int64(id) * pageSize
					}
				}
				return nil
			})
			if err := errors.Join(err, db.Close()); err != nil || at == 0 {
				t.Fatal(at, err)
			}
			if _, err := f.WriteAt(binary.NativeEndian.AppendUint32(nil, 1<<29), at+12); err != nil {
				t.Fatal(err)
			}
			l, err := Open(path, Options{})
			if errors.Is(err, errDamaged) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if r, err := l.Verify(t.Context(), nil); err != nil || r.Faulty == 0 {
				t.Fatalf("%+v, %v", r, err)
			}
		})
	}
}
