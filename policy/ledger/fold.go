package ledger

import (
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/drover-llm/drover/policy"
)

// dayRecord is what the outcomes of one day came to that were forgotten.
type dayRecord struct {
	Day  string       `json:"day"` // 2026-03-01, UTC
	Sums []policy.Day `json:"sums"`
}

// forgottenDays hands each the sums of the days since since.
func forgottenDays(tx *bolt.Tx, since time.Time, each func(policy.Spending)) error {
	journal, c := tx.Bucket(bucketJournal), tx.Bucket(bucketDays).Cursor()
	for day, at := c.Seek([]byte(since.UTC().Format(time.DateOnly))); day != nil; day, at = c.Next() {
		d, err := readAt[dayRecord](journal, at, kindDay)
		if err != nil {
			return err
		}
		begin, err := time.Parse(time.DateOnly, string(day))
		if err != nil || d.value.Day != string(day) {
			return fmt.Errorf("record %d: %w (the sums of day %q)", d.seq, errDamaged, day)
		}
		for _, s := range d.value.Sums {
			each(policy.Spending{At: begin, Account: s.Account, Route: s.Route, Model: s.Model, Cost: s.Cost, Requests: s.Requests, Unknown: s.Unknown})
		}
	}
	return nil
}
