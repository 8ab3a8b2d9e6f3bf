package ledger_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/ledger"
	"github.com/drover-llm/drover/pricing"
)

// A request is held before it spends and settled after; a request that a crash
// cut off in between stays held.
func Example() {
	dir, err := os.MkdirTemp("", "ledger")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	l, err := ledger.Open(filepath.Join(dir, "drover.db"), ledger.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	ctx := context.Background()
	ceiling, cost := pricing.USD(50_000_000), pricing.USD(7_250_000)
	for _, id := range []string{"chatcmpl-1", "chatcmpl-2"} {
		if err := l.Hold(ctx, policy.Hold{ID: id, At: time.Now(), Ceiling: &ceiling}); err != nil {
			log.Fatal(err)
		}
	}
	if err := l.Settle(ctx, policy.Outcome{ID: "chatcmpl-1", Status: 200, Cost: &cost}); err != nil {
		log.Fatal(err)
	}

	for entry, err := range l.Outcomes(ctx, 0) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(entry.Seq, entry.Outcome.ID, "cost", int64(*entry.Outcome.Cost))
	}
	holds, err := l.OpenHolds()
	if err != nil {
		log.Fatal(err)
	}
	for _, h := range holds {
		fmt.Println(h.ID, "still holds", int64(*h.Ceiling))
	}
	// Output:
	// 3 chatcmpl-1 cost 7250000
	// chatcmpl-2 still holds 50000000
}
