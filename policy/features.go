package policy

// Features are what can be told of a request before anything is spent.
type Features struct {
	Language string `json:"language,omitempty"`
	Tests    int    `json:"tests"`            // checks; 0: none, or not known
	Source   string `json:"source,omitempty"` // of the tests: field, header, suite or prompt
	Prompt   int    `json:"prompt"`           // bytes
	Cue      bool   `json:"cue,omitempty"`    // the prompt shows an example of what is wanted
}

// strengths of tests are told apart by the number of checks, as in TestsOf.
const strengths = 4

// weakest is the least number of checks of each strength.
var weakest = [strengths]int{0, 11, 31, 101}

func (f Features) strength() int {
	for i := strengths - 1; i > 0; i-- {
		if f.Tests >= weakest[i] {
			return i
		}
	}
	return 0
}

// length is the tertile of the prompt's length: the bounds are those of the
// prompts of HumanEval and MBPP taken together.
func (f Features) length() int {
	switch {
	case f.Prompt < 250:
		return 0
	case f.Prompt < 550:
		return 1
	}
	return 2
}

// Class is what requests are learned about together.
type Class struct {
	Language string `json:"language,omitempty"`
	Strength int    `json:"strength"` // of the tests, 0 to 3
	Length   int    `json:"length"`   // of the prompt, 0 to 2
}

// Class of the features.
func (f Features) Class() Class { return Class{f.Language, f.strength(), f.length()} }

// ModelID is a model and what its provider calls it: when the provider's name
// changes, another model answers.
type ModelID struct {
	Name    string `json:"name"`              // in YAML
	Version string `json:"version,omitempty"` // the provider's name for it
}
