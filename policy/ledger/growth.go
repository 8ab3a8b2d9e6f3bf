package ledger

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/drover-llm/drover/policy"
)

// growth is what one transaction adds to the index. It becomes part of it only
// when the transaction is on disk.
type growth struct {
	x       *index
	names   []string
	rows    []row
	holds   map[string]uint64 // id -> sequence number of a hold that it made, or how it ended one
	flushed bool              // the rows, and those of the tail, went into a block
	drop    map[uint64]uint64 // outcomes that it forgets -> hashes of their ids
}

// How a hold was ended, in place of its sequence number.
const (
	released uint64 = 0
	settled  uint64 = math.MaxUint64
)

// spare is the room that one transaction of the writer leaves to the next.
type spare struct {
	holds map[string]uint64
	rows  []row
	added []placed
	room  []byte
}

// begin gives t the room of the transaction before it, unless that was a large one.
func (s *spare) begin(t *tables, x *index) {
	if s.holds == nil || len(s.holds) > queueLength || len(s.rows) > queueLength || len(s.room) > queueLength*usualSize {
		*s = spare{holds: map[string]uint64{}}
	}
	clear(s.holds)
	t.growth = growth{x: x, holds: s.holds, rows: s.rows[:0]}
	t.journal.added, t.journal.room = s.added[:0], s.room[:0]
}

// end takes the room back, once the transaction is over.
func (s *spare) end(t *tables) {
	*s = spare{holds: t.growth.holds, rows: t.growth.rows, added: t.journal.added, room: t.journal.room}
}

// holdOf finds the open hold of an id.
func (g *growth) holdOf(id string) (seq uint64, open bool) {
	if seq, changed := g.holds[id]; changed {
		return seq, seq != released && seq != settled
	}
	seq, open = g.x.open[id]
	return seq, open
}

// hold takes in the hold at seq.
func (g *growth) hold(id string, seq uint64) { g.holds[id] = seq }

// release takes the open hold of an id away.
func (g *growth) release(id string) { g.holds[id] = released }

// settle takes in the outcome at seq, which ends its hold; held is 0 where that was lost.
func (g *growth) settle(t *tables, seq, held uint64, o *policy.Outcome) {
	g.add(t, seq, kindOutcome, held, o)
	g.holds[o.ID] = settled
}

// add takes in the row of an outcome.
func (g *growth) add(t *tables, seq uint64, k kind, held uint64, o *policy.Outcome) {
	r := newRow(k, o)
	r.seq, r.id, r.held = seq, g.x.hash(o.ID), held
	for i, name := range namesOf(o) {
		r.names[i] = g.number(t, name)
	}
	g.rows = append(g.rows, r)
}

// used says what an id stands for already: ErrHeld, ErrSettled, or nil for nothing.
func (t *tables) used(id string) error {
	switch seq, open := t.growth.holdOf(id); {
	case open:
		return ErrHeld
	case seq == settled:
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
	if g.holds[id] != settled {
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
		if _, changed := g.holds[id]; !changed {
			open = append(open, seq)
		}
	}
	for _, seq := range g.holds {
		if seq != released && seq != settled {
			open = append(open, seq)
		}
	}
	t.putOpen(through, open)
	g.flushed = true
}

// keep makes the growth part of the index.
func (g *growth) keep() {
	x := g.x
	x.mu.Lock()
	defer x.mu.Unlock()
	for id, seq := range g.holds {
		if seq == released || seq == settled {
			delete(x.open, id)
		} else {
			x.open[id] = seq
		}
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
		x.tail = make([]row, 0, x.full)
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
