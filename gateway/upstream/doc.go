// Package upstream calls models that other people host.
//
// A Provider is a base URL with a key, a pool of connections and a bound on
// the calls in flight; a Client is one model there, behind a circuit breaker
// of its own. Complete asks for a whole reply, Stream for one in chunks. Every
// failure is an *openai.CallError that says whether money may have been spent:
// only what cost nothing is tried again.
//
// It is a package of its own so that nothing else in Drover opens a connection
// to a provider, and the rules of retrying and breaking stand in one place. It
// knows no prices and no routes.
package upstream
