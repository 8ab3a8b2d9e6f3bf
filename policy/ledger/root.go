package ledger

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"

	bolt "go.etcd.io/bbolt"
)

// Where bbolt keeps its two roots: after the header of each of the first two
// pages lie 56 bytes and their FNV-1a checksum.
const (
	rootHeader = 16
	rootLength = 56
)

// checkRoots looks at both roots of a file. bbolt writes them in turn, and takes
// the other without a word when one is damaged: then the last transaction, which
// somebody was told is on disk, would be gone. A root fits into one sector, so a
// loss of power does not tear it.
func checkRoots(f io.ReaderAt) error {
	var size [4]byte
	if _, err := f.ReadAt(size[:], rootHeader+8); err != nil {
		return err
	}
	page := int64(binary.NativeEndian.Uint32(size[:]))
	for i, at := range []int64{0, page} {
		var root [rootLength + 8]byte
		if _, err := f.ReadAt(root[:], at+rootHeader); err != nil {
			return fmt.Errorf("%w (root %d cannot be read: %w)", errDamaged, i, err)
		}
		sum := fnv.New64a()
		sum.Write(root[:rootLength])
		if binary.NativeEndian.Uint64(root[rootLength:]) != sum.Sum64() {
			return fmt.Errorf("%w (one of its two roots is damaged, so that the last transaction may be lost)", errDamaged)
		}
	}
	return nil
}

// readNumbers are what stands for names in rows; it is 0 where there is none.
func readNumbers(tx *bolt.Tx) map[string]uint32 {
	numbers := map[string]uint32{}
	_ = tx.Bucket(bucketNames).ForEach(func(name, number []byte) error {
		if len(number) == 4 {
			numbers[string(name)] = binary.BigEndian.Uint32(number)
		}
		return nil
	})
	return numbers
}
