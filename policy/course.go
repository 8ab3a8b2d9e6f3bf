package policy

import "fmt"

// Leg is a part of what a request did: calls to one model, one after another.
type Leg struct {
	Model  string `json:"model"`
	Calls  int    `json:"calls"`
	Passed int    `json:"passed"` // of the tested answers
	Failed int    `json:"failed"`
}

// String tells the leg in a few words.
func (l Leg) String() string {
	answers := "answers"
	if l.Passed+l.Failed == 1 {
		answers = "answer"
	}
	if l.Passed+l.Failed == 0 {
		return l.Model + " answered nothing that was tested"
	}
	return fmt.Sprintf("%s gave %d tested %s, of which %d passed", l.Model, l.Passed+l.Failed, answers, l.Passed)
}

// Course is what the request did, in the order of its calls: a search that was taken
// up again after the strong model had failed has several legs.
func (o Outcome) Course() []Leg {
	var legs []Leg
	of := make([]int, len(o.Calls)) // the leg of a call
	for i, c := range o.Calls {
		if len(legs) == 0 || legs[len(legs)-1].Model != c.Model {
			legs = append(legs, Leg{Model: c.Model})
		}
		of[i] = len(legs) - 1
		legs[of[i]].Calls++
	}
	count := func(call int, verdict string) {
		switch {
		case call < 0 || call >= len(of):
		case verdict == "passed":
			legs[of[call]].Passed++
		case verdict == "failed":
			legs[of[call]].Failed++
		}
	}
	for _, s := range o.Samples {
		count(s.Call, s.Verdict)
	}
	if o.Way != "search" && o.Task != nil && o.Task.Verified != nil { // the answer is of the last call that its model answered, and no sample
		last := len(o.Calls) - 1
		for last >= 0 && (o.Calls[last].Model != o.Model || o.Calls[last].Error != "") {
			last--
		}
		count(last, verdictOf(*o.Task.Verified))
	}
	return legs
}
