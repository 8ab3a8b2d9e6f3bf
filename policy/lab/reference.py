# Judges a solution by what a reference returns. Before this stand _source and
# _entry, the reference; _inputs, lists of arguments in JSON;
# _contract, asserts on them; _asserts, the set's own tests; and _tolerance.
import ast, json

_space = {}
exec(compile(_source, "reference", "exec"), _space)
_function = _space[_entry]


def _examples():
    """The set's own tests show what JSON cannot: which arguments are tuples and
    sets, and whether results are compared as sets, by their truth or as they are."""
    arguments, way = [], "equal"
    try:
        body = ast.parse(_asserts).body
    except SyntaxError:
        return arguments, way
    for statement in body:
        if not isinstance(statement, ast.Assert):
            continue
        test = statement.test
        if isinstance(test, ast.Call) and getattr(test.func, "id", "") == _entry:
            way = "truth"
        elif isinstance(test, ast.Compare):
            sides = [test.left] + test.comparators
            if any(isinstance(s, ast.Call) and getattr(s.func, "id", "") == "set" for s in sides):
                way = "set"
        for node in ast.walk(test):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == _entry:
                try:
                    arguments.append([ast.literal_eval(a) for a in node.args])
                except ValueError:
                    pass
    return arguments, way


_shown, _way = _examples()
# Functions of MBPP whose results have no order, or matter only by being there, as
# EvalPlus judges them: the asserts do not show it.
if _entry in ("similar_elements", "find_char_long", "common_in_nested_lists", "extract_singly", "larg_nnum", "intersection_array",
              "find_dissimilar", "Diff"):
    _way = "set"
elif _entry in ("check_str", "text_match_three", "text_starta_endb"):
    _way = "truth"


def _like(value, shown):
    """value with the types of shown, as far as JSON may have lost them."""
    if isinstance(value, list) and isinstance(shown, (list, tuple, set, frozenset)):
        order = list(shown)
        parts = [_like(v, order[min(i, len(order) - 1)]) if order else v for i, v in enumerate(value)]
        return parts if isinstance(shown, list) else tuple(parts) if isinstance(shown, tuple) else set(parts)
    if isinstance(value, dict) and isinstance(shown, dict) and shown:
        key, part = next(iter(shown.items()))
        return {(int(k) if isinstance(key, int) and isinstance(k, str) else k): _like(v, part) for k, v in value.items()}
    if isinstance(value, str) and isinstance(shown, complex):
        return complex(value)
    if isinstance(value, int) and isinstance(shown, float) and not isinstance(value, bool):
        return float(value)
    return value


def _tuples(value):
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def _number(value):
    """The number that a text is: JSON knows none that are complex."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return complex(value)


# Whether arguments are as the reference wants them: its contract says so.
_names = ", ".join(_function.__code__.co_varnames[:_function.__code__.co_argcount])
try:
    exec(compile("def _holds(%s):\n%s\n    return True\n" % (_names, _contract), "contract", "exec"), _space)
    _holds = _space["_holds"]
except SyntaxError:
    def _holds(*arguments):
        return True


def _forms(line):
    """Ways to read a line, the likeliest first; each is read anew, since a
    solution may change its arguments."""
    if _shown:
        for shown in _shown:
            if len(shown) == len(json.loads(line)):
                yield lambda: [_like(v, s) for v, s in zip(json.loads(line), shown)]
    yield lambda: json.loads(line)
    yield lambda: [_tuples(v) for v in json.loads(line)]
    yield lambda: [_number(v) for v in json.loads(line)]


def _read(line):
    """How to read a line so that the contract holds and the reference answers."""
    for form in _forms(line):
        try:
            if _holds(*form()):
                return form, _function(*form())
        except Exception:
            pass
    return None, None


def _near(got, want):
    if isinstance(want, (list, tuple)):
        return isinstance(got, (list, tuple)) and len(got) == len(want) and all(_near(g, w) for g, w in zip(got, want))
    try:
        return bool(got == want) or abs(got - want) <= _tolerance + 1e-7 * abs(want)
    except Exception:
        return False


def _floats(value):
    return isinstance(value, float) or isinstance(value, (list, tuple)) and len(value) > 0 and all(isinstance(v, float) for v in value)


if not _tolerance:
    _tolerance = 0 if _way != "equal" else None


def _same(got, want):
    """EvalPlus's rule: equal, or near where floats are due."""
    global _tolerance
    if _way == "truth":
        return bool(got) == bool(want)
    if _way == "set":
        return set(got) == set(want)
    if got == want:
        return True
    if _tolerance is None:
        if not _floats(want):
            return False
        _tolerance = 1e-6
    if not _tolerance:
        return False
    if isinstance(want, (list, tuple)) and not isinstance(got, type(want)):
        return False
    return _near(got, want)


def check(candidate):
    asked = 0
    for line in _inputs:
        read, want = _read(line)
        if read is None:
            continue
        asked += 1
        got = candidate(*read())
        right = _same(got, want)
        assert right, "for the arguments %s" % line[:200]
        if not right:
            return
    assert asked, "the reference answers none of the inputs"
