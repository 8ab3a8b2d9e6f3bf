// Package gateway answers OpenAI's API for the applications that point their
// base URL at Drover.
//
// A request becomes a task, a decision, an answer and an outcome:
//
//	HTTP ─► chat.go ──► answer.go ──────────────────────────────► chat.go / stream.go ─► HTTP
//	        auth.go     decide.go ► Hold ► Respond ► Settle         encode
//	        search      plan.go            │         └► ledger
//	        .ParseTask  ceiling.go         ├ direct.go:   upstream, fallbacks in order, then the tests
//	                                       └ searched.go: search.Find, stopper.go, then escalation
//
// cache.go serves verified answers again, compared.go answers requests without
// tests by what samples agree on; both only where a route turns it on.
//
// answer.go is the page to read first. A Responder answers a decided request
// and reports whatever it spent, also beside an error. The money is held in the
// Journal before it is spent and settled once, before the client sees the end of
// the answer. A search outlives its client for a moment (flight.go), so that an
// SDK's retry finds it again.
//
// It is a package of its own because it is the only place where HTTP, models
// and money meet. It opens no ledger and reads no environment: cmd hands it
// what it needs.
package gateway
