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

// checkRoom finds pages that claim to go on for more pages than the file has.
func checkRoom(tx *bolt.Tx, f io.ReaderAt) error {
	s := tx.Cursor().Bucket().Stats() // of all buckets
	pageSize := int64(tx.DB().Info().PageSize)
	claimed := int64(s.BranchPageN+s.LeafPageN) + int64(s.BranchOverflowN) + int64(s.LeafOverflowN)
	for i := range int64(2) {
		var root [rootLength]byte
		if _, err := f.ReadAt(root[:], i*pageSize+rootHeader); err != nil {
			return err
		}
		if int(binary.NativeEndian.Uint64(root[48:])) != tx.ID() {
			continue
		}
		var freelist [16]byte
		if at := binary.NativeEndian.Uint64(root[32:]); at < uint64(tx.Size()/pageSize) {
			if _, err := f.ReadAt(freelist[:], int64(at)*pageSize); err != nil {
				return err
			}
		}
		claimed += int64(binary.NativeEndian.Uint32(freelist[12:]))
	}
	if claimed > tx.Size()/pageSize {
		return fmt.Errorf("%w (its pages claim to go on for %d pages, and it has %d)", errDamaged, claimed, tx.Size()/pageSize)
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
