package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// model is what a ledger should believe, in plain maps.
type model struct {
	held    map[string]pricing.USD
	open    []string
	settled []string // in order
	cost    map[string]pricing.USD
}

// sums are the money that is held and the money that is spent.
func (m *model) sums() (held, spent pricing.USD) {
	for _, id := range m.open {
		held += m.held[id]
	}
	for _, c := range m.cost {
		spent += c
	}
	return held, spent
}

func ledgerSums(t *rapid.T, l *Ledger) (held, spent pricing.USD, open, settled []string) {
	holds, err := l.OpenHolds()
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range holds {
		held += *h.Ceiling
		open = append(open, h.ID)
	}
	for e, err := range l.Outcomes(context.Background(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		spent += *e.Outcome.Cost
		settled = append(settled, e.Outcome.ID)
	}
	return held, spent, open, settled
}

// fewHashes gives many ids the same hash.
func fewHashes(id string) uint64 { return uint64(id[len(id)-1] & 1) }

// TestAnyInterleavingKeepsTheSums states the law: whatever is held, settled,
// repeated and reopened, in whatever order, also where ids have the same hash, the
// ledger's sums and sets are those of a plain model.
func TestAnyInterleavingKeepsTheSums(t *testing.T) {
	dir := t.TempDir()
	var file int
	rapid.Check(t, func(t *rapid.T) {
		file++
		path := filepath.Join(dir, fmt.Sprintf("%d.db", file))
		o := Options{hash: rapid.SampledFrom([]func(string) uint64{nil, fewHashes}).Draw(t, "hash")}
		full := rapid.IntRange(1, 4).Draw(t, "rows in a block")
		var l *Ledger
		begin := func() {
			var err error
			if l, err = Open(path, o); err != nil {
				t.Fatal(err)
			}
			l.db.NoSync, l.index.full = true, full // thousands of commits, and no crash here
		}
		begin()
		defer func() {
			l.Close()
			os.Remove(path)
		}()
		m := &model{held: map[string]pricing.USD{}, cost: map[string]pricing.USD{}}
		ids := rapid.StringMatching(`[a-f]`)
		money := rapid.Int64Range(0, 1e12)
		expect := func(err, want error) {
			if !errors.Is(err, want) {
				t.Fatalf("got %v, want %v", err, want)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"hold": func(t *rapid.T) {
				id, ceiling := ids.Draw(t, "id"), pricing.USD(money.Draw(t, "ceiling"))
				err := l.Hold(context.Background(), policy.Hold{ID: id, At: day, Ceiling: &ceiling})
				switch {
				case slices.Contains(m.open, id):
					expect(err, ErrHeld)
				case slices.Contains(m.settled, id):
					expect(err, ErrSettled)
				default:
					expect(err, nil)
					m.held[id], m.open = ceiling, append(m.open, id)
				}
			},
			"settle": func(t *rapid.T) {
				id, cost := ids.Draw(t, "id"), pricing.USD(money.Draw(t, "cost"))
				err := l.Settle(context.Background(), policy.Outcome{ID: id, At: day, Cost: &cost})
				at := slices.Index(m.open, id)
				switch {
				case at >= 0:
					expect(err, nil)
					m.open = slices.Delete(m.open, at, at+1)
					m.settled, m.cost[id] = append(m.settled, id), cost
				case slices.Contains(m.settled, id):
					expect(err, ErrSettled)
				default:
					expect(err, ErrNoHold)
				}
			},
			"reopen": func(t *rapid.T) {
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				begin()
				if r, err := l.Verify(context.Background(), nil); err != nil || r.Faulty > 0 {
					t.Fatal(r.Faults, err)
				}
			},
			"": func(t *rapid.T) {
				held, spent, open, settled := ledgerSums(t, l)
				wantHeld, wantSpent := m.sums()
				if held != wantHeld || spent != wantSpent {
					t.Fatalf("held %d and spent %d, want %d and %d", held, spent, wantHeld, wantSpent)
				}
				if !slices.Equal(open, m.open) || !slices.Equal(settled, m.settled) || l.Len() != len(m.settled) {
					t.Fatalf("open %q, settled %q (%d), want %q and %q", open, settled, l.Len(), m.open, m.settled)
				}
			},
		})
	})
}
