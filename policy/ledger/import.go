package ledger

import (
	"context"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/drover-llm/drover/policy"
)

// Import journals outcomes that were recorded elsewhere. They are records of a
// kind of their own: no budget counts them, and whoever reads them is told. One
// whose id is in the ledger already is skipped, so that an import may be
// repeated. added is how many were new.
func (l *Ledger) Import(ctx context.Context, outcomes []policy.Outcome) (added int, err error) {
	records := make([][]byte, len(outcomes))
	for i := range outcomes {
		outcomes[i].At = outcomes[i].At.UTC()
		if records[i], err = appendEntry(nil, kindImported, outcomes[i].ID, &outcomes[i]); err != nil {
			return 0, fmt.Errorf("importing outcome %q: %w", outcomes[i].ID, err)
		}
	}
	w := newWrite(func(t *tables) error {
		added = 0
		imported := t.tx.Bucket(bucketImported)
		for i, record := range records {
			o := &outcomes[i]
			err := t.used(o.ID)
			if errors.Is(err, ErrHeld) || errors.Is(err, ErrSettled) || imported.Get([]byte(o.ID)) != nil {
				continue
			}
			if err != nil {
				return err
			}
			seq := t.append(record)
			t.growth.add(t, seq, kindImported, 0, o)
			t.put(imported, []byte(o.ID), seqBytes(seq))
			added++
		}
		return nil
	})
	if err := l.queue.do(ctx, w); err != nil {
		return 0, fmt.Errorf("importing outcomes: %w", err)
	}
	return added, nil
}

// AddPriors journals published pass counts in place of those of the same name.
func (l *Ledger) AddPriors(ctx context.Context, p policy.Priors) error {
	p.At = p.At.UTC()
	record, err := appendEntry(nil, kindPriors, p.Name, p)
	if err == nil {
		err = l.queue.do(ctx, newWrite(func(t *tables) error {
			t.put(t.tx.Bucket(bucketPriors), []byte(p.Name), seqBytes(t.append(record)))
			return nil
		}))
	}
	if err != nil {
		return fmt.Errorf("adding priors %q: %w", p.Name, err)
	}
	return nil
}

// Priors returns the last tables of every name, sorted.
func (l *Ledger) Priors() (tables []policy.Priors, err error) {
	err = l.view(func(tx *bolt.Tx) error {
		return tx.Bucket(bucketPriors).ForEach(func(_, at []byte) error {
			p, err := readAt[policy.Priors](journalOf(tx), at, kindPriors)
			tables = append(tables, p.value)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading priors: %w", err)
	}
	return tables, nil
}
