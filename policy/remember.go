package policy

import (
	"strings"
	"unicode"
)

// Pairing is a search of a route: the model that the difficulty is told by, and
// those above it.
type Pairing struct {
	Small  ModelID   `json:"small"`
	Others []ModelID `json:"others"`
}

// Outcome folds what a request left behind, and says whether it taught anything.
func (l *Learner) Outcome(o Outcome) bool {
	lesson, teaches := o.Lesson(nil)
	if teaches {
		l.Learn(o.ID, lesson)
	}
	return teaches
}

// Feedback folds what somebody said later of an outcome that was folded before:
// it tells of the tests.
func (l *Learner) Feedback(o Outcome, correct bool) bool {
	lesson, teaches := o.Lesson(&correct)
	if teaches {
		lesson.Late = true
		l.Learn(o.ID, lesson)
	}
	return teaches
}

// Priors folds published pass counts: the problems on which a pairing's small
// model was run, with those above it that were. Models are found by the
// provider's name for them or by ours, letter case and punctuation aside.
func (l *Learner) Priors(p Priors, pairings []Pairing) {
	rows := map[string]map[string]PassCount{}
	var problems, models []string
	seen := map[string]bool{}
	for _, c := range p.Counts {
		if rows[c.Problem] == nil {
			rows[c.Problem] = map[string]PassCount{}
			problems = append(problems, c.Problem)
		}
		if !seen[c.Model] {
			seen[c.Model] = true
			models = append(models, c.Model)
		}
		rows[c.Problem][c.Model] = c
	}
	done := map[string]bool{}
	for _, pairing := range pairings {
		name, ok := pairing.Small.among(models)
		if !ok || done[pairing.Small.Name] {
			continue
		}
		done[pairing.Small.Name] = true
		for _, problem := range problems {
			small, ok := rows[problem][name]
			if !ok {
				continue
			}
			lesson := Lesson{Small: published(pairing.Small, small)}
			for _, other := range pairing.Others {
				if name, ok := other.among(models); ok {
					if c, ok := rows[problem][name]; ok {
						lesson.Others = append(lesson.Others, published(other, c))
					}
				}
			}
			l.Learn(p.Name+" "+problem, lesson)
		}
	}
}

func published(id ModelID, c PassCount) Trial {
	return Trial{Model: id, Verdicts: Verdicts{RightPassed: c.Right, WrongFailed: c.Samples - c.Right}, Published: true}
}

// among finds the model in a table of names: the one that is the provider's name
// or ours, else the only one that holds ours.
func (m ModelID) among(names []string) (string, bool) {
	for _, own := range []string{m.Version, m.Name} {
		for _, n := range names {
			if own != "" && letters(n) == letters(own) {
				return n, true
			}
		}
	}
	found := ""
	for _, n := range names {
		if strings.Contains(letters(n), letters(m.Name)) {
			if found != "" {
				return "", false
			}
			found = n
		}
	}
	return found, found != ""
}

// letters is a name without what is written now so, now so.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}
