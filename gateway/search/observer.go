package search

const (
	observerMark = "\x1edrover "
	observerDone = "drover observed\n"
)

// observer calls a candidate's function at every probe and prints what came of
// it, one line each: "=" and the value in a form that equal values share, or "!"
// and the kind of the exception; " ✓" when it is what somebody claims. It shares
// its process with the candidate, which could print what it likes: what comes of
// it is no verdict. Where it is asked to vary, the probes are only patterns: the
// program is called with so many neighbours of theirs, the same for every program,
// and what it returns is printed as a digest.
const observer = `import contextlib, copy, hashlib, io, json, itertools, math, os, random, signal, sys

out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
asked = json.load(open("probes.json", encoding="utf-8"))


def form(v, depth=0):
    if depth > 6:
        return "..."
    if isinstance(v, bool) or v is None or isinstance(v, (str, bytes)):
        return repr(v)
    if isinstance(v, int):
        return repr(v) if abs(v) < 10**100 else "int of %d bits" % v.bit_length()
    if isinstance(v, float):
        if math.isfinite(v) and v == int(v) and abs(v) < 1e15:
            return repr(int(v))
        return "%.9g" % v
    if isinstance(v, list):
        return "[" + ",".join(form(x, depth + 1) for x in v[:1000]) + "]"
    if isinstance(v, tuple):
        return "(" + ",".join(form(x, depth + 1) for x in v[:1000]) + ")"
    if isinstance(v, (set, frozenset)):
        return "{" + ",".join(sorted(form(x, depth + 1) for x in v)) + "}"
    if isinstance(v, dict):
        return "{" + ",".join(sorted(form(k, depth + 1) + ":" + form(x, depth + 1) for k, x in v.items())) + "}"
    if hasattr(v, "__next__"):
        return "iterator" + form([x for x, _ in zip(v, range(100))], depth + 1)
    return type(v).__name__


def near(v, depth=0):
    if isinstance(v, bool):
        return [not v]
    if isinstance(v, int):
        return [v + 1, v - 1, v * 2, v // 2, v + 10, v * 10]
    if isinstance(v, float):
        return [v + 1, v / 2, v * 2]
    if isinstance(v, (str, bytes)):
        return [v[1:], v[:-1], v + v, v[::-1], v + v[:1], v[: len(v) // 2]]
    if isinstance(v, (list, tuple)) and v:
        t, l = type(v), list(v)
        all = [t(l[1:]), t(l[:-1]), t(l + l), t(l[::-1]), t(l + l[:1])]
        for i in range(min(len(l), 3) if depth < 2 else 0):
            all += [t(l[:i] + [x] + l[i + 1 :]) for x in near(l[i], depth + 1)[:3]]
        return all
    if isinstance(v, dict) and v:
        k = next(iter(v))
        all = [{x: v[x] for x in list(v)[1:]}]
        return all + [{**v, k: x} for x in near(v[k], depth + 1)[:3]]
    if isinstance(v, (set, frozenset)):
        return [type(v)(x) for x in near(sorted(v, key=repr), depth)]
    return []


def vary(known, most):
    seen, all = {form(list(values)) for values in known}, []
    rows, order = [], random.Random(1)
    for values in known:
        row = [values[:i] + (x,) + values[i + 1 :] for i, v in enumerate(values) for x in near(v)]
        for other in known:
            if len(other) == len(values) > 1:
                row += [values[:i] + (other[i],) + values[i + 1 :] for i in range(len(values))]
        order.shuffle(row)
        rows.append(row)
    for row in itertools.zip_longest(*rows):
        for values in row:
            if values is not None and len(all) < most and form(list(values)) not in seen:
                seen.add(form(list(values)))
                all.append(values)
    return all


class Late(BaseException):
    pass


def late(*_):
    raise Late()


def say(i, text):
    out.write("\x1edrover %d %s\n" % (i, text.replace("\n", " ")[:300]))
    out.flush()


signal.signal(signal.SIGALRM, late)
lates = 0
quiet = io.StringIO()
f, names = None, {}
with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
    try:
        signal.setitimer(signal.ITIMER_REAL, 2)
        import candidate

        names = dict(vars(candidate))
        f = names.get(asked["name"])
    except BaseException:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    patient, most, cases = 0.5, asked.get("vary", 0), []
    for args, expect in asked["probes"]:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.5)
            cases.append((*eval("(lambda *a, **k: (a, k))(" + args + ")", {} if most else dict(names)), expect))
        except BaseException:
            cases.append(None)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    if most:
        patient = 0.1
        cases = [(values, {}, "") for values in vary([c[0] for c in cases if c and not c[1]], most)]
    for i, case in enumerate(cases):
        if case is None:
            continue
        *values, expect = case
        signal.setitimer(signal.ITIMER_REAL, patient)
        try:
            text, claim = "!missing", ""
            if lates >= 3:
                text = "!Late"
            elif callable(f):
                text = "=" + form(f(*copy.deepcopy(values[0]), **copy.deepcopy(values[1])))
        except BaseException as e:
            text = "!" + type(e).__name__
            lates += isinstance(e, Late)
        try:
            if expect and text == "=" + form(eval(expect, dict(names))):
                claim = " ✓"
        except BaseException:
            pass
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if most:
            text = text[:1] + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]
        say(i, text[:290] + claim)
out.write("drover observed\n")
out.flush()
os._exit(0)
`
