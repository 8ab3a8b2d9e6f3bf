package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever a candidate sends, the oracle neither crashes nor blocks, and passes
// it only where the bytes are the right answer to the question that was asked.
func FuzzOracleReplies(f *testing.F) {
	frame := func(s string) []byte {
		var b bytes.Buffer
		_ = writeFrame(&b, json.RawMessage(s))
		return b.Bytes()
	}
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Add(frame(`{"id":"","value":9}`))
	f.Add(append(frame(`{"value":{"t":[9]}}`), frame(`{"id":null,"value":true}`)...))
	f.Add(frame(`{"id":"x","error":{"mro":[["ValueError","builtins",null]],"text":"no"}}`))
	plan, err := planTests([]string{"assert f(3) == 9\nassert f(4) == 16"}, "f")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		near, far, err := socketPair()
		if err != nil {
			t.Fatal(err)
		}
		defer near.Close()
		written := make(chan struct{})
		go func() {
			defer close(written)
			defer far.Close()
			_, _ = far.Write(sent)
		}()
		_ = near.SetDeadline(time.Now().Add(5 * time.Second))
		c := &candidate{socket: near}
		checks, err := runPlan(c, plan)
		if err == nil {
			for _, check := range checks {
				if check.Passed {
					t.Errorf("passed %q", sent)
				}
			}
		} else if !errors.Is(err, errUndecided) {
			t.Error(err)
		}
		if errors.Is(near.SetDeadline(time.Time{}), os.ErrDeadlineExceeded) {
			t.Error("blocked")
		}
		<-written
	})
}

// Whatever arrives on the tests' descriptor, the judge comes to an end, and
// without the nonce the tests have not come to theirs.
func FuzzTestsTalk(f *testing.F) {
	for _, s := range []string{`{"check":"a","passed":true}`, `{"done":1,"nonce":""}`, `{"share":"x"}`, `{"low":"y"}`, `{"broken":"z"}`} {
		var b bytes.Buffer
		_ = writeFrame(&b, json.RawMessage(s))
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		written := make(chan struct{})
		go func() {
			defer close(written)
			defer w.Close()
			_, _ = w.Write(sent)
		}()
		var report Report
		share, ended := report.listen(r, "the nonce")
		if ended && share == "" && report.Reason == "" {
			t.Errorf("%q came to an end", sent)
		}
		r.Close()
		<-written
	})
}

