package lab

import (
	"math"

	"github.com/drover-llm/drover/policy"
)

// judgement is a forecast about a task and what came of it.
type judgement struct {
	task   int
	chance float64
	came   bool
}

// forecasts gathers what the policy foretold.
type forecasts struct{ passes, accepted []judgement }

// search plays an episode by the stopping index, as the gateway does. log may be
// nil.
func (e episode) search(ix *policy.Index, depth int, whole bool, log *forecasts) played {
	s := policy.State{Seen: []policy.Seen{{}}, Samples: depth, Budget: math.Inf(1), Time: math.Inf(1)}
	seen := &s.Seen[0]
	p := played{}
	pass := -1 // the last one in hand
	for {
		step := ix.Next(s)
		switch step.Move {
		case policy.GoOn:
			n := 1
			if whole {
				n = step.N
			}
			for i := range n {
				sample := e.small[p.samples]
				p.samples++
				s.Samples--
				if log != nil && i == 0 {
					log.passes = append(log.passes, judgement{e.task, step.Pass, sample.passes})
				}
				if !sample.passes {
					seen.Failed++
					continue
				}
				a := ix.Accept(s)
				if a.Accept {
					if log != nil {
						log.accepted = append(log.accepted, judgement{e.task, a.Precision, sample.right})
					}
					p.samples += n - i - 1 // the rest of the batch is paid for
					p.right, p.answered, p.passed = sample.right, true, true
					return p
				}
				seen.Refused++
				pass = p.samples - 1
			}
		case policy.Escalate:
			answer := e.strong[p.strong]
			p.strong++
			p.right, p.answered, p.passed = answer.right, true, answer.passes
			if answer.passes || p.strong == len(e.strong) {
				return p
			}
			s.Strong++
		case policy.Take:
			p.right, p.answered, p.passed = e.small[pass].right, true, true
			return p
		default: // what the strong model answered is left, though it failed, or nothing
			return p
		}
	}
}
