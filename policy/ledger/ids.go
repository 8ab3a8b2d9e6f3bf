package ledger

import "github.com/cespare/xxhash/v2"

// idHash is the hash of an id that lies in the rows.
func idHash(id string) uint64 { return xxhash.Sum64String(id) }

// ids finds outcomes by the hash of their id, in memory: about 40 bytes for each. Two ids
// may have the same.
type ids struct {
	first map[uint64]uint64   // hash -> sequence number of an outcome
	more  map[uint64][]uint64 // hash -> those of further outcomes
	count int
}

func newIDs(room int) ids {
	return ids{first: make(map[uint64]uint64, room), more: map[uint64][]uint64{}}
}

func (s *ids) add(hash, seq uint64) {
	s.count++
	if _, taken := s.first[hash]; taken {
		s.more[hash] = append(s.more[hash], seq)
		return
	}
	s.first[hash] = seq
}

// with returns the outcomes whose id has this hash.
func (s *ids) with(hash uint64) (seqs []uint64) {
	first, there := s.first[hash]
	if !there {
		return nil
	}
	return append([]uint64{first}, s.more[hash]...)
}

// drop takes an outcome out, if it is there.
func (s *ids) drop(hash, seq uint64) {
	left := s.with(hash)
	s.count -= len(left)
	delete(s.first, hash)
	delete(s.more, hash)
	for _, other := range left {
		if other != seq {
			s.add(hash, other)
		}
	}
}
