package ledger

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// handMade is a file of format 1 in which an outcome still lacks the bucket
// "daily", written with bbolt alone.
func handMade(t *testing.T) *bolt.DB {
	t.Helper()
	db, err := bolt.Open(filepath.Join(t.TempDir(), "drover.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	err = db.Update(func(tx *bolt.Tx) error {
		put := func(bucket, key, value string) {
			b, err := tx.CreateBucketIfNotExists([]byte(bucket))
			if err == nil {
				err = b.Put([]byte(key), []byte(value))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		put("meta", "application", "drover ledger")
		put("meta", "format", "1")
		put("outcomes", "a", `{"cost":1}`)
		put("outcomes", "b", `{"cost":2}`)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// Two steps such as a later format may bring: one rewrites values, one adds a
// bucket that is folded from them.
var (
	centsToMills migration = func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte("outcomes"))
		c := b.Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			var o struct {
				Cost int `json:"cost"`
			}
			if err := json.Unmarshal(v, &o); err != nil {
				return err
			}
			o.Cost *= 10
			text, err := json.Marshal(o)
			if err != nil {
				return err
			}
			if err := b.Put(k, text); err != nil {
				return err
			}
		}
		return nil
	}
	addDaily migration = func(tx *bolt.Tx) error {
		_, err := tx.CreateBucket([]byte("daily"))
		return err
	}
	fails migration = func(tx *bolt.Tx) error { return errors.New("no room") }
)

// state is the format of db, the value of outcome a, and whether "daily" exists.
func state(t *testing.T, db *bolt.DB) (format int, a string, daily bool) {
	t.Helper()
	if err := db.View(func(tx *bolt.Tx) (err error) {
		format, err = readFormat(tx)
		a, daily = string(tx.Bucket([]byte("outcomes")).Get([]byte("a"))), tx.Bucket([]byte("daily")) != nil
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return format, a, daily
}

func TestOlderFormatIsMigratedStepByStep(t *testing.T) {
	db, o := handMade(t), Options{}.withDefaults()
	for range 2 { // the second time there is nothing to do
		if err := upgrade(db, []migration{centsToMills, addDaily}, o); err != nil {
			t.Fatal(err)
		}
		if format, a, daily := state(t, db); format != 3 || a != `{"cost":10}` || !daily {
			t.Fatalf("format %d, outcome %s, daily %t", format, a, daily)
		}
	}
}

func TestMigrationIsAllOrNothing(t *testing.T) {
	db, o := handMade(t), Options{}.withDefaults()
	err := upgrade(db, []migration{centsToMills, addDaily, fails}, o)
	if err == nil || !strings.Contains(err.Error(), "from format 3 to 4") {
		t.Fatal(err)
	}
	if format, a, daily := state(t, db); format != 1 || a != `{"cost":1}` || daily {
		t.Fatalf("format %d, outcome %s, daily %t", format, a, daily)
	}
}

func TestUnknownFormatIsRefused(t *testing.T) {
	for format, want := range map[string]string{
		strconv.Itoa(len(migrations) + 2): "use a newer drover",
		"9999":                            "use a newer drover",
		"0":                               errDamaged.Error(),
		"-1":                              errDamaged.Error(),
		"":                                errDamaged.Error(),
		"one":                             errDamaged.Error(),
	} {
		l := newLedger(t)
		mustHold(t, l, "a")
		if err := l.db.Update(func(tx *bolt.Tx) error {
			return tx.Bucket(bucketMeta).Put(metaFormat, []byte(format))
		}); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := Open(l.Path(), Options{})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), l.Path()) {
			t.Errorf("format %q: %v", format, err)
		}
	}
}