func FuzzDecodeValue(f *testing.F) {
	f.Add([]byte(`{"t":[1,2.5,{"d":[["a",{"s":[1]}]]},{"i":"0x10"},{"f":"nan"},{"b":"00ff"},{"h":1},{"u":3}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		var data any
		if d.Decode(&data) != nil {
			return
		}
		v, err := decodeValue(data, 0)
		if err != nil {
			return
		}
		_ = pyRepr(v)
		for _, w := range []any{nil, true, big.NewInt(9), 9.5, "s", &pySeq{kind: 'l', items: []any{v}}} {
			if eq, err := pyEqual(v, w); err == nil && eq {
				if back, err := pyEqual(w, v); err != nil || !back {
					t.Errorf("%s == %s, but not the other way round", pyRepr(v), pyRepr(w))
				}
			}
		}
	})
}

// The reader of tests ends on any text, and never plans a check without a call.
func FuzzPlanTests(f *testing.F) {
	for _, s := range []string{
		"assert f(1, 'a', x=[1, {2: 3}, (4,), {5}]) == -1.5e3 and not g(0x1f) != b'\\x00'", "def check(c):\n    assert c(1) in [1, 2], 'no'\n\ncheck(f)",
		"METADATA = {\n 'a': 1\n}\nassert abs(f(1.33) - 0.33) < 1e-6 # close", "assert (f(1) ==\n   2)", `assert f("""a
b""") is None`, "assert round(f(2), 2) == 1_000 ** 2 // 3 % 7",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		plan, err := planTests([]string{source}, "f")
		if err != nil {
			return
		}
		for _, check := range plan.checks {
			e := &evaluator{call: func(string, []any, []string) (any, error) { return big.NewInt(9), nil }}
			_, _ = e.eval(check.test)
		}
	})
}

// Values come back from the wire as they went.
func TestValuesSurviveTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawValue(t, 3)
		wire, err := encodeValue(v)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(wire)
		if err != nil {
			t.Fatal(err)
		}
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		var data any
		if err := d.Decode(&data); err != nil {
			t.Fatal(err)
		}
		back, err := decodeValue(data, 0)
		if err != nil {
			t.Fatal(err)
		}
		if eq, err := pyEqual(v, back); err != nil || !eq {
			t.Fatalf("%s came back as %s (%v)", pyRepr(v), pyRepr(back), err)
		}
	})
}

func drawValue(t *rapid.T, depth int) any {
	kinds := 7
	if depth > 0 {
		kinds = 11
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return big.NewInt(rapid.Int64().Draw(t, "int"))
	case 3:
		return new(big.Int).Lsh(big.NewInt(rapid.Int64().Draw(t, "int")), 90)
	case 4:
		return rapid.Float64().Filter(func(f float64) bool { return !math.IsNaN(f) }).Draw(t, "float")
	case 5:
		return rapid.StringMatching(`[a-zé"\\\n]{0,8}`).Draw(t, "str")
	case 6:
		return pyBytes(rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(t, "bytes"))
	case 10:
		d := &pyDict{}
		for i := range rapid.IntRange(0, 3).Draw(t, "n") {
			d.keys, d.values = append(d.keys, big.NewInt(int64(i))), append(d.values, drawValue(t, depth-1))
		}
		return d
	}
	kind := rapid.SampledFrom([]byte{'l', 't'}).Draw(t, "seq")
	s := &pySeq{kind: kind}
	for range rapid.IntRange(0, 3).Draw(t, "n") {
		s.items = append(s.items, drawValue(t, depth-1))
	}
	return s
}

// The oracle and Python itself agree about expressions.
func TestOracleAgreesWithPython(t *testing.T) {
	r := commonRunner(t)
	var asserts, loops []string
	for _, test := range []string{
		"1 == 1.0 == True", "[1, (2, 3)] == [1.0, (2, 3.0)]", "(1,) != [1]", "{1, 2} == {2, 1.0}", "{'a': [1]} == {'a': [1.0]}", "set([1, 1]) == {1}",
		"10**20 == 1e20", "10**22 + 1 != 1e22", "-7 // 2 == -4", "-7 % 3 == 2", "7 % -3 == -2", "2 ** 10 == 1024", "7 / 2 == 3.5", "not ''", "'b' in 'abc'", "3 not in (1, 2)",
		"None is None", "True is not None", "(1, 2) < (1, 3)", "[] or [0]", "len('é\\U0001F600') == 2", "sorted([3, 1, 2]) == [1, 2, 3]", "sorted('ba') == ['a', 'b']",
		"round(2.675, 2) == 2.67", "round(0.5 + 2, 0) == 2.0", "abs(-3) == 3", "0.1 + 0.2 != 0.3", "'a' 'b' == \"ab\"", "r'\\n' == '\\\\n'", "'\\x41\\u00e9\\101' == 'AéA'", "b'a\\x00' == b'a\\000'",
		"1_000 == 1000", "0x1F == 0b11111 == 0o37", "1 < 2 < 3", "not 1 < 2 > 3", "[1] * 3 == [1, 1, 1]", "'ab' * 2 == 'abab'", "(1,) + (2,) == (1, 2)", "tuple([1, 2]) == (1, 2)", "list('ab') == ['a', 'b']",
		"{1: 2, 1: 3} == {1: 3}", "frozenset([1]) == {1}", "-2 ** 2 == -4", "1e3 == 1000", ".5 == 0.5", "5. == 5", "[1, [2, [3]]] == [1, [2, [3]]]", "'\\q' == '\\\\q'", "'''a\nb''' == 'a\\nb'",
	} {
		source := "assert f((" + test + ") and 1) == 1"
		if _, err := planTests([]string{source}, "f"); err != nil {
			t.Errorf("%s: %v", test, err)
			continue
		}
		asserts, loops = append(asserts, source), append(loops, "for _ in range(1):\n    "+source)
	}
	for protocol, tests := range map[string][]string{"oracle": asserts, "pair": loops} {
		report, err := r.Run(t.Context(), Job{Code: "def f(x): return x\n", EntryPoint: "f", Tests: []string{strings.Join(tests, "\n")}})
		if err != nil || report.Verdict != Passed || report.Protocol != protocol || report.Passed < len(tests) || report.Passed != report.Total {
			t.Errorf("%d tests: %s by %s, %d of %d: %s %+v %v", len(tests), report.Verdict, report.Protocol, report.Passed, report.Total, report.Failure, report.Checks, err)
		}
	}
}
