package ledger

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"github.com/drover-llm/drover/policy"
)

// dayRecord is what the outcomes of one day came to that were forgotten.
type dayRecord struct {
	Day  string       `json:"day"` // 2026-03-01, UTC
	Sums []policy.Day `json:"sums"`
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
		t.put(index, []byte(name), seqBytes(t.append(record)))
	}
	return nil
}
