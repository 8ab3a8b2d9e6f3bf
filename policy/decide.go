package policy

import (
	"fmt"
	"math"
	"slices"
)

// Request is what a decision is made on.
type Request struct {
	Features Features
	Rule     Rule
	Rungs    []ModelID // of the search, cheap to dear; at least one
	Strong   ModelID
	Depth    int     // most samples of any rung
	Sample   float64 // dollars of a sample of the first rung, at today's prices
	Escalate float64 // dollars of a call to the strong model; 0: there is none
	Left     float64 // dollars that the request may spend; +Inf: no limit
	Explore  float64 // most that may explore, as a share of requests and of spending
}

// Decision is a plan and why it was chosen.
type Decision struct {
	Plan     Plan
	Belief   *Belief
	Chances  []Chance   // of every plan that was open
	Best     Plan       // the one of the highest expected worth
	Expected []Expected // of the same plans
	Reason   string     // one sentence
	Version  string     // of the model
}

// Expected is what a plan is expected to come to.
type Expected struct{ Right, Cost float64 }

// costMargin is how far below its expectation the cost of the best plan may come
// out: the index stops sooner than the rules that plans are worked out by.
const costMargin = 2. / 3

// Explores says that the plan is not the best known one.
func (d Decision) Explores() bool { return d.Plan != d.Best }

// Decide chooses a plan among those that clear the rule's floor with 95 %: the
// best known one, but for a share of requests. Of these, one half is drawn by
// Thompson sampling (a plan as often as it is the best in a draw from what is
// thought possible), the other evenly, so that every open plan has a chance
// that is known. Within the plan the stopping index decides. draw is the chance that
// is left to: a number from 0 to 1, without 1, that whoever asks has drawn; with 1
// the best known plan is taken.
func (m *Model) Decide(q Request, draw float64) Decision {
	known := m.derive(q.Features.Class(), q.Rungs, q.Strong, q.Depth)
	arms := q.arms(known)
	safe := q.safe(arms)
	best := 0
	wins := make([]float64, len(safe))
	for d := range known.draws {
		top := 0
		for i, a := range safe {
			if a.main && (!safe[top].main || a.worth[d] > safe[top].worth[d]) {
				top = i
			}
		}
		wins[top] += 1 / float64(len(known.draws))
	}
	for i, a := range safe {
		if a.main && (!safe[best].main || a.mean > safe[best].mean) {
			best = i
		}
	}
	// Half of what explores is as Thompson would, half is even. Its share of the
	// requests shrinks where its plans are dear, so that it is as small a share of
	// the spending.
	apart, cost := make([]float64, len(safe)), 0.0
	for i, a := range safe {
		apart[i] = wins[i]/2 + 1/(2*float64(len(safe)))
		cost += apart[i] * a.cost
	}
	explore := q.Explore
	if likely := safe[best].cost * costMargin; cost > likely {
		explore *= likely / cost
	}
	chosen := best
	decision := Decision{Belief: known.belief, Best: safe[best].plan, Version: m.version}
	below := 0.0
	for i, a := range safe {
		p := explore * apart[i]
		if i == best {
			p += 1 - explore
		}
		decision.Chances = append(decision.Chances, Chance{a.plan, p})
		decision.Expected = append(decision.Expected, Expected{a.right, a.cost})
		if draw < 1 && draw >= below && draw < below+p {
			chosen = i
		}
		below += p
	}
	decision.Plan = safe[chosen].plan
	decision.Reason = q.reason(decision, safe, chosen, best)
	return decision
}

// arm is a plan under comparison.
type arm struct {
	plan  Plan
	main  bool      // not only a smaller version of another
	worth []float64 // by draw
	mean  float64
	cost  float64
	right float64
	low   float64 // 5 % quantile of the chance to be right
}

