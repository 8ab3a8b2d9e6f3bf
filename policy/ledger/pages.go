package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"

	bolt "go.etcd.io/bbolt"
)

// bbolt's pages, as far as it takes to walk from one to the next: 16 bytes that say
// which page it is, what lies in it, how many of them, and how many pages it goes on
// for; then elements of 16 bytes.
const (
	pageHeader   = 16
	pageElement  = 16
	branchPage   = 1
	leafPage     = 2
	bucketInLeaf = 1
)

// errTwice is of a page that two others lead to: one of those may be behind it.
var errTwice = errors.New("is used twice")

// pages walks through a file's pages before bbolt does: that follows a page which
// leads back to one before it for ever, and takes memory for as many pages as one
// claims to go on for.
type pages struct {
	file []byte
	size int64 // of a page
	end  uint64
	seen []bool
}

// checkPages finds a page that is used twice, or leads out of the file.
func checkPages(tx *bolt.Tx, f *os.File) error {
	file, err := syscall.Mmap(int(f.Fd()), 0, int(tx.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return err
	}
	defer func() { _ = syscall.Munmap(file) }()
	p := pages{file: file, size: int64(tx.DB().Info().PageSize)}
	p.end = uint64(tx.Size() / p.size)
	p.seen = make([]bool, p.end)
	for i := range int64(2) {
		root := file[i*p.size+pageHeader:]
		if int(binary.NativeEndian.Uint64(root[48:])) == tx.ID() { // else it was written since
			if _, err := p.see(binary.NativeEndian.Uint64(root[32:])); err != nil {
				return err
			}
		}
	}
	return p.walk(uint64(tx.Cursor().Bucket().Root()), true)
}

// see takes in a page with those that it goes on for, and returns it from its header on.
func (p *pages) see(id uint64) ([]byte, error) {
	if id < 2 || id >= p.end {
		return nil, fmt.Errorf("%w (its pages lead to page %d, and it has %d)", errDamaged, id, p.end)
	}
	page := p.file[int64(id)*p.size:]
	last := id + uint64(binary.NativeEndian.Uint32(page[12:]))
	if last >= p.end {
		return nil, fmt.Errorf("%w (page %d claims to go on until page %d, and it has %d)", errDamaged, id, last, p.end)
	}
	for ; id <= last; id++ {
		if p.seen[id] {
			return nil, fmt.Errorf("%w (page %d %w)", errDamaged, id, errTwice)
		}
		p.seen[id] = true
	}
	return page[:int64(1+binary.NativeEndian.Uint32(page[12:]))*p.size], nil
}

// walk goes through the tree below a page; of the tree of buckets, through theirs too.
// Each element has to lie within its page: bbolt's check reads them where a memory
// fault ends the process.
func (p *pages) walk(id uint64, ofBuckets bool) error {
	page, err := p.see(id)
	if err != nil {
		return err
	}
	kind, count := binary.NativeEndian.Uint16(page[8:]), int(binary.NativeEndian.Uint16(page[10:]))
	if kind != branchPage && kind != leafPage || kind == branchPage && count == 0 {
		return fmt.Errorf("%w (page %d is of kind %d, with %d elements)", errDamaged, id, kind, count)
	}
	for i := range count {
		at := pageHeader + i*pageElement
		if at+pageElement > len(page) {
			return fmt.Errorf("%w (page %d claims to have %d elements)", errDamaged, id, count)
		}
		var words [4]int
		for j := range words {
			words[j] = int(binary.NativeEndian.Uint32(page[at+4*j:]))
		}
		if kind == branchPage { // where its key lies, how long that is, and the page below
			if at+words[0]+words[1] > len(page) {
				return fmt.Errorf("%w (element %d of page %d leads out of it)", errDamaged, i, id)
			}
			if err := p.walk(binary.NativeEndian.Uint64(page[at+8:]), ofBuckets); err != nil {
				return err
			}
			continue
		}
		value := at + words[1] + words[2] // flags, where its key lies, how long that is, how long its value is
		if value+words[3] > len(page) {
			return fmt.Errorf("%w (element %d of page %d leads out of it)", errDamaged, i, id)
		}
		if words[0]&bucketInLeaf == 0 {
			continue
		}
		if !ofBuckets || words[3] < pageHeader {
			return fmt.Errorf("%w (element %d of page %d claims to be a bucket)", errDamaged, i, id)
		}
		root := binary.NativeEndian.Uint64(page[value:])
		if root == 0 { // a small bucket lies here, as a page of its own
			inline := page[value+pageHeader : value+words[3]]
			if err := p.checkInline(inline, id); err != nil {
				return err
			}
			continue
		}
		if err := p.walk(root, false); err != nil {
			return err
		}
	}
	return nil
}

// checkInline looks at the elements of a small bucket.
func (p *pages) checkInline(page []byte, id uint64) error {
	fault := fmt.Errorf("%w (a bucket in page %d leads out of it)", errDamaged, id)
	if len(page) < pageHeader || binary.NativeEndian.Uint16(page[8:]) != leafPage {
		return fault
	}
	for i := range int(binary.NativeEndian.Uint16(page[10:])) {
		at := pageHeader + i*pageElement
		if at+pageElement > len(page) {
			return fault
		}
		end := at
		for _, word := range []int{4, 8, 12} {
			end += int(binary.NativeEndian.Uint32(page[at+word:]))
		}
		if end > len(page) || binary.NativeEndian.Uint32(page[at:])&bucketInLeaf != 0 {
			return fault
		}
	}
	return nil
}
