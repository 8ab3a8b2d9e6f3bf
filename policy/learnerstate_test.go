package policy

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// A learner that is read from what another wrote goes on as that one does, bit
// for bit.
func TestLearnersAreKeptBitForBit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := learn(drawLessons(t))
		again := read(t, l)
		for _, lesson := range drawLessons(t) {
			lesson.Small.Calls, lesson.Small.Prompt, lesson.Small.Completion = 3, 100, 7
			l.Learn("later", lesson)
			again.Learn("later", lesson)
		}
		if l.Version() != again.Version() || !reflect.DeepEqual(read(t, l), read(t, again)) || !reflect.DeepEqual(l.small, again.small) || !reflect.DeepEqual(l.tokens, again.tokens) {
			t.Fatalf("%s and %s", l.Version(), again.Version())
		}
	})
}

func read(t *rapid.T, l *Learner) *Learner {
	text, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	again := NewLearner()
	if err := json.Unmarshal(text, again); err != nil {
		t.Fatal(err)
	}
	return again
}

// Grids of another length are refused: their cells would mean something else.
func TestLearnersOfOtherGridsAreRefused(t *testing.T) {
	l := NewLearner()
	err := json.Unmarshal([]byte(`{"small": [{"model": {"name": "s"}, "class": {}, "log": [1, 2], "spread": null, "n": 1}]}`), l)
	if err == nil || len(l.small) != 0 {
		t.Errorf("%v, %v", err, l.small)
	}
}
