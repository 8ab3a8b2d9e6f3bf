package sandbox

import (
	"maps"
	"slices"
	"testing"
)

// TestScriptFakesNeverPass is TestFakesNeverPass for JavaScript: each fake in one
// framework, with -all in each.
func TestScriptFakesNeverPass(t *testing.T) {
	r := commonRunner(t)
	if why := r.tools.languages["javascript"].missing; why != "" {
		t.Skip(why)
	}
	tests := map[string]string{
		"assert": "const assert = require('assert');\nassert.strictEqual(f(3), 9);\nassert.deepStrictEqual(f(4), 16);\nassert.ok(f(-1) === 1);",
		"loose":  "for (const [x, y] of [[3, 9], [4, 16], [-1, 1]]) console.assert(f(x) == y);",
		"expect": "test('a', () => { expect(f(3)).toEqual(9); expect(f(4)).toBe(16); });",
		"json":   "console.assert(JSON.stringify(f(3)) === '9'); console.assert(JSON.stringify([f(4)]) === '[16]')",
	}
	fakes := map[string]string{
		"exit":     "function f(x) { process.exit(0); }",
		"evil":     "function f(x) { return { valueOf: () => 9, toString: () => '9', toJSON: () => 9, [Symbol.toPrimitive]: () => 9 }; }",
		"proxy":    "function f(x) { return new Proxy(function () {}, { get: () => 9, has: () => true, apply: () => 9, ownKeys: () => [] }); }",
		"patch":    "const assert = require('assert'); assert.strictEqual = assert.deepStrictEqual = assert.ok = () => {}; console.assert = () => {}; JSON.stringify = () => '{\"value\":9}'; Object.is = () => true; function f(x) { return 0; }",
		"forge":    "const fs = require('fs'); for (let fd = 3; fd < 64; fd++) { try { fs.writeSync(fd, Buffer.from([0,0,0,2,123,125])); } catch (e) {} } function f(x) { return 0; }",
		"pollute":  "Object.prototype.h = 1; Object.prototype.n = 9; Array.prototype.map = function () { return [9]; }; Number.isFinite = () => true; function f(x) { return 0; }",
		"number":   "class V extends Number { valueOf() { return 9; } }\nfunction f(x) { return new V(0); }",
		"throwing": "function f(x) { throw { name: 'AssertionError', message: 'passed' }; }",
		"exitcode": "process.on('exit', () => { process.exitCode = 0; }); function f(x) { return 0; }",
		"promise":  "async function f(x) { return x * x; }",
	}
	for i, name := range slices.Sorted(maps.Keys(fakes)) {
		for j, k := range slices.Sorted(maps.Keys(tests)) {
			if src := tests[k]; *all || (i+j)%len(tests) == 0 {
				rep, err := r.Run(t.Context(), Job{Language: "javascript", Code: fakes[name], Tests: []string{src}})
				if err != nil || rep.Verdict != Failed {
					t.Errorf("%s %s: %s %+v %v", name, k, rep.Verdict, rep.Checks, err)
				}
			}
		}
	}
	for k, src := range tests {
		rep, err := r.Run(t.Context(), Job{Language: "javascript", Code: "function f(x) { return x * x; }", Tests: []string{src}})
		if err != nil || rep.Verdict != Passed {
			t.Errorf("%s: %s %+v %v", k, rep.Verdict, rep.Checks, err)
		}
	}
}
