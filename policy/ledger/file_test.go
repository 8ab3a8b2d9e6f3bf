package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
)

func TestOpenMakesAFileForItsOwnerOnly(t *testing.T) {
	l := newLedger(t)
	info, err := os.Stat(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Fatalf("mode %v", info.Mode())
	}
	entries, err := os.ReadDir(filepath.Dir(l.Path()))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Fatalf("left behind: %v", entries)
	}
}

// An emptied file was a ledger once: to begin a new one in its place would lose
// keys and spending without a word.
func TestOpenRefusesAnEmptiedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "drover.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, errDamaged) || !strings.Contains(err.Error(), "backup") {
		t.Fatal(err)
	}
}

func TestOpenTellsThatAnotherHoldsTheFile(t *testing.T) {
	l := newLedger(t)
	_, err := Open(l.Path(), Options{})
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), l.Path()) {
		t.Fatal(err)
	}
	mustHold(t, l, "a") // it was not disturbed
}

func TestOpenWithoutDirectoryNamesThePath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "drover.db")
	if _, err := Open(path, Options{}); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Fatal(err)
	}
}

// filled is the bytes of a closed ledger with n settled requests.
func filled(t *testing.T, n int) []byte {
	t.Helper()
	l := newLedger(t)
	l.db.NoSync = true
	for i := range n {
		mustHold(t, l, fmt.Sprint(i))
		mustSettle(t, l, fmt.Sprint(i))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestOpenRefusesWhatIsNoLedger(t *testing.T) {
	whole := bytes.TrimRight(filled(t, 50), "\x00") // the file grows ahead of what is in it
	for name, content := range map[string][]byte{
		"text":          []byte("listen: :8080\n"),
		"zeros":         make([]byte, 64<<10),
		"noise":         bytes.Repeat([]byte{0xA5, 0x5A, 7}, 30_000),
		"two pages":     whole[:8192],
		"truncated":     whole[:len(whole)/2&^4095],
		"odd length":    whole[:20_001],
		"damaged pages": append(bytes.Clone(whole[:8192]), bytes.Repeat([]byte{0xFF}, len(whole)-8192)...),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "drover.db")
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			l, err := Open(path, Options{})
			if err == nil {
				l.Close()
				t.Fatal("opened")
			}
			if !errors.Is(err, errDamaged) || !strings.Contains(err.Error(), path) {
				t.Fatal(err)
			}
			if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, content) {
				t.Fatalf("the file was changed: %v", err)
			}
			// It lets go of the file, so that it can be looked at.
			if _, err := Open(path, Options{}); errors.Is(err, ErrLocked) {
				t.Fatal(err)
			}
		})
	}
}

func TestOpenRefusesTheBoltFileOfAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "drover.db")
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucket([]byte("meta"))
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, errDamaged) {
		t.Fatal(err)
	}
}

// TestFlippedBitIsNeverRead flips one bit of every byte of the journal's records
// in turn, and reads them.
func TestFlippedBitIsNeverRead(t *testing.T) {
	l := newLedger(t)
	mustHold(t, l, "a")
	mustSettle(t, l, "a")
	var record []byte
	if err := l.db.View(func(tx *bolt.Tx) error {
		record = bytes.Clone(tx.Bucket(bucketJournal).Get(seqBytes(2)))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := openRecord(2, record); err != nil {
		t.Fatal(err)
	}
	if _, _, err := openRecord(3, record); !errors.Is(err, errDamaged) {
		t.Fatalf("in the wrong place: %v", err)
	}
	for at := range record {
		record[at] ^= 1 << (at % 8)
		if _, _, err := openRecord(2, record); !errors.Is(err, errDamaged) {
			t.Fatalf("bit flipped at %d: %v", at, err)
		}
		record[at] ^= 1 << (at % 8)
	}
}
