package ledger

import (
	"fmt"
	"iter"

	bolt "go.etcd.io/bbolt"
)

// errGone is of a record that is not in the journal, though something names it.
var errGone = fmt.Errorf("%w (it is not there)", errDamaged)

// journal is the records of a ledger in their order, as one transaction sees them.
// Nothing else knows how they lie in the file.
type journal struct{ bucket *bolt.Bucket }

func journalOf(tx *bolt.Tx) *journal { return &journal{bucket: tx.Bucket(bucketJournal)} }

// last is the highest sequence number that was given to a record.
func (j *journal) last() uint64 { return j.bucket.Sequence() }

// placed is a record and its sequence number. It is valid in its transaction.
type placed struct {
	seq    uint64
	record []byte
}

func (p placed) open() (kind, []byte, error) { return openRecord(p.seq, p.record) }

// get returns the record at seq, or errGone.
func (j *journal) get(seq uint64) (p placed, err error) {
	record := j.bucket.Get(seqBytes(seq))
	if record == nil {
		return p, fmt.Errorf("record %d: %w", seq, errGone)
	}
	return placed{seq, record}, nil
}

// after yields the records after seq. One that cannot be found where it should lie is
// an error, after which the next ones come.
func (j *journal) after(seq uint64) iter.Seq2[placed, error] {
	return func(yield func(placed, error) bool) {
		if seq+1 == 0 {
			return
		}
		c := j.bucket.Cursor()
		for at, record := c.Seek(seqBytes(seq + 1)); at != nil; at, record = c.Next() {
			seq, err := readSeq(at)
			if !yield(placed{seq, record}, err) {
				return
			}
		}
	}
}

// append adds a record at the end, sealed, and returns its sequence number.
func (j *journal) append(record []byte) (uint64, error) {
	seq, err := j.bucket.NextSequence()
	if err != nil {
		return 0, err
	}
	seal(seq, record)
	return seq, j.put(seq, record)
}

// put adds a sealed record at seq, which is after all others.
func (j *journal) put(seq uint64, record []byte) error {
	j.bucket.FillPercent = 1 // it only grows at its end
	return j.bucket.Put(seqBytes(seq), record)
}

// remove takes the record at seq out.
func (j *journal) remove(seq uint64) error { return j.bucket.Delete(seqBytes(seq)) }
