package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/drover-llm/drover/policy"
)

// Report is what Verify found in a ledger.
type Report = policy.Inspection

// maxFaults is how many faults are told one by one.
const maxFaults = 50

func (v *verification) fault(format string, args ...any) {
	if v.Faulty++; len(v.Faults) < maxFaults {
		v.Faults = append(v.Faults, fmt.Sprintf(format, args...))
	}
}

// Verify reads the whole ledger, as it is at one moment, and compares everything
// with everything: both roots, the pages of the file, every record's checksum and
// place, each outcome with its hold, every index with what the journal says. It
// changes nothing, and requests go on meanwhile. It tells progress, unless that is nil,
// how many records of how many it has read. The error is one of ctx, or of a
// ledger that is closed; what is wrong with the file is in the report.
func (l *Ledger) Verify(ctx context.Context, progress func(done, of int)) (Report, error) {
	if progress == nil {
		progress = func(int, int) {}
	}
	v := verification{progress: progress, index: l.index, Report: Report{Faults: []string{}}, holds: map[string]uint64{}, keys: map[string]*keyRecord{}, suites: map[string][]byte{}, priors: map[string][]byte{}}
	err := l.view(func(tx *bolt.Tx) error {
		err := checkRoots(l.file)
		for range 3 { // the writer may have been writing one
			if err != nil {
				err = checkRoots(l.file)
			}
		}
		if err != nil {
			v.fault("%v", err)
		}
		if err := checkPages(tx, l.file); err != nil {
			return err
		}
		for err := range tx.Check() {
			v.fault("bbolt: %v", err)
		}
		return v.run(ctx, tx)
	})
	if errors.Is(err, errDamaged) {
		v.fault("%v", err)
		err = nil
	}
	if err != nil {
		return v.Report, fmt.Errorf("verifying ledger %s: %w", l.path, err)
	}
	return v.Report, nil
}

// verification is a walk through the journal, and what it has come to.
type verification struct {
	Report
	tx     *bolt.Tx
	index  *index
	rows   rowReader
	holds  map[string]uint64 // open ones
	keys   map[string]*keyRecord
	suites map[string][]byte
	priors map[string][]byte
	counts map[string]int // entries that an index should have
	// What stands for names in rows.
	numbers map[string]uint32
	last    uint64

	progress func(done, of int)

	indexed uint64   // the rows of outcomes up to here should lie in blocks
	open    []uint64 // holds that the index says were open there

	book    *policy.Book // folded from the base
	through uint64       // the last record that the base stands for
	removed uint64       // records that are gone from the journal, by the last checkpoint
}

func (v *verification) run(ctx context.Context, tx *bolt.Tx) error {
	v.tx, v.counts, v.numbers = tx, map[string]int{}, readNumbers(tx)
	v.rows = newRowReader(tx)
	if err := v.begin(); err != nil {
		return err
	}
	of := int(journalOf(tx).last() - v.removed)
	err := opened(ctx, journalOf(tx), func(some []openedRecord) {
		for i := range some {
			v.take(&some[i])
		}
		v.progress(v.Records, max(of, v.Records))
	})
	if err != nil {
		return err
	}
	if end := journalOf(tx).last(); end != v.last {
		v.fault("the journal ends with record %d and should end with %d", v.last, end)
	}
	if have, want := uint64(v.Records), v.last-v.removed; have != want {
		v.fault("the journal has %d records, and should have %d", have, want)
	}
	v.compare()
	v.compareBook()
	return v.rows.err()
}

// take takes in one record.
func (v *verification) take(r *openedRecord) {
	v.Records++
	if r.seq > v.indexed && v.last <= v.indexed {
		v.compareOpen()
	}
	if r.err == nil && r.seq <= v.last {
		v.fault("record %d lies behind record %d", r.seq, v.last)
	}
	v.last = max(v.last, r.seq)
	err := r.err
	if err == nil {
		err = v.record(r)
	}
	if err == nil && r.seq > v.through && r.money != nil {
		v.book.Fold(r.money)
	}
	if err != nil {
		v.fault("%v", err)
	}
}

