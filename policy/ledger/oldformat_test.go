package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"github.com/drover-llm/drover/policy"
)

// writeFormat3 makes of the file what a drover of format 3 would have written: each
// record in a value of its own, buckets for open holds and for outcomes, and rows that
// know neither.
func writeFormat3(tx *bolt.Tx) error {
	last := journalOf(tx).last()
	var all []placed
	for p, err := range journalOf(tx).after(0) {
		if err != nil {
			return err
		}
		all = append(all, placed{p.seq, bytes.Clone(p.record)})
	}
	made := map[string]*bolt.Bucket{}
	for _, name := range []string{"journal", "rows", "holds", "outcomes"} {
		if err := tx.DeleteBucket([]byte(name)); err != nil && tx.Bucket([]byte(name)) != nil {
			return err
		}
		b, err := tx.CreateBucket([]byte(name))
		if err != nil {
			return err
		}
		made[name] = b
	}
	journal, rows, holds, outcomes := made["journal"], made["rows"], made["holds"], made["outcomes"]
	numbers := readNumbers(tx)
	var tail []row
	var settled uint64
	for _, p := range all {
		at := seqBytes(p.seq)
		err := journal.Put(at, p.record)
		k, text, openErr := p.open()
		if err := errors.Join(err, openErr); err != nil {
			return err
		}
		switch k {
		case kindHold:
			var h policy.Hold
			err = errors.Join(decode(p.seq, text, &h), holds.Put([]byte(h.ID), at))
		case kindRelease:
			var r release
			err = errors.Join(decode(p.seq, text, &r), holds.Delete([]byte(r.ID)))
		case kindOutcome, kindImported:
			var o policy.Outcome
			if err := decode(p.seq, text, &o); err != nil {
				return err
			}
			r := newRow(k, &o)
			r.seq = p.seq
			for i, name := range namesOf(&o) {
				r.names[i] = numbers[name]
			}
			if tail = append(tail, r); len(tail) == 16 {
				err = rows.Put(at, blockOfFormat3(tail))
				tail = nil
			}
			if k == kindOutcome {
				settled++
				err = errors.Join(err, outcomes.Put([]byte(o.ID), append(slices.Clone(at), holds.Get([]byte(o.ID))...)), holds.Delete([]byte(o.ID)))
			}
		}
		if err != nil {
			return err
		}
	}
	return errors.Join(journal.SetSequence(last), outcomes.SetSequence(settled),
		tx.Bucket(bucketMeta).Delete(metaOpen), writeFormat(tx, 3))
}

// blockOfFormat3 lays rows out as format 3 did.
func blockOfFormat3(rows []row) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(make([]byte, 4), uint32(len(rows)))
	earliest, latest := int64(math.MaxInt64), int64(math.MinInt64)
	for _, r := range rows {
		earliest, latest = min(earliest, r.at), max(latest, r.at)
	}
	b = le.AppendUint64(le.AppendUint64(b, uint64(earliest)), uint64(latest))
	for _, column := range []func(row) uint64{
		func(r row) uint64 { return r.seq }, func(r row) uint64 { return uint64(r.at) },
		func(r row) uint64 { return uint64(r.cost) }, func(r row) uint64 { return r.tags },
	} {
		for _, r := range rows {
			b = le.AppendUint64(b, column(r))
		}
	}
	for i := range 4 {
		for _, r := range rows {
			b = le.AppendUint32(b, r.names[i])
		}
	}
	for _, r := range rows {
		b = le.AppendUint16(b, r.status)
	}
	for _, r := range rows {
		b = append(b, r.flags)
	}
	le.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
	return b
}

// writeFormat2 unseals pepper and keys, and drops the indexes that format 3 brought.
func writeFormat2(tx *bolt.Tx) error {
	if err := writeFormat3(tx); err != nil {
		return err
	}
	pepper, err := readPepper(tx)
	if err != nil {
		return err
	}
	keys, plain := tx.Bucket(bucketKeys), map[string][]byte{}
	err = keys.ForEach(func(id, sealed []byte) error {
		plain[string(id)] = bytes.Clone(sealed[headerSize:])
		return nil
	})
	for id, text := range plain {
		err = errors.Join(err, keys.Put([]byte(id), text))
	}
	for _, name := range [][]byte{bucketChanges, bucketImported, bucketPriors, bucketDays, bucketRows, bucketNames} {
		err = errors.Join(err, tx.DeleteBucket(name))
	}
	return errors.Join(err, tx.Bucket(bucketMeta).Put(metaPepper, pepper), writeFormat(tx, 2))
}

