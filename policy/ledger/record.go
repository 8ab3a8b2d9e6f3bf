package ledger

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// kind says what a record of the journal is. Numbers are never used again.
type kind byte

const (
	kindHold         kind = 1  // policy.Hold
	kindOutcome      kind = 2  // policy.Outcome
	kindKeyCreated   kind = 3  // keyRecord
	kindKeyRevoked   kind = 4  // keyRevoked
	kindSuite        kind = 5  // policy.Suite
	kindSuiteDeleted kind = 6  // suiteDeleted
	kindFeedback     kind = 7  // policy.Feedback
	kindKeyChanged   kind = 8  // keyRecord
	kindChange       kind = 9  // policy.Change
	kindImported     kind = 10 // policy.Outcome that was recorded elsewhere; no money of this ledger
	kindPriors       kind = 11 // policy.Priors
	kindDay          kind = 12 // dayRecord
	kindCheckpoint   kind = 13 // checkpoint
	kindRelease      kind = 14 // release
)

// recordVersion is the version of every kind's JSON so far. A field may be added
// without a new version, as long as its absence means what it used to mean.
const recordVersion = 1

// headerSize is the length of a record before its JSON: kind, version, and a
// checksum over sequence number, kind, version and JSON, so that a flipped bit
// or a record in the wrong place is found by whoever reads it.
const headerSize = 1 + 1 + 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// usualSize has room for the record of a plain request.
const usualSize = 768

// newRecord encodes v, leaving the checksum to seal.
func newRecord(k kind, v any) ([]byte, error) {
	return appendRecord(make([]byte, 0, usualSize), k, v)
}

// appendRecord is newRecord in the room behind b.
func appendRecord(b []byte, k kind, v any) ([]byte, error) {
	return encode(append(b, byte(k), recordVersion, 0, 0, 0, 0), v)
}

// seal writes the checksum of a record that will lie at seq.
func seal(seq uint64, record []byte) {
	binary.BigEndian.PutUint32(record[2:], checksum(seq, record))
}

// checksum begins with the sequence number in place of a checksum's usual start.
func checksum(seq uint64, record []byte) uint32 {
	return crc32.Update(crc32.Update(uint32(seq), castagnoli, record[:2]), castagnoli, record[headerSize:])
}

// openRecord checks the record that lies at seq and returns its JSON.
func openRecord(seq uint64, record []byte) (kind, []byte, error) {
	switch {
	case len(record) < headerSize:
		return 0, nil, fmt.Errorf("record %d: %w (%d bytes)", seq, errDamaged, len(record))
	case binary.BigEndian.Uint32(record[2:]) != checksum(seq, record):
		return 0, nil, fmt.Errorf("record %d: %w (its checksum is wrong)", seq, errDamaged)
	case record[1] != recordVersion:
		return 0, nil, fmt.Errorf("record %d: version %d is not known to this drover; use a newer one", seq, record[1])
	}
	k := kind(record[0])
	if k < kindHold || k > kindRelease {
		return 0, nil, fmt.Errorf("record %d: kind %d is not known to this drover; use a newer one", seq, k)
	}
	return k, record[headerSize:], nil
}
