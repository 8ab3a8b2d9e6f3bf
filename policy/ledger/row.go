package ledger

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// row is what queries and budgets ask of an outcome, in few bytes.
type row struct {
	seq    uint64
	id     uint64 // hash of the outcome's id
	held   uint64 // sequence number of its hold; 0 where that was lost, and of what was imported
	at     int64  // nanoseconds since 1970
	cost   int64  // pricing.USD
	tags   uint64 // a Bloom filter of the tags
	names  [4]uint32
	status uint16
	flags  byte
}

// Places in row.names. The numbers stand for names; 0 stands for none.
const (
	rowKey = iota
	rowTeam
	rowRoute
	rowModel
)

// Bits of row.flags.
const (
	rowPassed   = 1 << iota // the answer passed its tests
	rowFailed               // it failed them
	rowUnpriced             // its cost is not known, and 0 here
	rowImported             // it was recorded elsewhere
)

// newRow is the row of an outcome, but for its numbers, its names and the hash of its id.
func newRow(k kind, o *policy.Outcome) row {
	r := row{at: nanoseconds(o.At), tags: tagBits(o.Tags), status: uint16(min(max(o.Status, 0), math.MaxUint16))}
	switch o.VerifiedWord() {
	case "true":
		r.flags |= rowPassed
	case "false":
		r.flags |= rowFailed
	}
	if k == kindImported {
		r.flags |= rowImported
	}
	if o.Cost == nil {
		r.flags |= rowUnpriced
	} else {
		r.cost = int64(*o.Cost)
	}
	return r
}

// nanoseconds since 1970, as near as they can be told: from 1678 until 2262.
func nanoseconds(t time.Time) int64 {
	switch {
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	}
	return t.UnixNano()
}

// namesOf are the names that a row has numbers for.
func namesOf(o *policy.Outcome) [4]string {
	return [4]string{rowKey: o.Account.Key, rowTeam: o.Account.Team, rowRoute: o.Route, rowModel: o.Model}
}

// tagBits sets four bits for each tag: of up to eight tags, one in forty passes for
// another at most.
func tagBits(tags map[string]string) (bits uint64) {
	for name, value := range tags {
		h := 31*xxhash.Sum64String(name) + xxhash.Sum64String(value)
		bits |= 1<<(h&63) | 1<<(h>>6&63) | 1<<(h>>12&63) | 1<<(h>>18&63)
	}
	return bits
}

// blockRows is how many rows lie together. The rows after the last block are
// made anew from the journal when it is opened.
const blockRows = 4096

const (
	blockHeader = 4 + 4 + 8 + 8 // checksum, number of rows, earliest and latest time
	rowSize     = 6*8 + 4*4 + 2 + 1
)

// block is rows as they lie in the file: column by column, so that a query reads
// only those that it asks for.
type block struct {
	n                     int
	earliest, latest      int64
	seqs, ats, costs, tag []byte
	ids, helds            []byte
	names                 [4][]byte
	statuses, flags       []byte
}

// encodeBlock lays rows out.
func encodeBlock(rows []row) []byte {
	le := binary.LittleEndian
	b := make([]byte, 4, blockHeader+rowSize*len(rows))
	b = le.AppendUint32(b, uint32(len(rows)))
	earliest, latest := int64(math.MaxInt64), int64(math.MinInt64)
	for _, r := range rows {
		earliest, latest = min(earliest, r.at), max(latest, r.at)
	}
	b = le.AppendUint64(le.AppendUint64(b, uint64(earliest)), uint64(latest))
	for _, r := range rows {
		b = le.AppendUint64(b, r.seq)
	}
	for _, r := range rows {
		b = le.AppendUint64(b, uint64(r.at))
	}
	for _, r := range rows {
		b = le.AppendUint64(b, uint64(r.cost))
	}
	for _, r := range rows {
		b = le.AppendUint64(b, r.tags)
	}
	for _, r := range rows {
		b = le.AppendUint64(b, r.id)
	}
	for _, r := range rows {
		b = le.AppendUint64(b, r.held)
	}
	for i := range 4 {
		for _, r := range rows {
			b = le.AppendUint32(b, r.names[i])
		}
	}
	for _, r := range rows {
		b = le.AppendUint16(b, r.status)
	}
	for _, r := range rows {
		b = append(b, r.flags)
	}
	le.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
	return b
}

// openBlock checks a block and finds its columns. They lie in value.
func openBlock(value []byte) (b block, err error) {
	if len(value) < blockHeader || binary.LittleEndian.Uint32(value) != crc32.Checksum(value[4:], castagnoli) {
		return b, fmt.Errorf("%w (the checksum of an index's block is wrong; drover ledger verify --repair makes it anew)", errDamaged)
	}
	return columns(value)
}

// openBlock is openBlock for a block that is read again and again: its checksum is
// looked at once, since a query touches few of its columns.
func (x *index) openBlock(key, value []byte) (block, error) {
	if len(value) < blockHeader {
		return openBlock(value)
	}
	sum := binary.LittleEndian.Uint32(value)
	if known, ok := x.checked.Load(string(key)); ok && known == sum {
		return columns(value)
	}
	b, err := openBlock(value)
	if err == nil {
		x.checked.Store(string(key), sum)
	}
	return b, err
}

// columns finds the columns of a block.
func columns(value []byte) (b block, err error) {
	le := binary.LittleEndian
	b.n = int(le.Uint32(value[4:]))
	if len(value) != blockHeader+b.n*rowSize {
		return b, fmt.Errorf("%w (an index's block of %d rows has %d bytes)", errDamaged, b.n, len(value))
	}
	b.earliest, b.latest = int64(le.Uint64(value[8:])), int64(le.Uint64(value[16:]))
	rest := value[blockHeader:]
	column := func(size int) (c []byte) {
		c, rest = rest[:size*b.n], rest[size*b.n:]
		return c
	}
	b.seqs, b.ats, b.costs, b.tag = column(8), column(8), column(8), column(8)
	b.ids, b.helds = column(8), column(8)
	for i := range b.names {
		b.names[i] = column(4)
	}
	b.statuses, b.flags = column(2), column(1)
	return b, nil
}

// row puts the columns of row i together.
func (b *block) row(i int) row {
	le := binary.LittleEndian
	r := row{
		seq: b.seq(i), id: b.id(i), held: le.Uint64(b.helds[8*i:]), at: int64(le.Uint64(b.ats[8*i:])), cost: int64(le.Uint64(b.costs[8*i:])), tags: le.Uint64(b.tag[8*i:]),
		status: le.Uint16(b.statuses[2*i:]), flags: b.flags[i],
	}
	for j := range r.names {
		r.names[j] = le.Uint32(b.names[j][4*i:])
	}
	return r
}

func (b *block) seq(i int) uint64 { return binary.LittleEndian.Uint64(b.seqs[8*i:]) }
func (b *block) id(i int) uint64  { return binary.LittleEndian.Uint64(b.ids[8*i:]) }

// spending is the row as the book sees it.
func (r *row) spending(names []string) policy.Spending {
	s := policy.Spending{
		At:      time.Unix(0, r.at).UTC(),
		Account: policy.Account{Key: names[r.names[rowKey]], Team: names[r.names[rowTeam]]},
		Route:   names[r.names[rowRoute]], Model: names[r.names[rowModel]], Cost: pricing.USD(r.cost), Requests: 1,
	}
	if r.flags&rowUnpriced != 0 {
		s.Unknown = 1
	}
	return s
}
