package gateway

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/drover-llm/drover/pricing"
)

// What is written by hand is what encoding/json writes by the fields' tags.
func TestVerificationIsWrittenByItsTags(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "a\"b\\", "<&>\u2028\x00", "\xff"}))
		number := rapid.Int64()
		money := func(name string) json.RawMessage {
			return dollars(rapid.Ptr(rapid.Map(number, func(n int64) pricing.USD { return pricing.USD(n) }), true).Draw(t, name))
		}
		v := verification{
			Route: word.Draw(t, "route"), Assurance: rapid.Ptr(word, true).Draw(t, "assurance"), Reason: word.Draw(t, "reason"), ReasonText: word.Draw(t, "text"),
			Verified: rapid.Ptr(rapid.Bool(), true).Draw(t, "verified"), Model: word.Draw(t, "model"), RequestedModel: word.Draw(t, "requested"),
			Tests:   tests{rapid.Int().Draw(t, "total"), rapid.Int().Draw(t, "passed"), rapid.Ptr(word, true).Draw(t, "source")},
			Samples: samples{rapid.Int().Draw(t, "budget"), rapid.Int().Draw(t, "drawn"), rapid.Int().Draw(t, "tested"), rapid.Int().Draw(t, "passing")},
			Tokens:  tokens{number.Draw(t, "prompt"), number.Draw(t, "completion")},
			Cost:    money("cost"), BaselineCost: money("baseline"), Saved: money("saved"),
			MS:      times{number.Draw(t, "ms"), number.Draw(t, "sampling"), number.Draw(t, "testing")},
			Failure: rapid.Ptr(word, true).Draw(t, "failure"), Warnings: append([]string{}, rapid.SliceOfN(word, 0, 3).Draw(t, "warnings")...),
		}
		if rapid.Bool().Draw(t, "debug") {
			v.Debug = &decisionDebug{Decision: debugDecision{Text: word.Draw(t, "why"), Ceiling: money("ceiling")}}
		}
		var got, want any
		text := v.appendJSON(nil)
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		tagged, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(tagged, &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("wrote %s\nwant  %s", text, tagged)
		}
	})
}
