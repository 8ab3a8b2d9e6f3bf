package ledger

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
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

// addDay adds an outcome to the sums of its day, which begin with those that are
// journalled.
func (t *tables) addDay(days map[string]*dayRecord, o *policy.Outcome) error {
	name := o.At.UTC().Format(time.DateOnly)
	d := days[name]
	if d == nil {
		d = &dayRecord{Day: name}
		if at := t.tx.Bucket(bucketDays).Get([]byte(name)); at != nil {
			before, err := readAt[dayRecord](t.journal, at, kindDay)
			if err != nil {
				return err
			}
			d = &before.value
		}
		days[name] = d
	}
	at := slices.IndexFunc(d.Sums, func(s policy.Day) bool {
		return s.Account == o.Account && s.Route == o.Route && s.Model == o.Model
	})
	if at < 0 {
		at = len(d.Sums)
		d.Sums = append(d.Sums, policy.Day{Account: o.Account, Route: o.Route, Model: o.Model})
	}
	return d.Sums[at].Add(o)
}

// putDays journals sums in place of those that they continue.
func (t *tables) putDays(days map[string]*dayRecord) error {
	index := t.tx.Bucket(bucketDays)
	for _, name := range slices.Sorted(maps.Keys(days)) {
		record, err := newRecord(kindDay, days[name])
		if err != nil {
			return err
		}
		if before := index.Get([]byte(name)); before != nil {
			t.remove(binary.BigEndian.Uint64(before))
		}
		t.put(index, []byte(name), t.append(record))
	}
	return nil
}
