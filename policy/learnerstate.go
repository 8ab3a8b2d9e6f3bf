package policy

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
)

// learnerState is a Learner as it is kept: in place of the lessons that it was
// folded from. Floats are written so that they come back bit for bit, and
// classes in one order, so that equal learners have equal states.
type learnerState struct {
	Small  []smallState        `json:"small"`
	Others []otherState        `json:"others"`
	Tests  [strengths]kept     `json:"tests"`
	Rights [strengths]refusals `json:"rights"` // absent before drover learned of right answers that fail
	Tokens []tokenState        `json:"tokens"`
	Count  int                 `json:"count"`
	Chain  [sha256.Size]byte   `json:"chain"`
}

type smallState struct {
	Model ModelID `json:"model"`
	Class Class   `json:"class"`
	kept
}

type otherState struct {
	Small string  `json:"below"`
	Model ModelID `json:"model"`
	Class Class   `json:"class"`
	kept
}

type tokenState struct {
	Model string `json:"model"`
	Class Class  `json:"class"`
	Tokens
}

// kept is what was gathered.
type kept struct {
	Log    []float64 `json:"log"`
	Spread []float64 `json:"spread"`
	N      float64   `json:"n"`
	Up     float64   `json:"up"`
	Down   float64   `json:"down"`
	Resets int       `json:"resets"`
}

func (g gathered) kept() kept { return kept{g.log, g.spread, g.n, g.up, g.down, g.resets} }

// gathered checks the lengths: a state of other grids would be read as if it
// were of these.
func (k kept) gathered(cells int) (gathered, error) {
	if k.Log != nil && len(k.Log) != cells || k.Spread != nil && len(k.Spread) != len(spreads) {
		return gathered{}, fmt.Errorf("what was learned has %d cells over %d spreads, this drover has %d over %d", len(k.Log), len(k.Spread), cells, len(spreads))
	}
	return gathered{k.Log, k.Spread, k.N, k.Up, k.Down, k.Resets}, nil
}

// MarshalJSON writes all that was learned. A Learner that is read from it goes on
// as this one would, bit for bit.
func (l *Learner) MarshalJSON() ([]byte, error) {
	s := learnerState{Rights: l.rights, Count: l.count, Chain: l.chain}
	for _, k := range sorted(l.small, smallKey.compare) {
		s.Small = append(s.Small, smallState{k.model, k.class, l.small[k].kept()})
	}
	for _, k := range sorted(l.others, otherKey.compare) {
		s.Others = append(s.Others, otherState{k.small, k.model, k.class, l.others[k].kept()})
	}
	for i, g := range l.tests {
		s.Tests[i] = g.kept()
	}
	for _, k := range sorted(l.tokens, tokenKey.compare) {
		s.Tokens = append(s.Tokens, tokenState{k.model, k.class, l.tokens[k]})
	}
	return json.Marshal(s)
}

// UnmarshalJSON reads what MarshalJSON wrote. A fault leaves the learner as it
// was.
func (l *Learner) UnmarshalJSON(text []byte) (err error) {
	var s learnerState
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	read := NewLearner()
	read.rights, read.count, read.chain = s.Rights, s.Count, s.Chain
	for _, x := range s.Small {
		if read.small[smallKey{x.Model, x.Class}], err = x.gathered(len(difficulties().shapes)); err != nil {
			return err
		}
	}
	for _, x := range s.Others {
		if read.others[otherKey{x.Small, x.Model, x.Class}], err = x.gathered(len(skills().skills)); err != nil {
			return err
		}
	}
	for i, x := range s.Tests {
		if read.tests[i], err = x.gathered(len(escapes[i]().shapes)); err != nil {
			return err
		}
	}
	for _, x := range s.Tokens {
		read.tokens[tokenKey{x.Model, x.Class}] = x.Tokens
	}
	*l = *read
	return nil
}
