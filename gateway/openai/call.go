package openai

import (
	"fmt"
	"time"
)

// Failure is how a call to a model went wrong.
type Failure string

const (
	Refused     Failure = "refused"      // the provider found fault with the request: its Error goes to the client
	Denied      Failure = "denied"       // the provider refused Drover's own key or does not have the model
	RateLimited Failure = "rate_limited" // 429; try again later
	NoQuota     Failure = "no_quota"     // 429 insufficient_quota: Drover's account with the provider is empty
	Unavailable Failure = "unavailable"  // no connection, or a 5xx
	TimedOut    Failure = "timed_out"    // no answer in time
	BadReply    Failure = "bad_reply"    // a reply that nobody can read, or without a choice
	Cut         Failure = "cut"          // the reply ended before its end
	Open        Failure = "breaker_open" // not called: the circuit breaker is open
	Full        Failure = "full"         // not called: too many calls in flight
	Cancelled   Failure = "cancelled"    // whoever asked has gone
)

// CallError is a call to a model that failed.
type CallError struct {
	Failure    Failure
	Status     int           // the provider's HTTP status, 0 when it sent none
	RetryAfter time.Duration // how long the provider, or the breaker, wants to be left alone; 0 when unknown
	Tries      int           // HTTP requests made
	Spent      bool          // the provider may bill for it
	Received   int64         // bytes of a whole reply that came, or were announced, before it failed; 0 when none did
	Detail     *Error        // the provider's own error, if it sent one
	Sent       []byte        // beside Detail, where that goes to the client: the request's body, of which it may repeat parts
	Err        error         // for the log; it may quote the provider
}

func (e *CallError) Error() string {
	text := string(e.Failure)
	if e.Status != 0 {
		text = fmt.Sprintf("%s (HTTP %d)", text, e.Status)
	}
	switch {
	case e.Detail != nil:
		return text + ": " + e.Detail.Message
	case e.Err != nil:
		return text + ": " + e.Err.Error()
	}
	return text
}

func (e *CallError) Unwrap() error { return e.Err }
