package ledger

import (
	"context"
	"fmt"
	"path/filepath"
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

// BenchmarkProcessorTime prints what 64 writers cost for a hold and its outcome,
// all goroutines together: with syncs, where about 64 records share a
// transaction, and without, where transactions are quick and small.
func BenchmarkProcessorTime(b *testing.B) {
	for _, noSync := range []bool{false, true} {
		b.Run(fmt.Sprintf("sync=%t", !noSync), func(b *testing.B) {
			l := newLedger(b)
			l.db.NoSync = noSync
			commits := l.commits.Load()
			b.ReportAllocs()
			b.ResetTimer()
			user, system := processorTime(b)
			settleAll(b, l, 64, b.N)
			user2, system2 := processorTime(b)
			b.StopTimer()
			b.ReportMetric(float64((user2-user).Nanoseconds())/float64(b.N), "user-ns/pair")
			b.ReportMetric(float64((system2-system).Nanoseconds())/float64(b.N), "system-ns/pair")
			b.ReportMetric(2*float64(b.N)/float64(l.commits.Load()-commits), "records/commit")
		})
	}
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
