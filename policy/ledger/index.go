package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	bolt "go.etcd.io/bbolt"

	"github.com/drover-llm/drover/policy"
)

// index is what is kept in memory of holds and outcomes: which holds are open, where
// the outcome of an id is, the names that numbers stand for in rows, and the rows that
// have no block yet. The writer alone changes it.
type index struct {
	mu      sync.RWMutex
	names   []string // by number
	numbers map[string]uint32
	tail    []row             // in the order of the journal
	open    map[string]uint64 // id of an open hold -> sequence number
	ids     ids               // outcomes but for imported ones
	checked sync.Map          // keys of blocks whose checksum was right -> the checksum
	last    uint64            // sequence number of the last row of all
	full    int               // blockRows but in tests
	hash    func(id string) uint64
	spare   spare
}

func newIndex(hash func(id string) uint64) *index {
	return &index{
		names: []string{""}, numbers: map[string]uint32{"": 0}, open: map[string]uint64{}, ids: newIDs(0),
		full: blockRows, hash: hash,
	}
}

// load reads the names, the ids in the blocks of rows and the holds that were open when
// the last of them was written, and makes the rest from the journal behind it.
func (x *index) load(tx *bolt.Tx) error {
	if err := x.loadNames(tx); err != nil {
		return err
	}
	if err := x.loadIDs(tx); err != nil {
		return err
	}
	records := journalOf(tx)
	through, held, err := readOpen(tx)
	if err != nil {
		return err
	}
	if x.last > through {
		return fmt.Errorf("%w (its list of open holds is missing; drover ledger verify --repair makes it anew)", errDamaged)
	}
	for _, seq := range held {
		h, err := readAt[policy.Hold](records, seqBytes(seq), kindHold)
		if err != nil {
			return err
		}
		x.open[h.value.ID] = seq
	}
	for p, err := range records.after(through) {
		if err == nil {
			err = x.take(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// loadNames reads what stands for names in rows.
func (x *index) loadNames(tx *bolt.Tx) error {
	names := tx.Bucket(bucketNames)
	count := uint64(1)
	err := names.ForEach(func(_, _ []byte) error { count++; return nil })
	if err == nil && count != names.Sequence()+1 { // which a flipped bit makes huge
		err = fmt.Errorf("%w (its index has %d names, and counts %d; drover ledger verify --repair makes it anew)", errDamaged, count-1, names.Sequence())
	}
	if err != nil {
		return err
	}
	x.names = make([]string, count)
	err = names.ForEach(func(name, number []byte) error {
		n := len(x.names)
		if len(number) == 4 {
			n = int(binary.BigEndian.Uint32(number))
		}
		if n == 0 || n >= len(x.names) || x.names[n] != "" {
			return fmt.Errorf("%w (the number of the name %q is wrong; drover ledger verify --repair makes it anew)", errDamaged, name)
		}
		x.names[n], x.numbers[string(name)] = string(name), uint32(n)
		return nil
	})
	if err == nil && len(x.numbers) != len(x.names) {
		err = fmt.Errorf("%w (names are missing from its index; drover ledger verify --repair makes it anew)", errDamaged)
	}
	return err
}

// loadIDs reads the hashes of ids in the blocks.
func (x *index) loadIDs(tx *bolt.Tx) error {
	rows, room := tx.Bucket(bucketRows), 0
	err := rows.ForEach(func(key, value []byte) (err error) {
		b, err := x.openBlock(key, value)
		if err == nil {
			x.last, err = readSeq(key)
		}
		room += b.n
		return err
	})
	if err != nil {
		return err
	}
	x.ids = newIDs(room)
	return rows.ForEach(func(_, value []byte) error {
		b, err := columns(value)
		for i := range b.n {
			if b.flags[i]&rowImported == 0 {
				x.ids.add(b.id(i), b.seq(i))
			}
		}
		return err
	})
}

// take takes in a record that lies behind the last block of rows.
func (x *index) take(p placed) error {
	k, text, err := p.open()
	if err != nil {
		return err
	}
	switch k {
	case kindHold:
		var h policy.Hold
		if err := decode(p.seq, text, &h); err != nil {
			return err
		}
		x.open[h.ID] = p.seq
	case kindRelease:
		var r release
		if err := decode(p.seq, text, &r); err != nil {
			return err
		}
		delete(x.open, r.ID)
	case kindOutcome, kindImported:
		var o policy.Outcome
		if err := decode(p.seq, text, &o); err != nil {
			return err
		}
		r := newRow(k, &o)
		r.seq, r.id = p.seq, x.hash(o.ID)
		for i, name := range namesOf(&o) {
			n, known := x.numbers[name]
			if !known {
				return fmt.Errorf("%w (record %d names %q, which is missing from the index; drover ledger verify --repair makes it anew)", errDamaged, p.seq, name)
			}
			r.names[i] = n
		}
		if k == kindOutcome {
			r.held = x.open[o.ID]
			delete(x.open, o.ID)
			x.ids.add(r.id, r.seq)
		}
		x.tail, x.last = append(x.tail, r), r.seq
	}
	return nil
}

// len is the number of outcomes of this ledger.
func (x *index) len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.ids.count
}

// openHolds are the places of those, in their order.
func (x *index) openHolds() []uint64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.Sorted(maps.Values(x.open))
}

// outcome returns the outcome of this id, nil for none.
func (x *index) outcome(records *journal, id string) (*policy.Entry, error) {
	hash := x.hash(id)
	x.mu.RLock()
	seqs := x.ids.with(hash)
	x.mu.RUnlock()
	return outcomeAmong(records, seqs, id)
}

// outcomeAmong returns the one of this id, nil for none. One that is not there was
// forgotten since.
func outcomeAmong(records *journal, seqs []uint64, id string) (*policy.Entry, error) {
	for _, seq := range seqs {
		switch e, err := readEntry(records, seqBytes(seq)); {
		case errors.Is(err, errGone):
		case err != nil:
			return nil, err
		case e.Outcome.ID == id:
			return &e, nil
		}
	}
	return nil, nil
}

// snapshot is what readers work with; nobody changes it. What lies in blocks, and
// neither in the tail nor added later, is before sequence number before.
func (x *index) snapshot() (names []string, tail []row, before uint64) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	before = x.last + 1
	if len(x.tail) > 0 {
		before = x.tail[0].seq
	}
	return x.names[:len(x.names):len(x.names)], x.tail[:len(x.tail):len(x.tail)], before
}

// number finds what stands for a name; unknown: no row has it.
func (x *index) number(name string) (n uint32, known bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	n, known = x.numbers[name]
	return n, known
}
