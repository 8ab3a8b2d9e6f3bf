package ledger

import (
	"encoding/binary"
	"slices"

	"github.com/drover-llm/drover/policy"
)

// growth is what one transaction adds to the index. It becomes part of it only
// when the transaction is on disk.
type growth struct {
	x       *index
	names   []string
	rows    []row
	held    map[string]uint64 // holds that it made, but for those that it ended
	ended   map[string]bool   // ids of holds that it ended; true: by an outcome
	flushed bool              // the rows, and those of the tail, went into a block
	drop    map[uint64]uint64 // outcomes that it forgets -> hashes of their ids
}

func newGrowth(x *index) growth {
	return growth{x: x, held: map[string]uint64{}, ended: map[string]bool{}}
}

// holdOf finds the open hold of an id.
func (g *growth) holdOf(id string) (seq uint64, open bool) {
	if seq, open = g.held[id]; open {
		return seq, true
	}
	if _, ended := g.ended[id]; ended {
		return 0, false
	}
	seq, open = g.x.open[id]
	return seq, open
}

// hold takes in the hold at seq.
func (g *growth) hold(id string, seq uint64) { g.held[id] = seq }

// end takes the open hold of an id away.
func (g *growth) end(id string) {
	delete(g.held, id)
	g.ended[id] = false
}

// add takes in the outcome at seq, which ends its hold.
func (g *growth) add(t *tables, seq uint64, k kind, o *policy.Outcome) {
	r := newRow(k, o)
	r.seq, r.id = seq, g.x.hash(o.ID)
	for i, name := range namesOf(o) {
		r.names[i] = g.number(t, name)
	}
	if k == kindOutcome {
		r.held, _ = g.holdOf(o.ID)
		g.end(o.ID)
		g.ended[o.ID] = true
	}
	g.rows = append(g.rows, r)
}

// used says what an id stands for already: ErrHeld, ErrSettled, or nil for nothing.
func (t *tables) used(id string) error {
	if _, open := t.growth.holdOf(id); open {
		return ErrHeld
	}
	if t.growth.ended[id] {
		return ErrSettled
	}
	o, err := t.growth.x.outcome(t.journal, id)
	if o != nil {
		return ErrSettled
	}
	return err
}

// outcome returns the outcome of this id, nil for none.
func (t *tables) outcome(id string) (*policy.Entry, error) {
	g := &t.growth
	if !g.ended[id] {
		return g.x.outcome(t.journal, id)
	}
	var seqs []uint64
	for hash, i := g.x.hash(id), 0; i < len(g.rows); i++ {
		if g.rows[i].id == hash {
			seqs = append(seqs, g.rows[i].seq)
		}
	}
	return outcomeAmong(t.journal, seqs, id)
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

// flush writes a block of all rows that have none, if they are enough.
func (g *growth) flush(t *tables) {
	if len(g.x.tail)+len(g.rows) >= g.x.full && g.drop == nil { // else the next transaction does it
		g.write(t, t.journal.last())
	}
}

// write writes a block of all rows that have none, and the holds that are open. The
// index is made of them when the ledger is opened, and of the journal after through.
func (g *growth) write(t *tables, through uint64) {
	all := slices.Concat(g.x.tail, g.rows)
	t.put(t.tx.Bucket(bucketRows), seqBytes(all[len(all)-1].seq), encodeBlock(all))
	var open []uint64
	for id, seq := range g.x.open {
		if _, ended := g.ended[id]; !ended {
			open = append(open, seq)
		}
	}
	for _, seq := range g.held {
		open = append(open, seq)
	}
	t.putOpen(through, open)
	g.flushed = true
}

// keep makes the growth part of the index.
func (g *growth) keep() {
	x := g.x
	x.mu.Lock()
	defer x.mu.Unlock()
	for id := range g.ended {
		delete(x.open, id)
	}
	for id, seq := range g.held {
		x.open[id] = seq
	}
	for _, name := range g.names {
		x.numbers[name] = uint32(len(x.names))
		x.names = append(x.names, name)
	}
	for _, r := range g.rows {
		if r.flags&rowImported == 0 {
			x.ids.add(r.id, r.seq)
		}
		x.last = r.seq
	}
	switch { // readers may hold the old tail
	case g.flushed:
		x.tail = nil
	case g.drop != nil:
		for seq, hash := range g.drop {
			x.ids.drop(hash, seq)
		}
		x.tail = slices.DeleteFunc(slices.Concat(x.tail, g.rows), func(r row) bool {
			_, gone := g.drop[r.seq]
			return gone
		})
	default:
		x.tail = append(x.tail, g.rows...)
	}
}
