// Package ledger remembers what was held, spent and decided, in one bbolt file.
//
// It is a journal: every hold, every outcome and every change to a key is
// appended once, under the next sequence number, and never altered. The records of
// one commit lie together in few values, since each value costs bbolt microseconds.
// Indexes beside it (keys, suites, rows to filter by) are written in the same
// transaction, so that the two cannot disagree. Which holds are open, and where the
// outcome of an id is, is known in memory; it is made of the rows, and of the journal
// behind the last block of them, when the ledger is opened. All that Drover
// believes about money can be folded from the journal again: from its start, or
// from a checkpoint, which is a record that says what it came to. Records leave it
// only when outcomes are forgotten, and a checkpoint goes before that.
//
// Whatever returns without an error is on disk. One goroutine writes: it takes
// everything that waits, commits it at once and wakes all callers, so that many
// requests share one sync. Nothing is ever dropped to save time: over capacity,
// new holds wait.
//
// The caveats: one process at a time. A second Open gets ErrLocked, and asks the
// process that serves. And each outcome takes about 40 bytes of memory, for the hash of
// its id: 40 MB for a million, until they are forgotten.
//
// It is a package of its own because it is the only one that owns a file, and
// because it must outlive every change to what is written into it: the file
// carries a format version, each record its own, and older files are migrated.
package ledger