// record compares one record with what is indexed by its name.
func (v *verification) record(r *openedRecord) error {
	seq, at, text := r.seq, seqBytes(r.seq), r.text
	switch r.kind {
	case kindHold:
		h := r.money.(*policy.Hold)
		if v.holds[h.ID] > 0 {
			v.fault("record %d: %q was held already", seq, h.ID)
		}
		v.holds[h.ID] = seq
	case kindOutcome, kindImported:
		v.outcome(r)
	case kindKeyCreated, kindKeyChanged:
		r := new(keyRecord)
		if err := decode(seq, text, r); err != nil {
			return err
		}
		v.keys[r.Key.ID] = r
		v.expect(bucketChanges, at, nil)
	case kindKeyRevoked:
		var gone keyRevoked
		if err := decode(seq, text, &gone); err != nil {
			return err
		}
		if r := v.keys[gone.ID]; r != nil {
			r.Key.Revoked = gone.At
		} else if seq > v.through {
			v.fault("record %d: key %q is revoked, and was never created", seq, gone.ID)
		}
		v.expect(bucketChanges, at, nil)
	case kindSuite:
		var s policy.Suite
		if err := decode(seq, text, &s); err != nil {
			return err
		}
		v.suites[string(suiteKey(s.Account, s.ID))] = at
	case kindSuiteDeleted:
		var gone suiteDeleted
		if err := decode(seq, text, &gone); err != nil {
			return err
		}
		delete(v.suites, string(suiteKey(gone.Account, gone.ID)))
	case kindFeedback:
		return v.feedback(seq, at, text)
	case kindPriors:
		var p policy.Priors
		if err := decode(seq, text, &p); err != nil {
			return err
		}
		v.priors[p.Name] = at
	case kindChange:
		v.expect(bucketChanges, at, nil)
	case kindRelease:
		id := r.money.(policy.Release).ID
		if v.holds[id] == 0 && seq > v.through {
			v.fault("record %d: %q is released, and was not held", seq, id)
		}
		delete(v.holds, id)
		v.expect(bucketChanges, at, nil)
	case kindCheckpoint:
		return v.checkpoint(seq, text)
	case kindDay:
		var d dayRecord
		if err := decode(seq, text, &d); err != nil {
			return err
		}
		v.expect(bucketDays, []byte(d.Day), at)
	}
	return nil
}

// outcome compares an outcome with its hold, its index and its row.
func (v *verification) outcome(r *openedRecord) {
	seq, o := r.seq, r.outcome
	want := newRow(r.kind, o)
	want.seq, want.id = seq, v.index.hash(o.ID)
	if r.kind == kindImported {
		v.Imported++
		v.expect(bucketImported, []byte(o.ID), seqBytes(seq))
	} else {
		v.Outcomes++
		if want.held = v.holds[o.ID]; want.held == 0 && seq > v.through {
			v.fault("record %d: outcome %q had no open hold", seq, o.ID)
		}
		delete(v.holds, o.ID)
		if o.Cost == nil {
			v.Unpriced++
		} else {
			v.Spent += *o.Cost
		}
	}
	for i, name := range namesOf(o) {
		want.names[i] = v.numbers[name]
	}
	switch got, there := v.rows.next(); {
	case there && got != want:
		v.fault("record %d: its row in the index is wrong, or that of record %d", seq, got.seq)
	case !there && seq <= v.indexed:
		v.fault("record %d: its row is missing from the index", seq)
	}
}

func (v *verification) feedback(seq uint64, at, text []byte) error {
	var f policy.Feedback
	if err := decode(seq, text, &f); err != nil {
		return err
	}
	if seq <= v.through {
		if o, err := v.index.outcome(journalOf(v.tx), f.ID); o == nil || err != nil {
			return err // nil: an earlier word about what was forgotten since
		}
	}
	last := v.tx.Bucket(bucketFeedback).Get(feedbackKey(f.ID, f.Source))
	if bytes.Compare(last, at) < 0 { // nil too
		v.fault("record %d: the index of feedback does not have it", seq)
	}
	return nil
}

