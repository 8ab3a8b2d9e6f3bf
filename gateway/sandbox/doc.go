// Package sandbox runs programs that nobody has read, and says whether they pass
// their tests. A [Runner] takes a [Job] and gives a [Report] with one of three
// verdicts: passed, failed, or unjudged, which is trouble of our own and says
// nothing about the program.
//
// Two things are promised. A program gets nowhere: it runs without network,
// capabilities or the machine's files, in namespaces of its own under a seccomp
// filter and hard limits, and nothing of it is left when its run is over. And it
// cannot fake a pass of high assurance: its process never holds an expected
// value, the tests or the verdict.
//
//	Runner ── slot ─┬─ container: init ── Python zygote ── candidate (one fork a run)
//	                └─ container: init ── Python zygote ── tests     (one fork a run)
//
// Three protocols judge from outside the candidate. The oracle reads plain
// asserts itself, asks the candidate for one call at a time and compares here.
// The pair runs the tests in a container of their own, where the solution is a
// proxy that calls the candidate by message. Framework stdio compares what a
// program prints. Tests that need the candidate's process itself (mocks,
// patches, files) share it, as do those in C, C++, Go and bash, whose own part says
// a token after the last check; framework command goes by an exit status. These
// can be forged and are marked as of low assurance.
//
// Engine landlock, by explicit choice only, does without namespaces. Programs are
// then kept from files by Landlock, from signals by its scope or by a uid of their
// own, from the rest by a narrower seccomp filter, and are ended all at once by a
// signal to their domain. They can still tell which files and processes exist, a
// work folder is bounded by polling, and nobody ends a run whose init was killed
// from outside. So every verdict is of low assurance.
//
// One kernel serves both sides: against hostile tenants, run the same binary in
// a gVisor or VM pod ("drover sandbox serve") and use the remote engine.
//
// It is a package of its own because it is the one that runs untrusted code: it
// imports nothing else of Drover, and nothing else imports os/exec.
package sandbox
