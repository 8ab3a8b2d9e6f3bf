package ledger

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/drover-llm/drover/policy"
)

// sameAsJSON fails where v is not encoded as encoding/json encodes it.
func sameAsJSON(t interface{ Fatalf(string, ...any) }, v any) {
	want, err := json.Marshal(v)
	got, own := encode(nil, v)
	if (err == nil) != (own == nil) || err == nil && string(got) != string(want) {
		t.Fatalf("encoded as\n%s, %v, and not as\n%s, %v", got, own, want, err)
	}
}

// TestHandWrittenJSONIsThatOfEncodingJSON states that the journal's bytes are those
// of encoding/json.
func TestHandWrittenJSONIsThatOfEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := rapid.Make[policy.Outcome]().Draw(t, "outcome")
		sameAsJSON(t, &o)
		o.Task, o.Samples, o.Features, o.Plan, o.Chances, o.Audit = nil, nil, nil, nil, nil, false
		sameAsJSON(t, &o)
		o.At = day
		sameAsJSON(t, &o)
		h := rapid.Make[policy.Hold]().Draw(t, "hold")
		h.At = day
		sameAsJSON(t, &h)
	})
}

// TestEveryFieldIsEncoded sets each field by itself, so that one that is added
// later cannot be left out of the journal.
func TestEveryFieldIsEncoded(t *testing.T) {
	each := func(of reflect.Value, check func()) {
		for i := range of.NumField() {
			field := of.Field(i)
			was := reflect.New(field.Type()).Elem()
			was.Set(field)
			fill(field)
			check()
			field.Set(was)
		}
	}
	o, h, c := policy.Outcome{At: day}, policy.Hold{At: day}, policy.Call{}
	each(reflect.ValueOf(&h).Elem(), func() { sameAsJSON(t, &h) })
	each(reflect.ValueOf(&h.Account).Elem(), func() { sameAsJSON(t, &h) })
	each(reflect.ValueOf(&o).Elem(), func() { sameAsJSON(t, &o) })
	inCall := func() { sameAsJSON(t, &policy.Outcome{At: day, Calls: []policy.Call{c, {}}}) }
	each(reflect.ValueOf(&c).Elem(), inCall)
	each(reflect.ValueOf(&c.Usage).Elem(), inCall)
}

// fill sets v to something that is not its zero value.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("<a\\\"é\x00>")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(0.5)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for _, key := range []string{"b", "a"} {
			v.SetMapIndex(reflect.ValueOf(key), reflect.ValueOf(key))
		}
	}
}