// expect compares an entry of an index that no later record changes.
func (v *verification) expect(bucket, key, want []byte) {
	v.counts[string(bucket)]++
	if got := v.tx.Bucket(bucket).Get(key); got == nil || !bytes.Equal(got, want) {
		v.fault("index %s: the entry %q is missing or wrong", bucket, key)
	}
}

// compare looks at the indexes once the journal is read.
func (v *verification) compare() {
	v.OpenHolds, v.Keys = len(v.holds), len(v.keys)
	if v.last <= v.indexed {
		v.compareOpen()
	}
	v.same(bucketSuites, v.suites)
	v.same(bucketPriors, v.priors)
	keys := map[string][]byte{}
	for id, r := range v.keys {
		sealed, err := sealKey(r)
		if err != nil {
			v.fault("key %q: %v", id, err)
		}
		keys[id] = sealed
	}
	v.same(bucketKeys, keys)
	for _, name := range [][]byte{bucketChanges, bucketImported, bucketDays} {
		if n := v.entries(name); n != v.counts[string(name)] {
			v.fault("index %s: %d entries, the journal has %d", name, n, v.counts[string(name)])
		}
	}
	records := journalOf(v.tx)
	err := v.tx.Bucket(bucketFeedback).ForEach(func(key, at []byte) error {
		f, err := readAt[policy.Feedback](records, at, kindFeedback)
		if err != nil || !bytes.Equal(key, feedbackKey(f.value.ID, f.value.Source)) {
			v.fault("index feedback: the entry %q is wrong", key)
		}
		return nil
	})
	if err != nil {
		v.fault("index feedback: %v", err)
	}
}

// compareOpen compares the holds that are open up to v.indexed with what the index says.
func (v *verification) compareOpen() {
	if open := slices.Sorted(maps.Values(v.holds)); !slices.Equal(open, v.open) {
		v.fault("index of open holds: up to record %d it has %d, the journal has %d", v.indexed, len(v.open), len(open))
	}
}

// same compares a whole index.
func (v *verification) same(bucket []byte, want map[string][]byte) {
	b := v.tx.Bucket(bucket)
	for key, value := range want {
		if !bytes.Equal(b.Get([]byte(key)), value) {
			v.fault("index %s: the entry %q is missing or wrong", bucket, key)
		}
	}
	if n := v.entries(bucket); n != len(want) {
		v.fault("index %s: %d entries, the journal has %d", bucket, n, len(want))
	}
}

func (v *verification) entries(bucket []byte) (n int) {
	c := v.tx.Bucket(bucket).Cursor()
	for key, _ := c.First(); key != nil; key, _ = c.Next() {
		n++
	}
	return n
}

// rowReader goes through the blocks of rows in the order of the journal. What
// comes after the last block lies in memory only, and cannot be wrong.
type rowReader struct {
	cursor *bolt.Cursor
	block  block
	i      int
	fault  error
	ended  bool
}

func newRowReader(tx *bolt.Tx) rowReader {
	r := rowReader{cursor: tx.Bucket(bucketRows).Cursor()}
	key, value := r.cursor.First()
	r.open(key, value)
	return r
}

func (r *rowReader) open(key, value []byte) {
	if r.i, r.ended = 0, key == nil; r.ended {
		return
	}
	if r.block, r.fault = openBlock(value); r.fault == nil && (r.block.n == 0 || !bytes.Equal(key, seqBytes(r.block.seq(r.block.n-1)))) {
		r.fault = fmt.Errorf("%w (a block of rows lies in the wrong place)", errDamaged)
	}
	r.ended = r.fault != nil
}

// next returns the next row, if there is one in a block.
func (r *rowReader) next() (row, bool) {
	if r.ended {
		return row{}, false
	}
	got := r.block.row(r.i)
	if r.i++; r.i == r.block.n {
		key, value := r.cursor.Next()
		r.open(key, value)
	}
	return got, true
}

// err says what was wrong with the blocks, or that they have too many rows.
func (r *rowReader) err() error {
	if r.fault == nil && !r.ended {
		return fmt.Errorf("%w (the index has rows of outcomes that are not there, such as record %d)", errDamaged, r.block.seq(r.i))
	}
	return r.fault
}