// arms are the plans that the request can afford.
func (q Request) arms(known *derived) []arm {
	draws := known.draws
	var arms []arm
	small := q.Rungs[0].Name
	if plan := (Plan{LastResort: true, Small: small}); q.Escalate > 0 && q.Escalate <= q.Left {
		arms = append(arms, q.arm(plan, draws, 0))
		arms[0].main = true
	}
	all := variants(q.Depth)
	for _, resort := range []bool{true, false} {
		if resort && q.Escalate == 0 || !resort && q.Escalate > 0 && (q.Rule.MustAnswer || q.Rule.ValueOfCorrect == 0) {
			continue
		}
		plan := Plan{LastResort: resort, Small: small}
		if q.Left < q.Sample || resort && q.Left < q.Sample+q.Escalate {
			continue
		}
		// Which rule for stopping suits best is decided over all draws: the index
		// knows no better.
		best, top, at, made := arm{}, math.Inf(-1), 0, -1
		for i, v := range all {
			plan.Samples = v.samples
			if worth, _, _ := q.worth(plan, &known.mean, i); worth > top {
				top, at = worth, i
			}
			if i+1 == len(all) || all[i+1].samples != v.samples {
				if at != made {
					best, made = q.arm(plan, draws, at), at
				}
				best.plan, best.main = plan, v.samples == q.Depth && resort == (q.Escalate > 0)
				arms = append(arms, best)
			}
		}
	}
	if arms == nil { // nothing fits: the smallest there is
		return []arm{{plan: Plan{Samples: 1, Small: small}, main: true, worth: make([]float64, len(draws))}}
	}
	return arms
}

// arm works out a plan that stops by a variant.
func (q Request) arm(plan Plan, draws []planDraw, variant int) arm {
	a := arm{plan: plan, worth: make([]float64, len(draws))}
	lowest := make([]float64, 0, planDraws/20+1) // in rising order
	for d := range draws {
		worth, cost, right := q.worth(plan, &draws[d], variant)
		a.worth[d] = worth
		a.mean += worth
		a.cost += cost
		a.right += right
		if len(lowest) == cap(lowest) && right >= lowest[len(lowest)-1] {
			continue
		}
		at, _ := slices.BinarySearch(lowest, right)
		if len(lowest) == cap(lowest) {
			lowest = lowest[:len(lowest)-1]
		}
		lowest = slices.Insert(lowest, at, right)
	}
	n := float64(len(draws))
	a.mean, a.cost, a.right, a.low = a.mean/n, a.cost/n, a.right/n, lowest[len(lowest)-1]
	return a
}

// worth of a variant of a plan in a draw, with its cost and the chance that its
// answer is right.
func (q Request) worth(p Plan, d *planDraw, variant int) (worth, cost, right float64) {
	f := d.strong
	if p.Samples > 0 {
		f = d.search[variant]
	}
	right, wrong := f.right, f.wrong
	cost = f.samples * q.Sample
	if p.LastResort {
		right, wrong = right+f.strongRight, wrong+f.strongWrong
		cost += f.undone * q.Escalate
	}
	worth = q.Rule.worth(right, wrong) - cost
	if !p.LastResort && f.undone < 1 { // of the answers that it gives
		right /= 1 - f.undone
	}
	return worth, cost, right
}

// safe are the arms that clear the floor with 95 %, or do as well as the strong
// model does; if there is none, the strong model.
func (q Request) safe(arms []arm) []arm {
	floor := q.Rule.MinQuality
	if arms[0].plan.Samples == 0 {
		floor = min(floor, arms[0].low)
	}
	var safe []arm
	main := false
	for i, a := range arms {
		if a.low >= floor-1e-9 || i == 0 {
			safe = append(safe, a)
			main = main || a.main
		}
	}
	if !main {
		safe[0].main = true
	}
	return safe
}

func (q Request) reason(d Decision, safe []arm, chosen, best int) string {
	b := safe[best]
	text := fmt.Sprintf("%s is expected to be right with %.1f %% (at least %.1f %%) for $%.6f", b.plan, 100*b.right, 100*b.low, b.cost)
	if d.Explores() {
		return fmt.Sprintf("%s, to learn more of it; %s", d.Plan, text)
	}
	return text
}

// String names the plan.
func (p Plan) String() string {
	switch {
	case p.Samples == 0:
		return "asking the strong model at once"
	case p.LastResort:
		return fmt.Sprintf("searching with up to %d samples, then the strong model", p.Samples)
	}
	return fmt.Sprintf("searching with up to %d samples and no strong model", p.Samples)
}
