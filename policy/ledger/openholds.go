package ledger

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// The holds that were open when the last block of rows was written lie in one value:
// a checksum, the record up to which they were, and their sequence numbers, in order.
const (
	openSum    = 4
	openHeader = openSum + 8
)

// putOpen writes them.
func (t *tables) putOpen(through uint64, holds []uint64) {
	slices.Sort(holds)
	value := binary.BigEndian.AppendUint64(make([]byte, openSum, openHeader+8*len(holds)), through)
	for _, seq := range holds {
		value = binary.BigEndian.AppendUint64(value, seq)
	}
	binary.BigEndian.PutUint32(value, crc32.Checksum(value[openSum:], castagnoli))
	t.put(t.tx.Bucket(bucketMeta), metaOpen, value)
}

// readOpen reads them; before the first block there are none, up to record 0.
func readOpen(tx *bolt.Tx) (through uint64, holds []uint64, err error) {
	value := tx.Bucket(bucketMeta).Get(metaOpen)
	switch {
	case value == nil:
		return 0, nil, nil
	case len(value) < openHeader || len(value)%8 != openHeader%8 || binary.BigEndian.Uint32(value) != crc32.Checksum(value[openSum:], castagnoli):
		return 0, nil, fmt.Errorf("%w (its list of open holds is not as it was written; drover ledger verify --repair makes it anew)", errDamaged)
	}
	for at := openHeader; at < len(value); at += 8 {
		holds = append(holds, binary.BigEndian.Uint64(value[at:]))
	}
	return binary.BigEndian.Uint64(value[openSum:]), holds, nil
}

// dropHolds takes holds that are forgotten out of the list. They were ended since it
// was written.
func (t *tables) dropHolds(gone []uint64) error {
	through, holds, err := readOpen(t.tx)
	if err != nil {
		return err
	}
	n := len(holds)
	holds = slices.DeleteFunc(holds, func(seq uint64) bool { return slices.Contains(gone, seq) })
	if len(holds) < n {
		t.putOpen(through, holds)
	}
	return nil
}
