package ledger

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// sums keep in memory what outcomes came to by day, account, route and model, so
// that sums over a million of them are asked for in no time: the sums of those
// that lie in blocks of rows, and those of days whose outcomes were forgotten. Both
// are made of the file, and made anew where it says otherwise.
type sums struct {
	mu     sync.Mutex
	blocks map[string]uint32 // keys of the blocks that are summed up -> their checksums
	by     map[group]*sum
	days   map[string]forgottenDay // by name
}

// group is what the outcomes of a sum have in common.
type group struct {
	day   int64 // since 1970, UTC
	names [4]uint32
}

// sum is what they came to.
type sum struct {
	cost              pricing.USD
	requests, unknown int64
}

// forgottenDay is a record of the journal, decoded.
type forgottenDay struct {
	at        string // its place
	spendings []policy.Spending
}

const dayLength = int64(24 * time.Hour)

// dayOf is the day that a moment, in nanoseconds since 1970, lies in.
func dayOf(at int64) int64 {
	day := at / dayLength
	if at%dayLength < 0 {
		day--
	}
	return day
}

func (s *sum) add(r *row) {
	cost, err := s.cost.Add(pricing.USD(r.cost))
	if err != nil {
		cost = math.MaxInt64
	}
	s.cost = cost
	s.requests++
	if r.flags&rowUnpriced != 0 {
		s.unknown++
	}
}

// Spendings hands each what requests cost that arrived at since or later, in no
// particular order: what outcomes say, those of whole days summed up by account,
// route and model, and for days whose outcomes were forgotten, the journalled sums.
func (l *Ledger) Spendings(since time.Time, each func(policy.Spending)) error {
	l.sums.mu.Lock()
	defer l.sums.mu.Unlock()
	// The tail is read first: a block that is written meanwhile repeats its rows.
	names, tail, before := l.index.snapshot()
	err := l.view(func(tx *bolt.Tx) error {
		from := nanoseconds(since)
		whole := dayOf(from) // the first day that is asked for from its beginning
		if from > whole*dayLength {
			whole++
		}
		wanted := func(r *row) bool { return r.at >= from && r.seq < before && r.flags&rowImported == 0 }
		for i := range tail {
			if r := &tail[i]; r.at >= from && r.flags&rowImported == 0 {
				each(r.spending(names))
			}
		}
		blocks, err := l.summed(tx, before)
		if err != nil {
			return err
		}
		for _, b := range blocks { // what is not in the sums, and what lies in the day that is cut
			for i := 0; i < b.n && b.latest >= from && (!b.summed || dayOf(b.earliest) < whole); i++ {
				if r := b.row(i); wanted(&r) && (!b.summed || dayOf(r.at) < whole) {
					each(r.spending(names))
				}
			}
		}
		for g, s := range l.sums.by {
			if g.day >= whole {
				each(policy.Spending{
					At: time.Unix(0, 0).UTC().AddDate(0, 0, int(g.day)), Account: policy.Account{Key: names[g.names[rowKey]], Team: names[g.names[rowTeam]]},
					Route: names[g.names[rowRoute]], Model: names[g.names[rowModel]], Cost: s.cost, Requests: s.requests, Unknown: s.unknown,
				})
			}
		}
		return l.forgottenDays(tx, since, each)
	})
	if err != nil {
		return fmt.Errorf("reading what was spent: %w", err)
	}
	return nil
}

// sumUp makes the sums, so that the first who asks need not wait for them. What
// cannot be read is told to whoever asks.
func (l *Ledger) sumUp() {
	_ = l.Spendings(time.Unix(0, math.MaxInt64), func(policy.Spending) {})
}

// summedBlock is a block of rows in its transaction.
type summedBlock struct {
	block
	key      string
	checksum uint32
	summed   bool // its rows are in the sums
}

// summed brings the sums up to the blocks that end before sequence number before.
func (l *Ledger) summed(tx *bolt.Tx, before uint64) (blocks []summedBlock, err error) {
	s, known := &l.sums, 0
	err = tx.Bucket(bucketRows).ForEach(func(key, value []byte) error {
		b, err := l.index.openBlock(key, value)
		if err != nil {
			return err
		}
		one := summedBlock{b, string(key), binary.LittleEndian.Uint32(value), binary.BigEndian.Uint64(key) < before}
		if sum, there := s.blocks[one.key]; there && sum == one.checksum {
			known++
		}
		blocks = append(blocks, one)
		return nil
	})
	if err != nil {
		return nil, err
	}
	in, by := s.blocks, s.by
	if in == nil || known < len(in) { // the first time, or some rows were forgotten
		in, by = map[string]uint32{}, map[group]*sum{}
	}
	s.blocks = nil // should anything break meanwhile, the sums are made anew
	for _, b := range blocks {
		if _, there := in[b.key]; there || !b.summed {
			continue
		}
		for i := range b.n {
			r := b.row(i)
			if r.flags&rowImported != 0 {
				continue
			}
			g := group{dayOf(r.at), r.names}
			into := by[g]
			if into == nil {
				into = new(sum)
				by[g] = into
			}
			into.add(&r)
		}
		in[b.key] = b.checksum
	}
	s.blocks, s.by = in, by
	return blocks, nil
}

// forgottenDays hands each the sums of the days that are forgotten, from that
// of since on.
func (l *Ledger) forgottenDays(tx *bolt.Tx, since time.Time, each func(policy.Spending)) error {
	records, c := journalOf(tx), tx.Bucket(bucketDays).Cursor()
	for day, at := c.Seek([]byte(since.UTC().Format(time.DateOnly))); day != nil; day, at = c.Next() {
		known, there := l.sums.days[string(day)]
		if !there || known.at != string(at) {
			d, err := readAt[dayRecord](records, at, kindDay)
			if err != nil {
				return err
			}
			begin, err := time.Parse(time.DateOnly, string(day))
			if err != nil || d.value.Day != string(day) {
				return fmt.Errorf("record %d: %w (the sums of day %q)", d.seq, errDamaged, day)
			}
			known = forgottenDay{at: string(at)}
			for _, s := range d.value.Sums {
				known.spendings = append(known.spendings, policy.Spending{At: begin, Account: s.Account, Route: s.Route, Model: s.Model, Cost: s.Cost, Requests: s.Requests, Unknown: s.Unknown})
			}
			if l.sums.days == nil {
				l.sums.days = map[string]forgottenDay{}
			}
			l.sums.days[string(day)] = known
		}
		for _, s := range known.spendings {
			each(s)
		}
	}
	return nil
}
