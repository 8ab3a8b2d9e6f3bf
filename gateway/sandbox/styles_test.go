package sandbox

import "testing"

// Tests in other languages come in many styles; right solutions pass all of them.
func TestStylesOfOtherLanguages(t *testing.T) {
	r := commonRunner(t)
	var jobs []Job
	var names []string
	for language, programs := range otherStyles {
		if r.tools.languages[language].missing != "" {
			continue
		}
		for name, p := range programs {
			jobs = append(jobs, Job{Language: language, Code: p[0], Tests: p[1:]})
			names = append(names, language+" "+name)
		}
	}
	if !*all {
		few := share(names, 5)
		jobs, names = pick(jobs, names, few)
	}
	judgeAll(t, r, jobs, func(i int, report Report) {
		if report.Verdict != Passed {
			t.Errorf("%s: %s %s: %+v\n%s", names[i], report.Verdict, report.Detail, report.Checks, report.Output)
		}
	})
}

func pick(jobs []Job, names, few []string) ([]Job, []string) {
	byName := map[string]Job{}
	for i, name := range names {
		byName[name] = jobs[i]
	}
	var out []Job
	for _, name := range few {
		out = append(out, byName[name])
	}
	return out, few
}

// otherStyles are a solution and its tests.
var otherStyles = map[string]map[string][]string{
	"c": {
		"statements":   {"int add(int a, int b) { return a + b; }", "assert(add(1, 2) == 3);\nassert(add(-1, 1) == 0);\n"},
		"strings":      {"#include <string.h>\n#include <stdlib.h>\nchar *rev(const char *s) { size_t n = strlen(s); char *r = malloc(n + 1); for (size_t i = 0; i < n; i++) r[i] = s[n - 1 - i]; r[n] = 0; return r; }", "#include <assert.h>\n#include <string.h>\n#include <stdlib.h>\nint main() {\n  char *r = rev(\"abc\");\n  assert(strcmp(r, \"cba\") == 0); // \"main\" and assert(0)\n  assert(!strcmp(rev(\"\"), \"\"));\n  assert(strlen(r) == 3);\n  free(r);\n}\n"},
		"in place":     {"void sort(int *a, int n) { for (int i = 0; i < n; i++) for (int k = 0; k + 1 < n; k++) if (a[k] > a[k + 1]) { int t = a[k]; a[k] = a[k + 1]; a[k + 1] = t; } }", "#include <assert.h>\n#include <string.h>\nstatic void test_sort(void) {\n  int a[] = {3, 1, 2}, want[] = {1, 2, 3};\n  sort(a, 3);\n  assert(memcmp(a, want, sizeof a) == 0);\n  for (int i = 0; i < 3; i++) { assert(a[i] == i + 1); }\n}\nint main(int argc, char **argv) { test_sort(); return 0; }\n"},
		"floats":       {"#include <math.h>\ndouble root(double x) { return sqrt(x); }", "#include <assert.h>\n#include <math.h>\n#define CLOSE(a, b) (fabs((a) - (b)) < 1e-9)\nint main(void) { assert(CLOSE(root(2), 1.4142135623730951)); assert(fabs(root(9) - 3.0) < 1e-6); assert(isnan(root(-1))); return 0; }\n"},
		"returns":      {"int f(int x) { return x + 1; }", "#include <stdio.h>\nint main(void) { int bad = 0; if (f(1) != 2) { printf(\"FAIL\\n\"); bad++; } return bad; }\n"},
		"exits":        {"int f(int x) { return x + 1; }", "#include <stdio.h>\n#include <stdlib.h>\n#define CHECK(c) do { if (!(c)) { fprintf(stderr, \"line %d\\n\", __LINE__); exit(1); } } while (0)\nint main(void) { CHECK(f(1) == 2); CHECK(f(2) == 3); printf(\"ok\\n\"); exit(EXIT_SUCCESS); }\n"},
		"structs":      {"typedef struct node { int v; struct node *next; } node;\n#include <stdlib.h>\nnode *push(node *h, int v) { node *n = malloc(sizeof *n); n->v = v; n->next = h; return n; }\nint sum(const node *h) { int s = 0; for (; h; h = h->next) s += h->v; return s; }", "#include <assert.h>\nint main(void) { node *h = NULL; for (int i = 0; i < 4; i++) h = push(h, i); assert(h->v == 3 && sum(h) == 6); assert(sum(NULL) == 0 || 0); }\n"},
		"header":       {"#include <stdbool.h>\n#define LIMIT 10\nbool small(int x) { return x < LIMIT; }", "#include \"solution.h\"\n#include <assert.h>\nvoid main(void) { assert(small(9) == true); assert(small(LIMIT) == false); }\n"},
		"two files":    {"int f(int x) { return -x; }", "#include <assert.h>\nvoid one(void) { assert(f(1) == -1); }\n", "int main(void) { one(); assert(f(0) == 0); return 0; }\n"},
		"function ptr": {"int apply(int (*g)(int), int x) { return g(x); }", "#include <assert.h>\nstatic int twice(int x) { return 2 * x; }\nint main(void) { assert(apply(twice, 4) == 8); assert(apply(&twice, 0) == 0 && \"zero\"); return 0; }\n"},
	},
	"cpp": {
		"humaneval":  {"#include<stdio.h>\n#include<vector>\n#include<math.h>\nusing namespace std;\n#include<algorithm>\n#include<stdlib.h>\nbool has_close_elements(vector<float> numbers, float threshold){\n    for (int i=0;i<numbers.size();i++) for (int j=i+1;j<numbers.size();j++) if (abs(numbers[i]-numbers[j])<threshold) return true;\n    return false;\n}\n", "#undef NDEBUG\n#include<assert.h>\nint main(){\n    vector<float> a={1.0, 2.0, 3.9, 4.0, 5.0, 2.2};\n    assert (has_close_elements(a, 0.3)==true);\n    assert (has_close_elements(a, 0.05) == false);\n    assert (has_close_elements({1.0, 2.0, 5.9, 4.0, 5.0}, 0.95) == true);\n}\n"},
		"issame":     {"#include<vector>\n#include<string>\nusing namespace std;\nvector<string> split(string s){ vector<string> o; string c; for (char x : s) if (x==' ') { o.push_back(c); c=\"\"; } else c+=x; o.push_back(c); return o; }", "#undef NDEBUG\n#include<assert.h>\nbool issame(vector<string> a,vector<string>b){\n    if (a.size()!=b.size()) return false;\n    for (int i=0;i<a.size();i++)\n    {\n    if (a[i]!=b[i]) return false;\n    }\n    return true;\n}\nint main(){\n    assert (issame(split(\"a b\"),{\"a\", \"b\"}));\n    assert (issame(split(\"\"),{\"\"}));\n}\n"},
		"vectors":    {"#include <vector>\n#include <algorithm>\nstd::vector<int> sorted(std::vector<int> v) { std::sort(v.begin(), v.end()); return v; }", "#include <cassert>\n#include <cstdlib>\n#include <iostream>\nint main() {\n  assert((sorted({3, 1, 2}) == std::vector<int>{1, 2, 3}));\n  assert(sorted({}).empty());\n  assert(sorted({2}).size() == 1 && sorted({2})[0] == 2);\n  std::cout << \"All tests passed\" << std::endl;\n  std::exit(0);\n}\n"},
		"strings":    {"#include <string>\nstd::string up(const std::string &s) { std::string r; for (char c : s) r += toupper(c); return r; }\nconst char *lit() { return \"lit\"; }", "#include <cassert>\n#include <cstring>\nint main() { assert(up(\"ab\") == \"AB\"); assert(\"AB\" == up(\"ab\")); assert(up(R\"(a\"b)\") == R\"(A\"B)\"); assert(std::strcmp(lit(), \"lit\") == 0); assert(up(\"x\")[0] == 'X'); assert(up(\"\").length() == 0u); }\n"},
		"floats":     {"#include <cmath>\ndouble half(double x) { return x / 2; }\nfloat third(float x) { return x / 3; }", "#include <cassert>\n#include <cmath>\nusing namespace std;\nint main() { assert(abs(half(3) - 1.5) < 1e-9); assert(std::fabs(half(-3) + 1.5) < 1e-9); assert(fabsf(third(3.0f) - 1.0f) < 1e-5f); assert(std::abs(-3) == 3); assert(half(1) == 0.5); }\n"},
		"exceptions": {"#include <stdexcept>\nint inverse(int x) { if (!x) throw std::invalid_argument(\"zero\"); return 1 / x; }", "#include <cassert>\n#include <string>\nint main() { bool caught = false; try { inverse(0); assert(false); } catch (const std::invalid_argument &e) { caught = true; assert(std::string(e.what()) == \"zero\"); } assert(caught); assert(inverse(1) == 1); return 0; }\n"},
		"classes":    {"#include <map>\nclass Cache { std::map<int, int> m; public: Cache(int n) {} void put(int k, int v) { m[k] = v; } int get(int k) const { auto i = m.find(k); return i == m.end() ? -1 : i->second; } bool operator==(const Cache &o) const { return m == o.m; } };", "#include <cassert>\nint main() { Cache c(2); c.put(1, 5); assert(c.get(1) == 5); assert(c.get(2) == -1); Cache d(2); assert(!(c == d)); d.put(1, 5); assert(c == d); }\n"},
		"maps":       {"#include <map>\n#include <string>\n#include <optional>\n#include <tuple>\nusing namespace std;\nmap<char,int> count(string s) { map<char,int> m; for (char c : s) m[c]++; return m; }\noptional<int> first(string s) { if (s.empty()) return nullopt; return s[0]; }\ntuple<int,int> two() { return {1, 2}; }", "#include <cassert>\nint main() { assert((count(\"aab\") == map<char,int>{{'a', 2}, {'b', 1}})); assert(first(\"\") == nullopt); assert(first(\"a\") == 'a'); assert(two() == make_tuple(1, 2)); assert(get<0>(two()) == 1); auto [a, b] = two(); assert(a == 1 && b == 2); }\n"},
		"statements": {"unsigned long long fact(int n) { return n < 2 ? 1 : n * fact(n - 1); }", "assert(fact(20) == 2432902008176640000ULL);\nassert(fact(0) == 1);\nassert(fact(5) == 120U);\nassert(fact(3) == 0x6);\n"},
	},
	"bash": {
		"stdin":      {"count() { wc -l | tr -d ' '; }\nupper() { tr a-z A-Z; }", "[ \"$(printf 'a\\nb\\n' | count)\" -eq 2 ]\nresult=$(echo abc | upper)\nif [[ \"$result\" != ABC ]]; then echo FAIL; exit 1; fi\n[ \"$(echo ab | upper | upper)\" = AB ]\necho ok\nexit 0\n"},
		"status":     {"even() { (( $1 % 2 == 0 )); }\nfail() { echo bad >&2; return 3; }", "even 4\n! even 3\nif even 5; then exit 1; fi\nfail 2>/dev/null && exit 1\nfail 2>/dev/null || [ $? -eq 3 ]\n[ \"$(fail 2>&1 || true)\" = bad ]\n"},
		"variable":   {"RESULT=\nsquare() { RESULT=$(( $1 * $1 )); }", "square 3\n[ \"$RESULT\" = 9 ]\nsquare 4; [ \"$RESULT\" -eq 16 ]\n"},
		"nameref":    {"double() { local -n arr=$1; for i in \"${!arr[@]}\"; do arr[i]=$(( arr[i] * 2 )); done; }", "nums=(1 2 3)\ndouble nums\n[ \"${nums[*]}\" = '2 4 6' ]\n"},
		"counter":    {"n=0\nnext() { n=$((n + 1)); }", "next\nnext\n[ $n -eq 2 ]\n"},
		"global":     {"join() { local IFS=$SEP; echo \"$*\"; }", "SEP=,\n[ \"$(join a b)\" = a,b ]\n"},
		"script":     {"#!/bin/bash\nset -eu\nmain() { echo \"$(( $1 + $2 ))\"; }\nif [[ \"${BASH_SOURCE[0]}\" == \"$0\" ]]; then main \"$@\"; fi\n", "[ \"$(bash solution.sh 2 3)\" = 5 ]\n[ \"$(bash /w/solution.sh 2 4)\" = 6 ]\n"},
		"source":     {"f() { echo \"$(( $1 + 1 ))\"; }", "source ./solution.sh\n[ \"$(f 1)\" = 2 ]\n"},
		"functions":  {"function add { echo $(( $1 + $2 )); }\nfactor() { echo \"$1\"; }", "assert_equal() { if [ \"$1\" != \"$2\" ]; then echo \"got $1, expected $2\"; exit 1; fi; }\nassert_equal \"$(add 1 2)\" 3\nassert_equal \"$(factor 7)\" 7\nfor i in 1 2 3; do assert_equal \"$(add $i $i)\" $((i * 2)); done\n"},
		"files":      {"lines() { wc -l < \"$1\" | tr -d ' '; }\nmake() { echo hello > \"$1\"; }", "t=$(mktemp)\nprintf '1\\n2\\n' > \"$t\"\n[ \"$(lines \"$t\")\" = 2 ]\nmake \"$t\"\n[ \"$(cat \"$t\")\" = hello ]\ndiff <(cat \"$t\") <(echo hello)\nrm -f \"$t\"\n"},
		"loops":      {"greet() { echo \"Hello, $1!\"; }", "while read -r name; do\n  [ \"$(greet \"$name\")\" = \"Hello, $name!\" ]\ndone <<'END'\nann\nbob b\nEND\n[ \"$(greet '')\" = 'Hello, !' ]\n"},
		"array copy": {"evens() { local out=(); for x in \"$@\"; do (( x % 2 == 0 )) && out+=(\"$x\"); done; echo \"${out[@]}\"; }", "out=$(evens 1 2 3 4)\n[ \"$out\" = '2 4' ]\nread -ra parts <<< \"$(evens 2 4)\"\n[ ${#parts[@]} -eq 2 ]\n"},
	},
}
