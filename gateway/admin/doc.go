// Package admin is the control plane: an HTTP listener of its own, with a token
// of its own, on which keys are kept, money and outcomes are looked at, holds that
// a crash left are ended, and the ledger is exported, backed up and verified.
//
// A Server is handed what it controls as small interfaces declared here, so that
// it can be tried without a gateway and never reaches back into one. Its errors
// have the four keys of OpenAI's, like everything else that Drover answers.
//
// The caveat: whoever has the token may do everything. It listens on loopback
// unless told otherwise, and says so in the log when it does not.
//
// It is a package of its own because the data listener must not be able to serve
// any of this, by mistake or otherwise.
package admin
