package policy

import (
	"math"
	"testing"
	"time"
)

var benchSink float64

// The reference is one sum over the grid: a probe's decision takes two, and a
// ladder's some hundreds.
func BenchmarkNext(b *testing.B) {
	one := Models{Rungs: []Tries{{First: Beta{0.5, 0.3}}}, Strong: GPT4o}
	two := Models{Rungs: []Tries{{First: Beta{0.5, 0.3}}, {Skill: llama70B}}, Strong: GPT4o}
	for _, bm := range []struct {
		name   string
		models Models
		seen   []Seen
	}{
		{"probe", one, nil},
		{"seven failed", one, []Seen{{Failed: 7}}},
		{"most samples ahead", one, []Seen{{Failed: 31}}},
		{"a pass refused", one, []Seen{{Failed: 7, Refused: 1}}},
		{"ladder", two, nil},
		{"ladder, 31 failed", two, []Seen{{Failed: 31}}},
		{"ladder, a pass refused", two, []Seen{{Failed: 7, Refused: 1}}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			config := IndexConfig{Belief: believe(b, bm.models, TestsOf(500)), Strong: .00265}
			for _, cost := range []float64{.0000266, .00035}[:len(bm.models.Rungs)] {
				config.Rungs = append(config.Rungs, Rung{Cost: cost})
			}
			ix, err := NewIndex(config)
			if err != nil {
				b.Fatal(err)
			}
			s := State{Seen: bm.seen, Samples: 64, Budget: math.Inf(1), Time: 9}
			b.ReportAllocs()
			for b.Loop() {
				ix.Next(s)
			}
			l := ix.look(State{Samples: 1}, 1)
			const rounds = 100_000
			start := time.Now()
			for range rounds {
				benchSink += l.failed(1).all
			}
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/(float64(time.Since(start))/rounds), "sums/op")
		})
	}
}

func BenchmarkNewIndex(b *testing.B) {
	config := IndexConfig{Belief: believe(b, Models{}, TestsOf(5)), Rungs: []Rung{{Cost: .0000266}}, Strong: .00265}
	for _, bm := range []struct {
		name     string
		tries    int
		compared bool
	}{{"one ahead", 0, false}, {"play, passes counted", 1, false}, {"play, three strong tries", 3, false}, {"play, passes compared", 1, true}, {"play, passes compared, three strong tries", 3, true}} {
		config.StrongTries, config.Compared = bm.tries, bm.compared
		newIndex(b, config) // the belief sums up what it needs once
		b.Run(bm.name, func(b *testing.B) {
			for b.Loop() {
				newIndex(b, config)
			}
		})
	}
}

// A belief is made once for a route and a strength of tests.
func BenchmarkNewBelief(b *testing.B) {
	for b.Loop() {
		if _, err := NewBelief(Models{Rungs: []Tries{{}, {Skill: llama70B}}, Strong: GPT4o}, TestsOf(500)); err != nil {
			b.Fatal(err)
		}
	}
}
