package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	bolt "go.etcd.io/bbolt"

	"github.com/drover-llm/drover/policy"
)

// findReads is how many outcomes one Find reads in vain at most: a tag's bits
// may be those of another.
const findReads = 5000

// Find returns at most limit outcomes that f wants, newest first, from before
// sequence number before, 0 for the end. next continues where it stopped, and is
// 0 at the end; a page may be short, or even empty, before that.
func (l *Ledger) Find(ctx context.Context, f policy.Filter, before uint64, limit int) (entries []policy.Entry, next uint64, err error) {
	if before == 0 {
		before = math.MaxUint64
	}
	s, possible := l.sieve(f)
	if !possible || limit <= 0 {
		return nil, 0, nil
	}
	reads := limit + findReads
	_, tail, first := l.index.snapshot() // before the transaction begins, which has them then
	err = l.view(func(tx *bolt.Tx) error {
		records := journalOf(tx)
		next = 0
		return l.rowsBefore(tx, tail, before, first, &s, func(seq uint64) (more bool, err error) {
			if err := ctx.Err(); err != nil {
				return false, err
			}
			e, err := readEntry(records, seqBytes(seq))
			if errors.Is(err, errGone) && seq >= first {
				return true, nil // forgotten meanwhile
			}
			if err != nil {
				return false, err
			}
			reads--
			if f.Matches(&e.Outcome) {
				entries = append(entries, e)
			}
			if len(entries) == limit || reads == 0 {
				next = seq
				return false, nil
			}
			return true, nil
		})
	})
	if err != nil {
		return nil, 0, fmt.Errorf("finding outcomes: %w", err)
	}
	return entries, next, nil
}

// readEntry reads an outcome of this ledger, or one that was imported.
func readEntry(records *journal, at []byte) (e policy.Entry, err error) {
	if e.Seq, err = readSeq(at); err != nil {
		return e, err
	}
	p, err := records.get(e.Seq)
	if err != nil {
		return e, err
	}
	k, text, err := p.open()
	if err != nil {
		return e, err
	}
	if k != kindOutcome && k != kindImported {
		return e, fmt.Errorf("record %d: %w (kind %d is no outcome)", e.Seq, errDamaged, k)
	}
	e.Imported = k == kindImported
	return e, decode(e.Seq, text, &e.Outcome)
}

// sieve lets rows pass that a filter may want.
type sieve struct {
	names        [4]uint32 // 0: any
	status       uint16    // 0: any
	flags, among byte      // the bits of among must be flags
	tags         uint64
	since, until int64
}

// sieve makes the sieve of f; it is not possible when no row has a name of f's.
func (l *Ledger) sieve(f policy.Filter) (s sieve, possible bool) {
	for i, name := range [4]string{rowKey: f.Key, rowTeam: f.Team, rowRoute: f.Route, rowModel: f.Model} {
		n, known := l.index.number(name)
		if !known {
			return s, false
		}
		s.names[i] = n
	}
	if f.Status < 0 || f.Status > math.MaxUint16 {
		return s, false
	}
	s.status, s.tags = uint16(f.Status), tagBits(f.Tags)
	switch f.Verified {
	case "true":
		s.flags, s.among = rowPassed, rowPassed
	case "false":
		s.flags, s.among = rowFailed, rowFailed
	case "null":
		s.among = rowPassed | rowFailed
	}
	s.since, s.until = math.MinInt64, math.MaxInt64
	if !f.Since.IsZero() {
		s.since = nanoseconds(f.Since)
	}
	if !f.Until.IsZero() {
		s.until = nanoseconds(f.Until)
	}
	return s, true
}

// passes reports whether the filter may want row i of b.
func (s *sieve) passes(b *block, i int) bool {
	le := binary.LittleEndian
	for j, want := range s.names {
		if want != 0 && le.Uint32(b.names[j][4*i:]) != want {
			return false
		}
	}
	if s.status != 0 && le.Uint16(b.statuses[2*i:]) != s.status || b.flags[i]&s.among != s.flags {
		return false
	}
	if s.tags != 0 && le.Uint64(b.tag[8*i:])&s.tags != s.tags {
		return false
	}
	at := int64(le.Uint64(b.ats[8*i:]))
	return at >= s.since && at < s.until
}

// passesRow is passes for a row that has no block yet.
func (s *sieve) passesRow(r *row) bool {
	for j, want := range s.names {
		if want != 0 && r.names[j] != want {
			return false
		}
	}
	return (s.status == 0 || r.status == s.status) && r.flags&s.among == s.flags && r.tags&s.tags == s.tags &&
		r.at >= s.since && r.at < s.until
}

// rowsBefore hands each the places of the rows that pass, the newest first, until
// it wants no more. Those of the tail are at first or later, the others in blocks.
func (l *Ledger) rowsBefore(tx *bolt.Tx, tail []row, before, first uint64, s *sieve, each func(seq uint64) (more bool, err error)) error {
	for i := len(tail) - 1; i >= 0; i-- {
		r := &tail[i]
		if r.seq >= before || !s.passesRow(r) {
			continue
		}
		if more, err := each(r.seq); !more || err != nil {
			return err
		}
	}
	before = min(before, first)
	c := tx.Bucket(bucketRows).Cursor()
	// The block that holds before is the one whose last row is at or after it.
	key, value := c.Seek(seqBytes(before))
	if key == nil {
		key, value = c.Last()
	}
	for ; key != nil; key, value = c.Prev() {
		b, err := l.index.openBlock(key, value)
		if err != nil {
			return err
		}
		if b.latest < s.since || b.earliest >= s.until {
			continue
		}
		for i := b.n - 1; i >= 0; i-- {
			if !s.passes(&b, i) || b.seq(i) >= before {
				continue
			}
			if more, err := each(b.seq(i)); !more || err != nil {
				return err
			}
		}
	}
	return nil
}
