// Package search finds a program that passes its tests among a small model's
// samples, under a ceiling of money, samples and time.
//
// [ParseTask] turns a request into a [Task]: the tests, where they came from, and
// how a program is taken from a reply. [Find] draws samples of it in batches:
//
//	Stopper ─► batch: Sampler ─► Extract ─► Hash ─► Runner ─► verdict ─► Stopper
//	             │       └ Charge, once for every call          └ equal programs run once
//	             └ limits: money, samples, time
//
// Passes that are not accepted at once are compared by what they do at further
// inputs: those that behave alike confirm each other.
//
// Samples are judged as they come. The first accepted pass cancels what still
// runs, upstream and in the sandbox; everything that was spent is in the
// [Result], also beside an error. When a search accepts nothing, [Task.Escalation]
// makes the request for a strong model, and when that fails too, a [Search] is taken
// up again where it ended.
//
// A task without tests can be searched by agreement ([Agree]): samples that
// behave alike at made-up inputs are likely to be right, and none gets a verdict.
//
// What a provider's failure or a lost sandbox leaves behind is no verdict: a
// sample is passed, failed or unjudged.
//
// It is a package of its own because it knows neither HTTP nor budgets nor what a
// model has been learned to be worth: it is handed samplers, a ceiling, a clock
// and a [Stopper], and so can be tested, simulated and replayed without them.
package search
