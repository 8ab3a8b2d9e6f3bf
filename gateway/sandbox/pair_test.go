package sandbox

import "testing"

// Right solutions pass by the pair protocol, whatever they give and take.
func TestPairServesWhatTestsUse(t *testing.T) {
	r := commonRunner(t)
	for name, c := range map[string]struct{ code, tests string }{
		"values": {`
import collections, decimal, fractions, datetime, math
def give(n):
    return [None, True, 1, 10**40, 1.5, float("inf"), "é\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"), b"\x00\xff", (1, (2,)), [1, [2]], {"a": {1: (2, 3)}}, {1, 2}, frozenset({3}),
            1j, range(3), collections.Counter("aab"), collections.OrderedDict(a=1), collections.defaultdict(list, {1: [2]}),
            collections.deque([1, 2]), decimal.Decimal("1.10"), fractions.Fraction(1, 3), datetime.date(2024, 1, 2), datetime.timedelta(1), -10**30, {}.keys(), Ellipsis][n]
`, `
import collections, decimal, fractions, datetime
want = [None, True, 1, 10**40, 1.5, float("inf"), "é\U0001F600", b"\x00\xff", (1, (2,)), [1, [2]], {"a": {1: (2, 3)}}, {1, 2}, frozenset({3}),
        1j, range(3), {"a": 2, "b": 1}, {"a": 1}, {1: [2]}, collections.deque([1, 2]), decimal.Decimal("1.1"), fractions.Fraction(1, 3), datetime.date(2024, 1, 2), datetime.timedelta(days=1), -10**30, {}.keys(), ...]
for i, w in enumerate(want):
    assert give(i) == w, i
    assert type(give(i)) in (type(w), collections.Counter, collections.OrderedDict, collections.defaultdict), i
assert give(0) is None
assert isinstance(give(1), bool)
assert math.isinf(give(5))
`},
		"large integer": {"import math\ndef f(n): return math.factorial(n)\n", "import math\nassert f(3000) == math.factorial(3000)\nassert f(5) + f(3) == 126\n"},
		"mutated": {"def sort(l, d=None):\n    l.sort()\n    l[0].append(9)\n    if d is not None: d.update(x=1)\n    return None\n",
			"inner = [1]\nl, d = [[2], inner], {}\nsort(l, d)\nassert l == [[1, 9], [2]]\nassert d == {'x': 1}\nsort(l, d=d)\nassert l[0] == [1, 9, 9]\n"},
		"same object":   {"def f(l):\n    l.append(1)\n    return l\n", "l = []\nassert f(l) is l\nassert l == [1]\n"},
		"not identical": {"def f(l): return l[:]\n", "l = [1]\nassert f(l) is not l\nassert f(l) == l\n"},
		"exceptions": {"import json\nclass Broke(ValueError):\n    def __init__(self, need):\n        super().__init__(f'need {need}')\n        self.need = need\ndef f(x):\n    if x < 0: raise Broke(-x)\n    return json.loads('{')\n",
			"import pytest, json\nfrom solution import f, Broke\ndef test_a():\n    with pytest.raises(Broke, match='need 3') as e:\n        f(-3)\n    assert e.value.need == 3\n    assert str(e.value) == 'need 3'\n    with pytest.raises(ValueError):\n        f(-1)\n" +
				"def test_b():\n    with pytest.raises(json.JSONDecodeError):\n        f(1)\n    try:\n        f(-2)\n    except Broke as e:\n        assert e.args == ('need 2',)\n    else:\n        assert False\n    assert issubclass(Broke, ValueError)\n"},
		"class": {`
class Stack:
    limit = 3
    def __init__(self, items=()): self.items = list(items)
    def push(self, x):
        if len(self.items) >= self.limit: raise OverflowError("full")
        self.items.append(x)
        return self
    def pop(self): return self.items.pop()
    def __len__(self): return len(self.items)
    def __iter__(self): return iter(self.items)
    def __getitem__(self, i): return self.items[i]
    def __contains__(self, x): return x in self.items
    def __repr__(self): return f"Stack({self.items})"
    def __eq__(self, o): return isinstance(o, Stack) and self.items == o.items
    def __add__(self, o): return Stack(self.items + o.items)
    @property
    def top(self): return self.items[-1]
    @classmethod
    def of(cls, *items): return cls(items)
    @staticmethod
    def zero(): return 0
class Child(Stack): pass
`, `
from solution import Stack, Child
import unittest
class T(unittest.TestCase):
    def setUp(self):
        self.s = Stack()
    def test_all(self):
        s = self.s
        s.push(1).push(2)
        self.assertEqual(len(s), 2)
        self.assertEqual(list(s), [1, 2])
        self.assertEqual(s[0], 1)
        self.assertIn(2, s)
        self.assertNotIn(5, s)
        self.assertEqual(repr(s), "Stack([1, 2])")
        self.assertEqual(s.top, 2)
        self.assertEqual(s.pop(), 2)
        self.assertEqual(s.items, [1])
        self.assertEqual(Stack.of(1, 2).items, [1, 2])
        self.assertEqual(Stack.zero(), 0)
        self.assertEqual(Stack.limit, 3)
        self.assertTrue(s)
        self.assertFalse(Stack())
        self.assertIsInstance(s, Stack)
        self.assertIsInstance(Child(), Stack)
        self.assertNotIsInstance(s, Child)
        self.assertTrue(issubclass(Child, Stack))
        self.assertEqual(Stack([1]), Stack([1]))
        self.assertNotEqual(Stack([1]), Stack([2]))
        self.assertEqual((Stack([1]) + Stack([2])).items, [1, 2])
        s.items = [7]
        self.assertEqual(s.pop(), 7)
        self.assertTrue(hasattr(s, "push"))
        self.assertFalse(hasattr(s, "nothing"))
    def test_full(self):
        for i in range(3): self.s.push(i)
        with self.assertRaises(OverflowError):
            self.s.push(4)
        with self.assertRaisesRegex(OverflowError, "full"):
            self.s.push(4)
`},
		"dataclass and enum": {`
import dataclasses, enum, typing
@dataclasses.dataclass
class P:
    x: int
    y: int = 0
class Color(enum.Enum):
    RED = 1
    BLUE = 2
class Level(enum.IntEnum):
    LOW = 1
class N(typing.NamedTuple):
    a: int
    b: str
def color(n): return Color(n)
def level(): return Level.LOW
def n(): return N(1, "b")
`, `
from solution import *
p = P(1, y=2)
assert (p.x, p.y) == (1, 2)
assert P(1) == P(1, 0)
assert color(1) is Color.RED and color(2) == Color.BLUE
assert Color.RED.value == 1 and Color.RED.name == "RED"
assert Color["RED"] is Color.RED
assert len(Color) == 2 and [c.name for c in Color] == ["RED", "BLUE"]
assert level() == 1 and level() == Level.LOW and level().name == "LOW"
assert n() == (1, "b") and n().a == 1 and n()._asdict() == {"a": 1, "b": "b"}
`},
		"iterators": {"def count():\n    n = 0\n    while True:\n        yield n\n        n += 1\ndef pairs(l): return zip(l, l[1:])\ndef m(f, l): return map(f, l)\n",
			"import itertools\nassert list(itertools.islice(count(), 3)) == [0, 1, 2]\ng = count()\nassert next(g) == 0 and next(g) == 1\nassert list(pairs([1, 2, 3])) == [(1, 2), (2, 3)]\nassert sorted(m(lambda x: -x, [1, 2])) == [-2, -1]\nassert dict(pairs([1, 2])) == {1: 2}\n"},
		"callbacks": {"def apply(f, x): return f(x)\ndef twice(f): return lambda x: f(f(x))\ndef compose(*fs):\n    def run(x):\n        for f in fs: x = f(x)\n        return x\n    return run\ndef retry(f, n):\n    for i in range(n):\n        try: return f()\n        except ValueError as e: last = str(e)\n    return last\n",
			"assert apply(len, [1, 2]) == 2\nassert apply(lambda x: x + 1, 1) == 2\nassert twice(lambda x: x * 3)(2) == 18\nassert compose(str, len)(1234) == 4\ncalls = []\ndef bad():\n    calls.append(1)\n    raise ValueError('no')\nassert retry(bad, 3) == 'no'\nassert len(calls) == 3\nassert apply(twice(lambda x: x + 1), 1) == 3\n"},
		"decorators": {"import functools\ndef memo(f):\n    seen = {}\n    @functools.wraps(f)\n    def g(*a):\n        if a not in seen: seen[a] = f(*a)\n        return seen[a]\n    return g\n",
			"calls = []\n@memo\ndef slow(x):\n    calls.append(x)\n    return x * 2\nassert slow(2) == 4 and slow(2) == 4\nassert calls == [2]\n"},
		"test objects": {"def total(node):\n    n = 0\n    while node:\n        n += node.val\n        node = node.next\n    return n\ndef reverse(node):\n    prev = None\n    while node:\n        node.next, prev, node = prev, node, node.next\n    return prev\n",
			"class Node:\n    def __init__(self, val, next=None):\n        self.val, self.next = val, next\nassert total(Node(1, Node(2))) == 3\nassert total(None) == 0\nr = reverse(Node(1, Node(2)))\nassert r.val == 2 and r.next.val == 1 and r.next.next is None\n"},
		"printing":        {"def hello(name):\n    print('Hello,', name)\n", "def test_hello(capsys):\n    from solution import hello\n    hello('you')\n    assert capsys.readouterr().out == 'Hello, you\\n'\ndef test_redirect():\n    import io, contextlib\n    from solution import hello\n    b = io.StringIO()\n    with contextlib.redirect_stdout(b):\n        hello('me')\n    assert b.getvalue() == 'Hello, me\\n'\n"},
		"doctest prints":  {"def hello():\n    print('a')\n    return 1\n", ">>> hello()\na\n1\n>>> x = hello()\na\n>>> x + 1\n2\n>>> hello(1)\nTraceback (most recent call last):\n...\nTypeError: hello() takes 0 positional arguments but 1 was given\n"},
		"system exit":     {"import sys\ndef main(): sys.exit(3)\n", "import pytest\nfrom solution import main\ndef test_main():\n    with pytest.raises(SystemExit) as e:\n        main()\n    assert e.value.code == 3\n"},
		"async":           {"import asyncio\nasync def f(x):\n    await asyncio.sleep(0)\n    return x * 2\n", "import asyncio\nassert asyncio.run(f(2)) == 4\nasync def all():\n    return await asyncio.gather(f(1), f(2))\nassert asyncio.run(all()) == [2, 4]\n"},
		"context manager": {"import contextlib\nlog = []\n@contextlib.contextmanager\ndef note(x):\n    log.append(x)\n    yield x\n    log.append(-x)\n", "import solution\nwith solution.note(2) as x:\n    assert x == 2\nassert solution.log == [2, -2]\n"},
		"fixtures": {square, "import pytest\nimport solution\n@pytest.fixture\ndef three():\n    yield 3\n@pytest.fixture(params=[1, 2])\ndef n(request):\n    return request.param\nclass TestF:\n    def setup_method(self): self.x = 2\n    def test_a(self, three): assert solution.f(three) == 9\n    def test_b(self): assert solution.f(self.x) == 4\n    @pytest.mark.parametrize('a', [1, pytest.param(2, id='two')])\n    @pytest.mark.parametrize('b', [3])\n    def test_c(self, a, b): assert solution.f(a) == a * a\n" +
			"def test_n(n): assert solution.f(n) == n * n\n@pytest.mark.skip\ndef test_skip(): assert False\n@pytest.mark.xfail\ndef test_x(): assert solution.f(2) == 5\n"},
		"other module name":    {square, "from my_module import f\ndef test_f(): assert f(2) == 4\n"},
		"no import":            {square, "def test_f():\n    assert f(2) == 4\n"},
		"main guard":           {"def f(): return 1\nif __name__ == '__main__':\n    input()\n", "for _ in range(1):\n    assert f() == 1\n"},
		"prints and recursion": {"import sys\nsys.setrecursionlimit(100000)\ndef f(n):\n    print('x' * 100)\n    return 0 if n == 0 else 1 + f(n - 1)\n", "for n in (10, 900): assert f(n) == n\n"},
		"expected failure":     {"def f(x):\n    if x < 0: raise ValueError('negative')\n    return x\n", "try:\n    f(-1)\n    assert False, 'no error'\nexcept ValueError as e:\n    assert str(e) == 'negative'\nassert f(2) == 2\n"},
		"subtests":             {square, "import unittest\nfrom solution import f\nclass T(unittest.TestCase):\n    def test_many(self):\n        for x in range(3):\n            with self.subTest(x=x):\n                self.assertEqual(f(x), x * x)\n    @unittest.skip('not yet')\n    def test_skip(self): self.fail()\nif __name__ == '__main__':\n    unittest.main()\n"},
		"state between calls":  {"n = 0\ndef up():\n    global n\n    n += 1\n    return n\n", "import solution\nassert up() == 1 and up() == 2\nassert solution.n == 2\n"},
		"keywords":             {"def f(a, *rest, b=1, **more): return (a, rest, b, more)\n", "for _ in range(1):\n    assert f(1, 2, b=3, c=4) == (1, (2,), 3, {'c': 4})\n    assert f(*[1, 2], **{'d': 5}) == (1, (2,), 1, {'d': 5})\n"},
		"check without entry":  {square, "def check(candidate):\n    for x in range(3):\n        assert candidate(x) == x * x\n"},
		"check called":         {square, "def check(g):\n    for x in range(3):\n        assert g(x) == x * x\ncheck(f)\n"},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := r.Run(t.Context(), Job{Code: c.code, Tests: []string{c.tests}})
			if err != nil || report.Verdict != Passed || report.Protocol != "pair" {
				t.Errorf("%s by %s: %s\n%+v\n%s %v", report.Verdict, report.Protocol, report.Detail, report.Checks, report.Output, err)
			}
			if report.Assurance == Low {
				t.Logf("low assurance: %s", report.Detail)
			}
		})
	}
}
