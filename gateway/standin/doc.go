// Package standin is a server that speaks OpenAI's wire and has no model: it
// answers from scripts, in OpenAI's exact shapes, at a set pace, and fails on
// demand in the ways that real hosts fail. Tests, the demo and load runs use it
// as an upstream, over real HTTP.
//
//   - [Config] says which models there are, each with a [Script].
//   - A [Script] gives an [Answer] to each call, and holds delays and a [Fault].
//   - [Server] answers, keeps the last requests and its own bill of what it
//     produced, so that a test can compare it with what the gateway charged.
//
// It says that it is simulated wherever a reply can say so: in the Server
// header, in system_fingerprint, and as the owner of every model. Tokens are
// counted by a rough rule of its own and are not those of any real tokeniser.
//
// A [Recording] plays the answers that a real model once gave, each prompt's in
// their order, and says that they are recorded.
//
// A fault can also be asked for by name, so that a black-box check can drive it
// through a gateway that knows nothing of scripts: the model "fault-429" always
// answers 429, "fault-429-2" does so for its first two calls, and
// "fault-cut+nousage" joins two faults. See [Faults] for the names.
//
// It is a package of its own so that the gateway cannot reach into the upstream
// that it is tested against.
package standin
