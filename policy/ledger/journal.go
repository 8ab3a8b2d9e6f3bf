package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// errGone is of a record that is not in the journal, though something names it.
var errGone = fmt.Errorf("%w (it is not there)", errDamaged)

func missing(seq uint64) error { return fmt.Errorf("record %d: %w", seq, errGone) }

// journal is the records of a ledger in their order, as one transaction sees them. The
// writer's transaction has one journal, which alone knows what is not flushed yet.
// Nothing else knows how they lie in its bucket: each value has a record or a batch of
// them, and its key is at most the sequence number of the first.
type journal struct {
	bucket *bolt.Bucket

	// What is to be written, by flush and by end.
	given uint64          // last sequence number that was given to a record since; 0: none
	added []placed        // the next batch
	size  int             // bytes in added
	room  []byte          // batches that were flushed, and stay as they are until the end
	taken map[uint64]bool // records to take out, which nobody finds any more
}

func journalOf(tx *bolt.Tx) *journal { return &journal{bucket: tx.Bucket(bucketJournal)} }

// last is the highest sequence number that was given to a record.
func (j *journal) last() uint64 { return max(j.given, j.bucket.Sequence()) }

// placed is a record and its sequence number. It is valid in its transaction.
type placed struct {
	seq    uint64
	record []byte
}

func (p placed) open() (kind, []byte, error) { return openRecord(p.seq, p.record) }

func (p placed) whole() bool {
	_, _, err := p.open()
	return err == nil
}

// get returns the record at seq, or errGone.
func (j *journal) get(seq uint64) (placed, error) {
	if err := j.flush(); err != nil {
		return placed{}, err
	}
	at, value := seekValue(j.bucket.Cursor(), seq)
	if at == nil {
		return placed{}, missing(seq)
	}
	first, err := readSeq(at)
	if err != nil {
		return placed{}, err
	}
	for p, err := range recordsOf(first, value) {
		if err != nil || p.seq == seq && !j.taken[seq] {
			return p, err
		}
	}
	return placed{}, missing(seq)
}

// after yields the records after seq. Some that cannot be found where they should lie
// are an error, after which the next ones come.
func (j *journal) after(seq uint64) iter.Seq2[placed, error] {
	return func(yield func(placed, error) bool) {
		if err := j.flush(); err != nil {
			yield(placed{}, err)
			return
		}
		c := j.bucket.Cursor()
		at, value := seekValue(c, seq)
		if at == nil {
			at, value = c.First()
		}
		for ; at != nil; at, value = c.Next() {
			first, err := readSeq(at)
			if err != nil {
				if !yield(placed{}, err) {
					return
				}
				continue
			}
			for p, err := range recordsOf(first, value) {
				if (err != nil || p.seq > seq && !j.taken[p.seq]) && !yield(p, err) {
					return
				}
			}
		}
	}
}

// seekValue moves c to the value that the record at seq lies in, if there is one; nil:
// all keys are higher.
func seekValue(c *bolt.Cursor, seq uint64) (at, value []byte) {
	key := seqBytes(seq)
	switch at, value = c.Seek(key); {
	case at == nil:
		return c.Last()
	case !bytes.Equal(at, key):
		return c.Prev()
	}
	return at, value
}

// append adds a record at the end, sealed, and returns its sequence number. It must
// stay as it is until the end of the transaction.
func (j *journal) append(record []byte) (seq uint64, err error) {
	seq = j.last() + 1
	seal(seq, record)
	return seq, j.add(placed{seq, record})
}

// add adds a sealed record, whose sequence number is higher than all others.
func (j *journal) add(p placed) error {
	var err error
	if n := len(j.added); n == batchRecords || n > 0 && j.size+frameSize+len(p.record) > batchBytes {
		err = j.flush()
	}
	j.given = p.seq
	j.added, j.size = append(j.added, p), j.size+frameSize+len(p.record)
	return err
}

// remove takes the record at seq out.
func (j *journal) remove(seq uint64) {
	if j.taken == nil {
		j.taken = map[uint64]bool{}
	}
	j.taken[seq] = true
}

// flush brings what was added into the bucket.
func (j *journal) flush() error {
	if len(j.added) > 0 {
		value, first := j.added[0].record, j.added[0].seq
		if len(j.added) > 1 {
			begin := len(j.room)
			j.room = append(j.room, batchMark)
			for _, p := range j.added {
				j.room = appendFrame(j.room, first, p)
			}
			value = j.room[begin:len(j.room):len(j.room)]
		}
		j.added, j.size = j.added[:0], 0
		j.bucket.FillPercent = 1 // it only grows at its end
		if err := errors.Join(j.bucket.SetSequence(j.last()), j.bucket.Put(seqBytes(first), value)); err != nil {
			return err
		}
	}
	return nil
}

// end brings into the bucket what was added and what was taken out. It is the last that
// is asked of a journal: all is looked up before anything changes, since a page that
// deletions emptied hides those before it from a cursor that goes back.
func (j *journal) end() error {
	if err := j.flush(); err != nil {
		return err
	}
	var changed []batch
	for taken := slices.Sorted(maps.Keys(j.taken)); len(taken) > 0; {
		left, n, err := j.without(taken)
		if err != nil {
			return err
		}
		changed, taken = append(changed, left), taken[n:]
	}
	for _, b := range changed {
		var err error
		if len(b.value) > 1 {
			err = j.bucket.Put(b.key, b.value)
		} else {
			err = j.bucket.Delete(b.key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// batch is a value of the journal and its key.
type batch struct{ key, value []byte }

// without is the batch that the first of seqs lies in without those that lie in it,
// which are n.
func (j *journal) without(seqs []uint64) (left batch, n int, err error) {
	at, value := seekValue(j.bucket.Cursor(), seqs[0])
	if at == nil {
		return left, 0, missing(seqs[0])
	}
	first, err := readSeq(at)
	if err != nil {
		return left, 0, err
	}
	left = batch{bytes.Clone(at), []byte{batchMark}}
	for p, err := range recordsOf(first, value) {
		switch {
		case err != nil:
			return left, 0, err
		case n < len(seqs) && p.seq == seqs[n]:
			n++
		default:
			left.value = appendFrame(left.value, first, p)
		}
	}
	if n == 0 {
		err = missing(seqs[0])
	}
	return left, n, err
}
