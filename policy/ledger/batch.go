package ledger

import (
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
)

// A batch is one value of the journal with the records of a commit: bbolt takes
// several microseconds for a value, whatever its size. It begins with a byte that is no
// kind of record. Then, for each record, how far its sequence number lies behind the
// key of the batch, its length, both as varints, and the record itself. So each is
// found by itself where a bit is flipped in one before it. A commit of one record
// needs no batch; its value is the record.
const batchMark = 0xff

// Limits of a batch. bbolt puts two values at least onto a page and writes the last page
// anew with each commit: two such batches fill one of 4096 bytes. Larger ones would take
// runs of pages, of which some remain free, and a list of those is written each time.
const (
	batchRecords = 128
	batchBytes   = 2000
	frameSize    = 4 // at most, but where much was taken out before a record
)

// appendFrame adds a record to the batch at key first.
func appendFrame(batch []byte, first uint64, p placed) []byte {
	batch = binary.AppendUvarint(batch, p.seq-first)
	batch = binary.AppendUvarint(batch, uint64(len(p.record)))
	return append(batch, p.record...)
}

// readFrame reads what appendFrame added, and returns what comes after it.
func readFrame(first uint64, batch []byte) (p placed, rest []byte, ok bool) {
	behind, n := binary.Uvarint(batch)
	if n <= 0 {
		return p, nil, false
	}
	length, m := binary.Uvarint(batch[n:])
	if batch = batch[n+max(m, 0):]; m <= 0 || length > uint64(len(batch)) {
		return p, nil, false
	}
	return placed{first + behind, batch[:length:length]}, batch[length:], true
}

// recordsOf yields the records of the value at a key of the journal. Where one does
// not end within its batch, that is the last of them, with an error.
func recordsOf(first uint64, value []byte) iter.Seq2[placed, error] {
	return func(yield func(placed, error) bool) {
		if len(value) == 0 || value[0] != batchMark {
			yield(placed{first, value}, nil)
			return
		}
		last := first
		for rest := value[1:]; len(rest) > 0; {
			p, after, ok := readFrame(first, rest)
			if !ok {
				yield(placed{}, fmt.Errorf("record %d and what lies behind it: %w (their batch is damaged)", last, errDamaged))
				return
			}
			if !yield(p, nil) {
				return
			}
			last, rest = p.seq, after
		}
	}
}

// salvaged returns the records of the value at a key that are whole, whatever lies
// between them, and the sequence numbers of damaged ones, as far as they can be told.
// A record begins with a byte that no JSON contains, so none is found within another.
func salvaged(first uint64, value []byte) (whole []placed, damaged []uint64) {
	if alone := (placed{first, value}); alone.whole() {
		return []placed{alone}, nil
	}
	for rest := value[min(1, len(value)):]; len(rest) > 0; {
		p, after, ok := readFrame(first, rest)
		if ok = ok && len(p.record) >= headerSize && kind(p.record[0]) <= kindRelease && p.record[1] == recordVersion; ok && p.whole() {
			whole, rest = append(whole, p), after
			continue
		}
		if ok {
			damaged = append(damaged, p.seq)
		}
		rest = rest[1:]
	}
	if len(whole) == 0 && (len(value) == 0 || value[0] != batchMark) {
		damaged = []uint64{first}
	}
	for _, p := range whole {
		damaged = slices.DeleteFunc(damaged, func(seq uint64) bool { return seq == p.seq })
	}
	return whole, damaged
}
