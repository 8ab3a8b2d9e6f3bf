// Package gateway answers OpenAI's API for the applications that point their
// base URL at Drover.
//
// A request becomes a task, a decision, an answer and an outcome:
//
//	HTTP ─► endpoint.go ────► answer.go ────────────────────────► chat.go / stream.go ─► HTTP
//	        auth, limits      Hold ► Respond ► Settle              encode
//	        chat.go: task     │      │         └► ledger
//	        decide.go         │      ├ direct.go:   upstream, fallbacks in order, then the tests
//	        fit.go: budgets   │      └ searched.go: search.Find, stopper.go, then escalation.go;
//	                          │        again.go: while that fails, further samples and calls
//	                          └ ceiling.go: the most that it can cost
//
// answer.go is the page to read first. A Responder answers a decided request
// and reports whatever it spent, also beside an error. The money is held in the
// Journal before it is spent and settled once, before the client sees the end of
// the answer. Where things happen:
//
//   - HTTP: server, listener, certificate, body, header, errors, health, keepalive,
//     httpconfig. What all endpoints share is in endpoint.go; what is of one of them in
//     chat, completions, embeddings, responses, models, suite, verify, feedback, key.
//   - Streams: stream, and pieces for answers that are there before they are streamed.
//     patience is what a client's SDK announced.
//   - Deciding: decide, plan (of a search), learned (by the policy).
//   - Money: ceiling, fit and fitsearch (into what budgets leave), meter (what a call
//     used), late (outcomes that the disk did not take).
//   - Limits by the minute: limits, minute.
//   - Answering: direct, searched, escalation, again (what follows its failure),
//     compared (without tests), audit, cache, judge. flight lets a retry join its first
//     try, since a search outlives its client for a moment.
//   - Per host: adapt and adaptpassed, what is left out or rewritten.
//   - Telling: verification (the verify object), debug, observe (metrics).
//   - switch puts another configuration's gateway in place.
//
// It is a package of its own because it is the only place where HTTP, models
// and money meet. It opens no ledger and reads no environment: cmd hands it
// what it needs.
package gateway