// writeFormat1 drops what format 2 brought.
func writeFormat1(tx *bolt.Tx) error {
	return errors.Join(writeFormat2(tx), tx.DeleteBucket(bucketSuites), tx.DeleteBucket(bucketFeedback), writeFormat(tx, 1))
}

var olderFormats = []func(*bolt.Tx) error{writeFormat1, writeFormat2, writeFormat3}

// TestLedgersOfOlderFormatsAreOpened takes ledgers back to what older formats were, and
// opens them: all that can be read out of them is as it was.
func TestLedgersOfOlderFormatsAreOpened(t *testing.T) {
	for i, take := range olderFormats {
		t.Run(fmt.Sprint("format ", i+1), func(t *testing.T) {
			l := newLedger(t)
			l.db.NoSync = true
			token, key := newKey(t, l, policy.Key{Name: "ci", Team: "acme"})
			settleVaried(t, l, 0, 60)
			mustHold(t, l, "open", "left")
			if i > 0 {
				mustAddSuite(t, l, suite("suite_a", acme))
				mustHold(t, l, "spoken")
				mustSettle(t, l, "spoken")
				if err := l.Feedback(t.Context(), policy.Feedback{ID: "spoken", At: day, Account: acme, Correct: true}); err != nil {
					t.Fatal(err)
				}
			}
			if i > 1 {
				l = reopen(t, l)
				l.db.NoSync, l.every = true, 40
				_, changeErr := l.ChangeKey(t.Context(), key.ID, policy.KeyChange{Name: new("cd")}, "ann")
				_, importErr := l.Import(t.Context(), []policy.Outcome{outcome("elsewhere")})
				_, releaseErr := l.Release(t.Context(), policy.Release{ID: "left", At: day, By: "ann"})
				_, forgetErr := l.Forget(t.Context(), day.AddDate(0, 0, 1)) // all so far
				if err := errors.Join(changeErr, importErr, releaseErr, forgetErr); err != nil {
					t.Fatal(err)
				}
				settleVaried(t, l, 60, 100)
			}
			want, err := content(t, l)
			if err != nil {
				t.Fatal(err)
			}
			ids := outcomeIDs(t, l, 0)
			n, last := l.Len(), ids[len(ids)-1]
			if err := l.db.Update(take); err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			holds := 2
			if i > 1 {
				holds = 1 // the other was released
			}
			if look, err := LookAt(l.Path(), time.Second); err != nil || look.Format != i+1 || look.Holds != holds {
				t.Fatalf("%+v, %v", look, err)
			}
			l = open(t, l.Path())
			for range 2 {
				got, err := content(t, l)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" || l.Len() != n {
					t.Fatal(diff, l.Len(), n)
				}
				check(t, l)
				if _, err := l.Authenticate(token); err != nil {
					t.Fatal(err)
				}
				if _, err := l.Outcome(last); err != nil {
					t.Fatal(err)
				}
				if err := l.Hold(context.Background(), hold(last)); !errors.Is(err, ErrSettled) {
					t.Fatal(err)
				}
				if err := l.Hold(context.Background(), hold("open")); !errors.Is(err, ErrHeld) {
					t.Fatal(err)
				}
				l = reopen(t, l)
			}
			mustSettle(t, l, "open")
			mustAddSuite(t, l, suite("suite_b", acme))
			if err := l.Feedback(t.Context(), policy.Feedback{ID: "open", At: day, Account: acme, Correct: true}); err != nil {
				t.Fatal(err)
			}
			check(t, reopen(t, l))
		})
	}
}

// TestADamagedLedgerOfFormat3IsNotMigratedButRepaired has one outcome that cannot be
// read.
func TestADamagedLedgerOfFormat3IsNotMigratedButRepaired(t *testing.T) {
	l, token := everything(t, 40)
	if err := l.db.Update(writeFormat3); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	damaged := []byte(strings.ReplaceAll(string(file), `"id":"chatcmpl-00000017","at"`, `"id":"chatcmpl-0000XX17","at"`))
	if err := os.WriteFile(l.Path(), damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(l.Path(), Options{}); !errors.Is(err, errDamaged) {
		t.Fatal(err)
	}
	if left, err := os.ReadFile(l.Path()); err != nil || !bytes.Equal(left, damaged) {
		t.Fatal("a migration that failed changed the file", err)
	}
	r, err := Repair(t.Context(), l.Path(), Options{})
	if err != nil || r.Losses != 2 || len(r.Lost) != 2 || r.Report.Outcomes != 39 {
		t.Fatalf("%+v: %v", r, err)
	}
	l = open(t, l.Path())
	check(t, l)
	if _, err := l.Authenticate(token); err != nil {
		t.Fatal(err)
	}
}
