package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"

	bolt "go.etcd.io/bbolt"
)

// Buckets of format 4. Sequence numbers are 8 bytes, big endian.
var (
	bucketMeta     = []byte("meta")     // see the keys below
	bucketJournal  = []byte("journal")  // sequence number -> record, or batch of them
	bucketKeys     = []byte("keys")     // id of a key -> keyRecord as it is now, sealed
	bucketSuites   = []byte("suites")   // owner, 0, id of a suite -> sequence number
	bucketFeedback = []byte("feedback") // id of an outcome, 0, source -> sequence number of its last word
	bucketChanges  = []byte("changes")  // sequence numbers of what administrators did
	bucketImported = []byte("imported") // id of an outcome recorded elsewhere -> sequence number
	bucketPriors   = []byte("priors")   // name of priors -> sequence number of their last version
	bucketDays     = []byte("days")     // day -> sequence number of its record
	bucketRows     = []byte("rows")     // last sequence number of a block -> block of rows
	bucketNames    = []byte("names")    // name -> number that stands for it in rows
)

// Buckets that ended with format 3.
var (
	bucketHolds    = []byte("holds")    // id of an open hold -> sequence number
	bucketOutcomes = []byte("outcomes") // id of an outcome -> its sequence number, and that of its hold
)

// buckets are all of format 4.
var buckets = [][]byte{
	bucketMeta, bucketJournal, bucketKeys, bucketSuites, bucketFeedback,
	bucketChanges, bucketImported, bucketPriors, bucketDays, bucketRows, bucketNames,
}

// Keys of the meta bucket.
var (
	metaApplication = []byte("application") // always applicationName
	metaFormat      = []byte("format")      // decimal number
	metaPepper      = []byte("pepper")      // secret that keys are hashed with, and its checksum
	metaCheckpoint  = []byte("checkpoint")  // sequence number of the last checkpoint; absent before the first
	metaRemoved     = []byte("removed")     // how many records are gone from the journal
	metaBase        = []byte("base")        // sequence number of the last one that outcomes were forgotten at
	metaOpen        = []byte("open")        // holds that were open when the last block of rows was written; absent before the first
)

const (
	applicationName = "drover ledger"
	pepperSize      = 32 // bytes
)

// A migration takes a file from one format to the next, inside the transaction
// in which all of them run.
type migration func(*bolt.Tx) error

// migrations[i] leads from format i+1 to i+2. The format that this code writes
// is the one after the last. A new kind of record is a new format too: code that
// does not know it cannot tell what it means for money.
var migrations = []migration{
	// Format 2 brought suites and feedback.
	func(tx *bolt.Tx) error { return createBuckets(tx, bucketSuites, bucketFeedback) },
	// Format 3 brought changes to keys, imports, daily totals and the index of
	// rows, and seals what has no place in the journal.
	toFormat3,
	// Format 4 brought batches of records, and took the indexes of holds and of
	// outcomes into the rows.
	toFormat4,
}

// toFormat3 seals the pepper. The indexes that it brought are made by toFormat4.
func toFormat3(tx *bolt.Tx) error {
	meta := tx.Bucket(bucketMeta)
	pepper := bytes.Clone(meta.Get(metaPepper))
	if len(pepper) != pepperSize {
		return fmt.Errorf("%w (its pepper has %d bytes)", errDamaged, len(pepper))
	}
	return meta.Put(metaPepper, sealPepper(pepper))
}

// toFormat4 leaves the journal as it is, and makes all indexes of it.
func toFormat4(tx *bolt.Tx) error {
	for _, name := range [][]byte{bucketHolds, bucketOutcomes} {
		if err := tx.DeleteBucket(name); err != nil && tx.Bucket(name) != nil {
			return err
		}
	}
	return indexAnew(tx)
}

// sealPepper is the pepper with its checksum: a flipped bit in it would close
// every door.
func sealPepper(pepper []byte) []byte {
	return binary.BigEndian.AppendUint32(bytes.Clone(pepper), crc32.Checksum(pepper, castagnoli))
}

// readPepper returns a copy of the pepper.
func readPepper(tx *bolt.Tx) ([]byte, error) {
	sealed := bytes.Clone(tx.Bucket(bucketMeta).Get(metaPepper))
	if len(sealed) != pepperSize+4 || !bytes.Equal(sealed, sealPepper(sealed[:pepperSize])) {
		return nil, fmt.Errorf("%w (the secret that keys are hashed with is not as it was written)", errDamaged)
	}
	return sealed[:pepperSize], nil
}

// upgrade brings db to the format after the last of steps: a file without any
// bucket is laid out, an older format is migrated, all or nothing.
func upgrade(db *bolt.DB, steps []migration, o Options) error {
	target := len(steps) + 1
	var format int
	err := db.View(func(tx *bolt.Tx) (err error) {
		format, err = readFormat(tx)
		return err
	})
	switch {
	case err != nil:
		return err
	case format == target:
		return nil
	case format > target:
		return fmt.Errorf("its format is %d and this version of drover knows %d at most; use a newer drover", format, target)
	}
	return db.Update(func(tx *bolt.Tx) error {
		if format == 0 {
			return layOut(tx, target, o.Rand)
		}
		for ; format < target; format++ {
			if err := steps[format-1](tx); err != nil {
				return fmt.Errorf("migrating from format %d to %d, nothing was changed: %w", format, format+1, err)
			}
			o.Log.Info("ledger migrated", "path", db.Path(), "format", format+1)
		}
		return writeFormat(tx, target)
	})
}

// readFormat returns 0 for a file without any bucket.
func readFormat(tx *bolt.Tx) (int, error) {
	meta := tx.Bucket(bucketMeta)
	if meta == nil {
		if first, _ := tx.Cursor().First(); first == nil {
			return 0, nil
		}
		return 0, fmt.Errorf("%w (a bbolt file of something else)", errDamaged)
	}
	if name := meta.Get(metaApplication); string(name) != applicationName {
		return 0, fmt.Errorf("%w (a bbolt file of something else)", errDamaged)
	}
	format, err := strconv.Atoi(string(meta.Get(metaFormat)))
	if err != nil || format < 1 {
		return 0, fmt.Errorf("%w (its format is %q)", errDamaged, meta.Get(metaFormat))
	}
	return format, nil
}

func writeFormat(tx *bolt.Tx, format int) error {
	return tx.Bucket(bucketMeta).Put(metaFormat, []byte(strconv.Itoa(format)))
}

// layOut makes the buckets of an empty ledger, and its pepper.
func layOut(tx *bolt.Tx, format int, random io.Reader) error {
	err := createBuckets(tx, buckets...)
	if err != nil {
		return err
	}
	pepper := make([]byte, pepperSize)
	if _, err := io.ReadFull(random, pepper); err != nil {
		return fmt.Errorf("drawing the pepper: %w", err)
	}
	meta := tx.Bucket(bucketMeta)
	return errors.Join(
		meta.Put(metaApplication, []byte(applicationName)),
		meta.Put(metaPepper, sealPepper(pepper)),
		writeFormat(tx, format),
	)
}

func createBuckets(tx *bolt.Tx, names ...[]byte) error {
	for _, name := range names {
		if _, err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	return nil
}

// seqBytes is a sequence number as a bucket's key.
func seqBytes(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }
