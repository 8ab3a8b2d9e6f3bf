// Package policy holds what Drover knows and decides: who asked, what was held
// and spent for them, and which plan to follow.
//
// Its values are plain. An Outcome is what one request left behind; a Hold is
// what it was allowed to spend before it spent; a Key names who is charged. The
// ledger (package policy/ledger) remembers them, and everything that Drover
// later believes or budgets is folded from that memory alone. The [Book] is the
// money that the budgets have left: a hold takes from all budgets over a request
// or from none.
//
// While a search runs, an [Index] says after every batch of samples whether to
// go on, climb, escalate or give up, and whether a pass is worth taking. It
// reads off a [Belief]: how hard the problems of a class are, how the models'
// skills go with that, and what the tests let through. Its dollars are
// utilities, hence floats; money that is owed is always a pricing.USD.
//
// The package is one of its own, and pure, so that a decision can be replayed:
// it reads no clock, no environment and no network, and imports nothing but
// pricing. Whoever calls it hands in the time.
package policy
