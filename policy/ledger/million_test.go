package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drover-llm/drover/policy"
)

// heap is how much memory is in use, in bytes.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkMillion fills a ledger with a million outcomes, and prints how large its file
// is, how long it takes to open it and what memory that takes, how long to rebuild the
// book, and to answer what the admin API asks. It takes a minute, so it wants -all:
//
//	go test ./policy/ledger -run '^$' -bench Million -benchtime 1x -args -all
func BenchmarkMillion(b *testing.B) {
	if !*all {
		b.Skip("it takes a minute; say -args -all")
	}
	const n = 1_000_000
	l := newLedger(b)
	path := l.Path()
	l.db.NoSync = true
	var next atomic.Int64
	var writers sync.WaitGroup
	for range 64 {
		writers.Go(func() {
			for i := next.Add(1); i <= n; i = next.Add(1) {
				o := outcome(fmt.Sprintf("chatcmpl-%08d", i))
				o.At = day.Add(time.Duration(i) * time.Second)
				o.Account.Key = fmt.Sprintf("key-%d", i%1000)
				o.Tags = map[string]string{"job": "nightly", "shard": fmt.Sprint(i % 50)}
				if i%500_000 == 77 {
					o.Status, o.Account.Team, o.Tags = 503, "rare", map[string]string{"rare": "yes"}
				}
				h := hold(o.ID)
				h.At, h.Account, h.Budgets = o.At, o.Account, []string{"small", "large", "all"}
				if err := errors.Join(l.Hold(context.Background(), h), l.Settle(context.Background(), o)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	timed := func(name string, f func()) {
		start := time.Now()
		user, system := processorTime(b)
		f()
		user2, system2 := processorTime(b)
		b.ReportMetric(float64(time.Since(start).Microseconds())/1000, name+"-ms")
		b.ReportMetric(float64((user2+system2-user-system).Microseconds())/1000, name+"-cpu-ms")
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	before := heap()
	b.ResetTimer()
	b.ReportMetric(float64(info.Size())/n, "file-bytes/outcome")
	timed("open", func() { l = open(b, path) })
	b.ReportMetric(float64(heap()-before)/n, "memory-bytes/outcome")
	timed("book", func() { policy.NewBook(nil).Restore(l.Totals()) })
	find := func(f policy.Filter, before uint64, want int) func() {
		return func() {
			entries, _, err := l.Find(context.Background(), f, before, 50)
			if err != nil || len(entries) != want {
				b.Fatal(len(entries), err)
			}
		}
	}
	timed("newest", find(policy.Filter{}, 0, 50))
	timed("oldest-key", find(policy.Filter{Key: "key-7", Until: day.Add(100_000 * time.Second)}, 0, 50))
	timed("rare-status", find(policy.Filter{Status: 503}, 0, 2))
	timed("rare-tag", find(policy.Filter{Tags: map[string]string{"rare": "yes"}}, 0, 2))
	timed("nothing", find(policy.Filter{Key: "key-7", Status: 503, Team: "acme"}, 0, 0))
	timed("deep-cursor", find(policy.Filter{Model: "gpt-4o"}, 500_000, 50))
	for name, since := range map[string]time.Time{"spend": {}, "spend-since": day.Add(100 * time.Hour)} {
		timed(name, func() {
			if err := l.Spendings(since, func(policy.Spending) {}); err != nil {
				b.Fatal(err)
			}
		})
	}
	timed("by-id", func() {
		if _, err := l.Outcome("chatcmpl-00500000"); err != nil {
			b.Fatal(err)
		}
	})
	timed("verify", func() { check(b, l) })
	b.ReportMetric(0, "ns/op")
}
