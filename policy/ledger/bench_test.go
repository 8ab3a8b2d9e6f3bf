package ledger

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/drover-llm/drover/policy"
)

// BenchmarkDurableOutcomes holds and settles with several writers, and prints
// how many outcomes a second reach the disk beside the same work done in the
// plain way in the same run: a transaction per record.
func BenchmarkDurableOutcomes(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			plain := plainRate(b, 100)
			l := newLedger(b)
			commits := l.commits.Load()
			b.ResetTimer()
			settleAll(b, l, writers, b.N)
			b.StopTimer()
			rate := float64(b.N) / b.Elapsed().Seconds()
			b.ReportMetric(rate, "outcomes/s")
			b.ReportMetric(rate/plain, "x-plain")
			// bbolt syncs twice in a transaction: its pages, then its root.
			b.ReportMetric(2*float64(l.commits.Load()-commits)/float64(b.N), "syncs/outcome")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// settleAll takes n requests through hold and outcome.
func settleAll(b *testing.B, l *Ledger, writers, n int) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for {
				i := next.Add(1)
				if i > int64(n) {
					return
				}
				id := fmt.Sprintf("chatcmpl-%016x", i)
				if err := l.Hold(context.Background(), hold(id)); err != nil {
					b.Error(err)
					return
				}
				if err := l.Settle(context.Background(), outcome(id)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}

// plainRate is how many outcomes a second one writer makes durable when every
// record is a transaction of its own.
func plainRate(b *testing.B, n int) float64 {
	b.Helper()
	db, err := bolt.Open(filepath.Join(b.TempDir(), "plain.db"), 0o600, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	put := func(k kind, id string, v any) {
		record, err := newRecord(k, v)
		if err != nil {
			b.Fatal(err)
		}
		if err := db.Update(func(tx *bolt.Tx) error {
			bucket, err := tx.CreateBucketIfNotExists(bucketJournal)
			if err != nil {
				return err
			}
			seq, err := bucket.NextSequence()
			if err != nil {
				return err
			}
			return bucket.Put(seqBytes(seq), record)
		}); err != nil {
			b.Fatal(err)
		}
	}
	start := time.Now()
	for i := range n {
		id := fmt.Sprint(i)
		put(kindHold, id, hold(id))
		put(kindOutcome, id, outcome(id))
	}
	return float64(n) / time.Since(start).Seconds()
}

// BenchmarkProcessorTime prints what 64 writers cost for a hold and for the outcome
// that settles it, all goroutines together, beside the least that bbolt takes for
// such records: the encoded bytes put into one bucket by one goroutine, 64 in a
// transaction.
func BenchmarkProcessorTime(b *testing.B) {
	for _, noSync := range []bool{false, true} {
		b.Run(fmt.Sprintf("sync=%t", !noSync), func(b *testing.B) {
			bare := bareTime(b, noSync)
			l := newLedger(b)
			l.db.NoSync = noSync
			var ids []string
			for i := range b.N {
				ids = append(ids, fmt.Sprintf("chatcmpl-%016x", i))
			}
			var took [2]time.Duration
			commits := l.commits.Load()
			// Made once, since collecting them would be taken for the ledger's.
			holds, outcomes := make([]policy.Hold, 2048), make([]policy.Outcome, 2048)
			for i := range holds {
				holds[i], outcomes[i] = hold(""), outcome("")
			}
			b.ResetTimer()
			for some := range slices.Chunk(ids, len(holds)) {
				for i, id := range some {
					holds[i].ID, outcomes[i].ID = id, id
				}
				for i, do := range [2]func(int) error{
					func(i int) error { return l.Hold(context.Background(), holds[i]) },
					func(i int) error { return l.Settle(context.Background(), outcomes[i]) },
				} {
					user, system := processorTime(b)
					byMany(b, len(some), do)
					user2, system2 := processorTime(b)
					took[i] += user2 + system2 - user - system
				}
			}
			b.StopTimer()
			for i, name := range [2]string{"hold", "settle"} {
				each := float64(took[i].Nanoseconds()) / float64(b.N)
				b.ReportMetric(each, name+"-cpu-ns")
				b.ReportMetric(each/bare, name+"-x-bare")
			}
			b.ReportMetric(bare, "bare-cpu-ns")
			b.ReportMetric(2*float64(b.N)/float64(l.commits.Load()-commits), "records/commit")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// byMany has 64 goroutines do something n times.
func byMany(b *testing.B, n int, do func(i int) error) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range 64 {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := do(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}

// bareTime is the processor time that bbolt takes for a record, in nanoseconds.
func bareTime(b *testing.B, noSync bool) float64 {
	b.Helper()
	db, err := bolt.Open(filepath.Join(b.TempDir(), "bare.db"), 0o600, &bolt.Options{NoSync: noSync, FreelistType: bolt.FreelistMapType})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	record, err := newRecord(kindOutcome, new(outcome("chatcmpl-0123456789abcdef")))
	if err != nil {
		b.Fatal(err)
	}
	const records, together = 128 * 64, 64
	user, system := processorTime(b)
	for range records / together {
		err := db.Update(func(tx *bolt.Tx) error {
			bucket, err := tx.CreateBucketIfNotExists(bucketJournal)
			if err != nil {
				return err
			}
			bucket.FillPercent = 1
			for range together {
				seq, err := bucket.NextSequence()
				if err := errors.Join(err, bucket.Put(seqBytes(seq), record)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	user2, system2 := processorTime(b)
	return float64((user2 + system2 - user - system).Nanoseconds()) / records
}

func processorTime(b *testing.B) (user, system time.Duration) {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano()), time.Duration(u.Stime.Nano())
}

func BenchmarkAuthenticate(b *testing.B) {
	l := newLedger(b)
	var token string
	for range 100 {
		token, _ = newKey(b, l, policy.Key{Name: "ci", Team: "acme", Expires: day.Add(time.Hour)})
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Authenticate(token); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadOutcomes(b *testing.B) {
	l := newLedger(b)
	l.db.NoSync = true
	const n = 10_000
	settleAll(b, l, 64, n)
	b.ReportAllocs()
	for b.Loop() {
		if ids := outcomeIDs(b, l, 0); len(ids) != n {
			b.Fatal(len(ids))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/outcome")
}
