package ledger

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"github.com/drover-llm/drover/policy"
)

// TestJournalIsAMapInOrder states the law: whatever was added and taken out, in one
// transaction or several, each record is found at its place and in its order.
func TestJournalIsAMapInOrder(t *testing.T) {
	dir := t.TempDir()
	var file int
	rapid.Check(t, func(t *rapid.T) {
		file++
		path := filepath.Join(dir, fmt.Sprintf("%d.db", file))
		defer os.Remove(path)
		l, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		l.db.NoSync = true
		want := map[uint64]string{}
		size := rapid.SampledFrom([]int{1, 1, 10, 100, 1500, 5000})
		// change runs one transaction, with a look at the journal at any place of it.
		change := func(f func(j *journal) error) {
			err := l.db.Update(func(tx *bolt.Tx) error {
				j := journalOf(tx)
				if err := f(j); err != nil {
					return err
				}
				return j.end()
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		compare := func(j *journal) {
			after := rapid.Uint64Range(0, j.last()+2).Draw(t, "after")
			var got, right []uint64
			for p, err := range j.after(after) {
				if err != nil || want[p.seq] != string(p.record[headerSize:]) || !p.whole() {
					t.Fatal(p.seq, err)
				}
				got = append(got, p.seq)
			}
			for _, seq := range slices.Sorted(maps.Keys(want)) {
				if seq > after {
					right = append(right, seq)
				}
			}
			if !slices.Equal(got, right) {
				t.Fatalf("after %d: %v, want %v", after, got, right)
			}
			for seq := after; seq < after+100; seq++ {
				p, err := j.get(seq)
				if text, there := want[seq]; there != (err == nil) || there && text != string(p.record[headerSize:]) {
					t.Fatalf("record %d is there: %t, %v", seq, there, err)
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				change(func(j *journal) error {
					for range rapid.IntRange(1, 300).Draw(t, "records") {
						record := make([]byte, headerSize+size.Draw(t, "size"))
						record[0], record[1] = byte(kindHold), recordVersion
						record[headerSize] = byte(len(want))
						seq, err := j.append(record)
						if want[seq] = string(record[headerSize:]); err != nil {
							return err
						}
					}
					if rapid.Bool().Draw(t, "look") {
						compare(j)
					}
					return nil
				})
			},
			"remove": func(t *rapid.T) {
				if len(want) == 0 {
					return
				}
				change(func(j *journal) error {
					there := slices.Sorted(maps.Keys(want))
					from := rapid.IntRange(0, len(there)-1).Draw(t, "from")
					to := min(len(there), from+rapid.IntRange(1, 400).Draw(t, "records"))
					keep := rapid.SampledFrom([]int{2, 3, 50, 1000}).Draw(t, "keep each")
					for i, seq := range there[from:to] {
						if i%keep != keep-1 {
							j.remove(seq)
							delete(want, seq)
						}
						if i%50 == 25 {
							compare(j)
						}
					}
					return nil
				})
			},
			"": func(t *rapid.T) {
				if err := l.db.View(func(tx *bolt.Tx) error { compare(journalOf(tx)); return nil }); err != nil {
					t.Fatal(err)
				}
			},
		})
	})
}

// TestAFlippedBitLosesOneRecordOfABatch flips bits of a batch, and salvages it.
func TestAFlippedBitLosesOneRecordOfABatch(t *testing.T) {
	const first = 1000
	batch, ends := []byte{batchMark}, map[int]uint64{}
	for seq := uint64(first); seq < first+20; seq += 1 + seq%3 {
		record, err := newRecord(kindOutcome, new(outcome(fmt.Sprint(seq))))
		if err != nil {
			t.Fatal(err)
		}
		seal(seq, record)
		batch = appendFrame(batch, first, placed{seq, record})
		ends[len(batch)] = seq
	}
	places := func(records []placed) (seqs []uint64) {
		for _, p := range records {
			seqs = append(seqs, p.seq)
		}
		return seqs
	}
	whole, damaged := salvaged(first, batch)
	if got := places(whole); !slices.Equal(got, slices.Sorted(maps.Values(ends))) || len(damaged) > 0 {
		t.Fatal(got, damaged)
	}
	order := slices.Sorted(maps.Keys(ends))
	for at := range batch {
		batch[at] ^= 1 << (at % 8)
		var want []uint64
		for i, end := range order {
			if from := [...]int{1, order[max(i-1, 0)]}[min(i, 1)]; at < from || at >= end {
				want = append(want, ends[end])
			}
		}
		whole, _ := salvaged(first, batch)
		if got := places(whole); !slices.Equal(got, want) {
			t.Fatalf("bit flipped at %d: %v, want %v", at, got, want)
		}
		// Nobody reads on as if nothing were.
		clean := at > 0
		for p, err := range recordsOf(first, batch) {
			clean = clean && err == nil && p.whole()
		}
		if clean {
			t.Fatalf("bit flipped at %d, and read", at)
		}
		batch[at] ^= 1 << (at % 8)
	}
}

// FuzzBatch reads anything as a value of the journal.
func FuzzBatch(f *testing.F) {
	record, err := newRecord(kindHold, new(hold("a")))
	if err != nil {
		f.Fatal(err)
	}
	seal(7, record)
	f.Add(uint64(7), record)
	f.Add(uint64(5), appendFrame(appendFrame([]byte{batchMark}, 5, placed{7, record}), 5, placed{8, record}))
	f.Add(uint64(1), []byte{batchMark, 0x80, 0x80, 0xff})
	f.Fuzz(func(t *testing.T, first uint64, value []byte) {
		for p, err := range recordsOf(first, value) {
			if err == nil && len(p.record) > len(value) {
				t.Fatal("longer than where it lies")
			}
		}
		whole, _ := salvaged(first, value)
		for _, p := range whole {
			if _, _, err := openRecord(p.seq, p.record); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestVerifyComparesTheIndexWithTheJournal puts wrong values into the index whose
// checksums are right.
func TestVerifyComparesTheIndexWithTheJournal(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(tx *bolt.Tx) error
		want string
	}{
		"the hash of an id":      {func(tx *bolt.Tx) error { return alterRows(tx, func(r *row) { r.id++ }) }, "its row in the index is wrong"},
		"the hold of an outcome": {func(tx *bolt.Tx) error { return alterRows(tx, func(r *row) { r.held++ }) }, "its row in the index is wrong"},
		"a block that is gone": {func(tx *bolt.Tx) error {
			key, _ := tx.Bucket(bucketRows).Cursor().First()
			return tx.Bucket(bucketRows).Delete(key)
		}, "its row"},
		"an open hold that is missing": {func(tx *bolt.Tx) error {
			through, holds, err := readOpen(tx)
			t := tables{tx: tx, err: err}
			t.putOpen(through, holds[1:])
			return t.err
		}, "index of open holds"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLedger(t)
			l.db.NoSync, l.index.full = true, 10
			mustHold(t, l, "open", "open too")
			settleVaried(t, l, 0, 25)
			check(t, l)
			if err := l.db.Update(c.harm); err != nil {
				t.Fatal(err)
			}
			r, err := l.Verify(t.Context(), nil)
			if err != nil || r.Faulty == 0 || !slices.ContainsFunc(r.Faults, func(fault string) bool { return strings.Contains(fault, c.want) }) {
				t.Fatalf("%q, %v", r.Faults, err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if r, err := Repair(t.Context(), l.Path(), Options{}); err != nil || r.Losses != 0 {
				t.Fatalf("%+v, %v", r, err)
			}
			l = open(t, l.Path())
			check(t, l)
			if ids := openIDs(t, l); !slices.Equal(ids, []string{"open", "open too"}) || l.Len() != 25 {
				t.Fatal(ids, l.Len())
			}
		})
	}
}

// alterRows changes the first row of the first block.
func alterRows(tx *bolt.Tx, change func(*row)) error {
	key, value := tx.Bucket(bucketRows).Cursor().First()
	b, err := openBlock(value)
	if err != nil {
		return err
	}
	var rows []row
	for i := range b.n {
		rows = append(rows, b.row(i))
	}
	change(&rows[0])
	return tx.Bucket(bucketRows).Put(slices.Clone(key), encodeBlock(rows))
}

func TestAFlippedBitInTheListOfOpenHoldsIsTold(t *testing.T) {
	l := newLedger(t)
	l.index.full = 1
	mustHold(t, l, "open", "a")
	mustSettle(t, l, "a")
	if err := l.db.Update(func(tx *bolt.Tx) error {
		value := slices.Clone(tx.Bucket(bucketMeta).Get(metaOpen))
		value[len(value)-1] ^= 4
		return tx.Bucket(bucketMeta).Put(metaOpen, value)
	}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(l.Path(), Options{}); err == nil || !strings.Contains(err.Error(), "--repair") {
		t.Fatal(err)
	}
	if _, err := Repair(t.Context(), l.Path(), Options{}); err != nil {
		t.Fatal(err)
	}
	l = open(t, l.Path())
	if err := l.Settle(t.Context(), outcome("open")); err != nil {
		t.Fatal(err)
	}
	check(t, l)
}

// TestAnEndedHoldIsForgottenWithItsOutcome forgets an outcome whose hold was open when
// the last block of rows was written.
func TestAnEndedHoldIsForgottenWithItsOutcome(t *testing.T) {
	l := newLedger(t)
	l.index.full = 2
	mustHold(t, l, "long", "open", "a", "b")
	mustSettle(t, l, "a", "b", "long")
	if n, err := l.Forget(t.Context(), day.AddDate(0, 0, 1)); err != nil || n != 3 {
		t.Fatal(n, err)
	}
	for range 2 {
		check(t, l)
		if ids := openIDs(t, l); !slices.Equal(ids, []string{"open"}) || l.Len() != 0 {
			t.Fatal(ids, l.Len())
		}
		l = reopen(t, l)
	}
	mustHold(t, l, "a") // it is not remembered any more
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if look, err := LookAt(l.Path(), time.Second); err != nil || look.Holds != 2 {
		t.Fatal(look, err)
	}
}

// TestFeedbackInTheCommitOfItsOutcomeIsTaken queues both before the writer comes.
func TestFeedbackInTheCommitOfItsOutcomeIsTaken(t *testing.T) {
	l := newLedger(t)
	mustHold(t, l, "a")
	reached, release := stall(l)
	first, settled, again := l.newHoldWrite(), l.newSettleWrite(), l.newHoldWrite()
	if err := errors.Join(first.fill(hold("first")), settled.fill(outcome("a")), again.fill(hold("a"))); err != nil {
		t.Fatal(err)
	}
	l.queue.put(first.write)
	reached()
	l.queue.put(settled.write)
	l.queue.put(again.write)
	said := make(chan error)
	go func() {
		said <- l.Feedback(t.Context(), policy.Feedback{ID: "a", At: day, Account: acme, Correct: true})
	}()
	queued(l, 3)
	release()
	if err := <-settled.done; err != nil {
		t.Fatal(err)
	}
	if err := <-again.done; !errors.Is(err, ErrSettled) {
		t.Fatal(err)
	}
	if err := <-said; err != nil {
		t.Fatal(err)
	}
	check(t, l)
}
