package ledger

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	bolt "go.etcd.io/bbolt"

	"github.com/drover-llm/drover/policy"
)

// index is the part of the rows that is kept in memory: the names that numbers
// stand for, and the rows that have no block yet. The writer alone changes it.
type index struct {
	mu      sync.RWMutex
	names   []string // by number
	numbers map[string]uint32
	tail    []row    // in the order of the journal
	checked sync.Map // keys of blocks whose checksum was right -> the checksum
	last    uint64   // sequence number of the last row of all
	full    int      // blockRows but in tests
}

func newIndex() *index {
	return &index{names: []string{""}, numbers: map[string]uint32{"": 0}, full: blockRows}
}

// load reads the names, and makes the rows after the last block from the journal.
func (x *index) load(tx *bolt.Tx) error {
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
	if err != nil {
		return err
	}
	if last, _ := tx.Bucket(bucketRows).Cursor().Last(); last != nil {
		if x.last, err = readSeq(last); err != nil {
			return err
		}
	}
	for p, err := range journalOf(tx).after(x.last) {
		if err != nil {
			return err
		}
		if len(p.record) > 0 && kind(p.record[0]) != kindOutcome && kind(p.record[0]) != kindImported {
			continue // verify reads them all
		}
		seq := p.seq
		k, text, err := p.open()
		if err != nil {
			return err
		}
		var o policy.Outcome
		if err := decode(seq, text, &o); err != nil {
			return err
		}
		r := newRow(k, &o)
		r.seq = seq
		for i, name := range namesOf(&o) {
			n, known := x.numbers[name]
			if !known {
				return fmt.Errorf("%w (record %d names %q, which is missing from the index; drover ledger verify --repair makes it anew)", errDamaged, seq, name)
			}
			r.names[i] = n
		}
		x.tail, x.last = append(x.tail, r), seq
	}
	return nil
}

// growth is what one transaction adds to the index. It becomes part of it only
// when the transaction is on disk.
type growth struct {
	x       *index
	names   []string
	rows    []row
	flushed int             // rows of the tail that went into blocks
	drop    map[uint64]bool // rows of the tail that are forgotten
}

// add takes in the outcome at seq.
func (g *growth) add(t *tables, seq uint64, k kind, o *policy.Outcome) {
	r := newRow(k, o)
	r.seq = seq
	for i, name := range namesOf(o) {
		r.names[i] = g.number(t, name)
	}
	g.rows = append(g.rows, r)
}

// number is what stands for a name, a new one where it has none.
func (g *growth) number(t *tables, name string) uint32 {
	if n, known := g.x.numbers[name]; known {
		return n
	}
	if i := slices.Index(g.names, name); i >= 0 {
		return uint32(len(g.x.names) + i)
	}
	n := uint32(len(g.x.names) + len(g.names))
	g.names = append(g.names, name)
	names := t.tx.Bucket(bucketNames)
	t.put(names, []byte(name), binary.BigEndian.AppendUint32(nil, n))
	t.keep(names.SetSequence(uint64(n)))
	return n
}

// flush writes the blocks that are full.
func (g *growth) flush(t *tables) {
	n := g.x.full
	if len(g.x.tail)+len(g.rows) < n {
		return
	}
	all := slices.Concat(g.x.tail, g.rows)
	if g.drop != nil {
		return // the next transaction does it
	}
	for ; len(all) >= n; all = all[n:] {
		t.put(t.tx.Bucket(bucketRows), seqBytes(all[n-1].seq), encodeBlock(all[:n]))
		g.flushed += n
	}
}

// keep makes the growth part of the index.
func (g *growth) keep() {
	if len(g.rows) == 0 && len(g.names) == 0 && g.flushed == 0 && g.drop == nil {
		return
	}
	x := g.x
	x.mu.Lock()
	defer x.mu.Unlock()
	if n := len(g.rows); n > 0 {
		x.last = g.rows[n-1].seq
	}
	for _, name := range g.names {
		x.numbers[name] = uint32(len(x.names))
		x.names = append(x.names, name)
	}
	if g.drop != nil {
		x.tail = slices.DeleteFunc(slices.Concat(x.tail, g.rows)[g.flushed:], func(r row) bool { return g.drop[r.seq] })
		return
	}
	if g.flushed == 0 {
		x.tail = append(x.tail, g.rows...)
		return
	}
	// Readers may hold the old one.
	x.tail = slices.Concat(x.tail, g.rows)[g.flushed:]
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
