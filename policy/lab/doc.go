// Package lab measures: it holds problem sets, runs evaluations over them, and
// turns the results into reports and plots.
//
// A Problem is a programming task with the tests that judge an answer. Bundled
// returns Drover's own set, in twelve grades of difficulty; ReadProblems reads
// that form and the published ones (HumanEval, HumanEval+, MBPP, MBPP+, and
// programs judged by their output), plain or compressed.
//
// An Evaluation is a folder of answers to such problems, bought from an endpoint
// (Asker) or recorded (ReadSamples), and of their verdicts (Judge). It goes on
// where its process was killed. NewReport adds it up: unbiased pass@k, intervals,
// money, latency, the seeds' table; its Figures draw it. Figure is the one door to
// plots, for whoever has points.
//
// One caveat: programs in a problem set, the reference solutions included, are
// somebody else's code. The package never runs them itself; they belong in the
// sandbox.
//
// It is a package of its own because what measures a gateway must not be part
// of it: the lab talks to gateways over HTTP as any client does, and imports no
// more of ours than policy, pricing, openai and sandbox. Nothing on the way of a
// request imports it.
package lab
