# The tests' side: reads the tests, runs them against the candidate's process,
# and tells the judge of every check over a descriptor that the candidate's
# process does not have.
import ast, doctest, gc, linecache, traceback, unittest

JUDGE = 4
_sent = [0]
_failed = []


def tell(message):
    send(JUDGE, message)


def tell_check(name, passed, message=""):
    _sent[0] += 1
    if not passed:
        _failed.append(name)
    tell({"check": shorten(str(name), 200), "passed": bool(passed), "message": shorten(str(message), 2000)})


def shorten(text, size):
    return text if len(text) <= size else text[:size - 3] + "..."


def describe(e):
    text = str(e)
    if isinstance(e, AssertionError):
        frames = traceback.extract_tb(e.__traceback__)
        line = next((f.line for f in reversed(frames) if f.line), "")
        return ("%s: %s" % (line, text) if line and text else line or text) or "assertion failed"
    return "%s: %s" % (type(e).__name__, text)


# The assert framework.

class Instrument:
    """Makes every assert statement a check that is recorded. One that fails does
    not end the tests, unless the tests themselves look at the failure."""

    def __init__(self, source):
        self.lines, self.checks = source.encode("utf-8").split(b"\n"), []

    def block(self, nodes, guarded=False):
        out = []
        for node in nodes:
            if type(node) is ast.Assert:
                out.extend(self.check(node, guarded))
                continue
            out.append(node)
            within = guarded or isinstance(node, (ast.With, ast.AsyncWith))
            for field in ("body", "orelse", "finalbody"):
                part = getattr(node, field, None)
                if type(part) is list:
                    setattr(node, field, self.block(part, within or field == "body" and bool(getattr(node, "handlers", None))))
            for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
                part.body = self.block(part.body, within)
        return out

    def text(self, node):
        lines = self.lines[node.lineno - 1:node.end_lineno]
        if not lines:
            return "assert"
        lines[-1] = lines[-1][:node.end_col_offset]
        lines[0] = lines[0][node.col_offset:]
        return " ".join(b"\n".join(lines).decode("utf-8", "replace").split()) or "assert"

    def check(self, node, guarded):
        test = node.test
        if isinstance(test, ast.Constant) and test.value:
            return [node]
        index = len(self.checks)
        self.checks.append("line %d: %s" % (node.lineno, shorten(self.text(test), 120)))
        at = {"lineno": node.lineno, "col_offset": node.col_offset, "end_lineno": node.end_lineno, "end_col_offset": node.end_col_offset}

        def name(text, context=_LOAD):
            return ast.Name(text, context, **at)

        def told(function, *names):
            return ast.Expr(ast.Call(name(function), [ast.Constant(index, **at), *[name(n) for n in names]], [], **at), **at)

        held = told("_drover_held")
        if guarded:
            return [node, held]
        body = [ast.Assign([name("_drover_left", _STORE), name("_drover_right", _STORE)], name("_drover_unset"), **at)]
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            body += [ast.Assign([name("_drover_left", _STORE)], test.left, **at), ast.Assign([name("_drover_right", _STORE)], test.comparators[0], **at)]
            node = ast.Assert(ast.Compare(name("_drover_left"), test.ops, [name("_drover_right")], **at), node.msg, **at)
        failed = told("_drover_failed", "_drover_error", "_drover_left", "_drover_right")
        return [ast.Try(body + [node], [ast.ExceptHandler(name("BaseException"), "_drover_error", [failed], **at)], [held], [], **at)]


_LOAD, _STORE = ast.Load(), ast.Store()


class Asserts:
    unset = object()

    def __init__(self):
        self.held, self.failures = {}, {}

    def on_held(self, index):
        self.held[index] = self.held.get(index, 0) + 1

    def on_failed(self, index, error, left, right):
        if isinstance(error, (CandidateEnded, NeedsSharing, BrokenTests, KeyboardInterrupt, MemoryError)):
            raise error
        if index not in self.failures:
            if isinstance(error, AssertionError) and right is not self.unset:
                text = "got %s, compared with %s" % (safe_repr(left), safe_repr(right))
                self.failures[index] = shorten(str(error), 200) + " (" + text + ")" if str(error) else text
            else:
                self.failures[index] = describe(error) if not isinstance(error, AssertionError) else str(error) or "does not hold"


def safe_repr(value):
    try:
        return shorten(repr(value), 300)
    except BaseException as e:
        return "<%s>" % type(e).__name__


def run_assert(job, tree, source, namespace):
    instrument = Instrument(source)
    tree.body = instrument.block(tree.body)
    record = Asserts()
    namespace.update(_drover_held=record.on_held, _drover_failed=record.on_failed, _drover_unset=Asserts.unset)
    ended = None
    try:
        exec(compile(tree, "tests.py", "exec", dont_inherit=True), namespace)
        check = namespace.get("check")
        if inspect.isfunction(check) and check.__globals__ is namespace and not calls_check(tree):
            arguments = [job["candidate"]] if len(inspect.signature(check).parameters) else []
            if arguments and job.get("missing"):
                raise NameError("the solution does not define %s" % job["missing"])
            check(*arguments)
    except (NeedsSharing, BrokenTests):
        raise
    except BaseException as e:
        ended = str(e) if isinstance(e, CandidateEnded) else describe(e)
    for index, text in enumerate(instrument.checks):
        if index in record.failures:
            tell_check(text, False, record.failures[index])
        elif record.held.get(index):
            tell_check(text, True)
        elif ended is not None:
            tell_check(text, False, "not reached: " + ended)
    if not instrument.checks:
        if any(isinstance(n, ast.Raise) or isinstance(n, ast.Call) and getattr(n.func, "id", getattr(n.func, "attr", "")) in ("exit", "fail")
               for n in ast.walk(tree)):
            tell_check("the tests run to their end", ended is None, ended or "")
            return
    if ended is not None and not record.failures and all(record.held.get(i) for i in range(len(instrument.checks))):
        tell_check("the tests run to their end", False, ended)


def calls_check(tree):
    return any(isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "check"
               for top in tree.body if not isinstance(top, (ast.FunctionDef, ast.ClassDef)) for n in ast.walk(top))


# The other frameworks.

class Collecting(unittest.TestResult):
    def __init__(self, tell_one):
        super().__init__()
        self.tell_one, self.bad = tell_one, {}

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.bad[test.id()] = describe(error[1])

    def addSuccess(self, test):
        if test.id() in self.bad:
            return self.tell_one(short_id(test), False, self.bad[test.id()])
        self.tell_one(short_id(test), True, "")

    def addFailure(self, test, error):
        self.tell_one(short_id(test), False, describe(error[1]))

    addError = addFailure

    def addSkip(self, test, reason):
        # In one process, a skip while the test runs may be the solution's doing.
        method = getattr(test, getattr(test, "_testMethodName", ""), None)
        decorated = getattr(method, "__unittest_skip__", False) or getattr(type(test), "__unittest_skip__", False)
        if link is None and not decorated:
            self.tell_one(short_id(test), False, "skipped while it ran: %s" % reason)

    def addExpectedFailure(self, test, error):
        self.tell_one(short_id(test), True, "")

    def addUnexpectedSuccess(self, test):
        self.tell_one(short_id(test), False, "passed, although a failure was expected")

    def stopTest(self, test):
        super().stopTest(test)
        if test.id() in self.bad:
            self.tell_one(short_id(test), False, self.bad.pop(test.id()))


def short_id(test):
    return test.id().split(".", 1)[-1] if hasattr(test, "id") else str(test)


def run_unittest_suite(suite, tell_one):
    try:
        suite.run(Collecting(tell_one))
    except CandidateEnded as e:
        tell_one("the tests run to their end", False, str(e))


def never_awaited(cls):
    """A method whose body a plain TestCase never runs; None where there is none."""
    if issubclass(cls, unittest.IsolatedAsyncioTestCase):
        return None
    for n in unittest.defaultTestLoader.getTestCaseNames(cls):
        method = getattr(cls, n)
        if inspect.isgeneratorfunction(method) or inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
            return n
    return None


def load_cases(cls):
    idle = never_awaited(cls)
    if idle:
        raise BrokenTests("%s.%s is no test: its body never runs" % (cls.__name__, idle))
    return unittest.defaultTestLoader.loadTestsFromTestCase(cls)


def run_unittest(module, namespace):
    suite = unittest.TestSuite()
    for value in list(namespace.values()):
        if isinstance(value, type) and not isinstance(value, RemoteClass) and issubclass(value, unittest.TestCase) \
                and value.__module__ == namespace["__name__"]:
            suite.addTest(load_cases(value))
    run_unittest_suite(suite, tell_check)


def run_doctest(source, namespace):
    class One(doctest.DocTestRunner):
        def report_success(self, out, test, example, got):
            tell_check("line %d: %s" % (example.lineno + 1, example.source.strip()), True)

        def report_failure(self, out, test, example, got):
            tell_check("line %d: %s" % (example.lineno + 1, example.source.strip()), False, "expected %s, got %s" % (example.want.strip(), got.strip()))

        def report_unexpected_exception(self, out, test, example, error):
            tell_check("line %d: %s" % (example.lineno + 1, example.source.strip()), False, describe(error[1]))

    class Expected(str):
        """The last line of an expected traceback."""

    class Checker(doctest.OutputChecker):
        # An exception is the same whichever module its class is said to be of.
        def check_output(self, want, got, flags):
            if isinstance(want, Expected):
                want, got = (re.sub(r"\A(?:[A-Za-z_]\w*\.)+(?=[A-Za-z_]\w*(?::|\s*\Z))", "", text) for text in (want, got))
            return super().check_output(want, got, flags)

    # Statements that print nothing are no checks of their own: only those with an
    # expected output, or that fail, are told.
    test = doctest.DocTestParser().get_doctest(source, namespace, "tests", "tests.py", 0)
    wanted = [e for e in test.examples if e.want]
    for example in test.examples:
        if example.exc_msg is not None:
            example.exc_msg = Expected(example.exc_msg)
    quiet = {id(e) for e in test.examples if not e.want}
    original = One.report_success
    One.report_success = lambda self, out, t, e, got: None if id(e) in quiet else original(self, out, t, e, got)
    streams = sys.stdout
    try:
        One(checker=Checker(), verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=lambda s: None, clear_globs=False)
    except CandidateEnded as e:
        tell_check("the tests run to their end", False, str(e))
    finally:
        sys.stdout = streams
    return wanted


# The whole.

def snapshot():
    """What a candidate in this process must not have changed."""
    places = [builtins.__dict__, unittest.TestCase.__dict__, unittest.TestResult.__dict__, unittest.TestSuite.__dict__, unittest.BaseTestSuite.__dict__,
              unittest.TestLoader.__dict__, doctest.DocTestRunner.__dict__, doctest.OutputChecker.__dict__, sys.modules["unittest.case"].__dict__,
              operator.__dict__, math.__dict__, Collecting.__dict__, Asserts.__dict__, Instrument.__dict__, Runner.__dict__, Approx.__dict__, Raises.__dict__,
              {k: v for k, v in _globals.items() if k not in ("link", "solution_name", "_sent", "_failed")}]
    return [{k: id(v) for k, v in place.items() if k not in ("_", "__builtins__")} for place in places]


_globals = globals()
HARNESS.update(v for v in _globals.values() if isinstance(v, type))
sys.modules["pytest"] = make_pytest()


def load_shared(job):
    """Loads the candidate into this process: for tests that cannot run apart."""
    before = snapshot()
    module = types.ModuleType(job["module"])
    module.__file__ = job["file"]
    sys.modules[job["module"]] = module
    linecache.cache[job["file"]] = (len(job["code"]), None, job["code"].splitlines(True), job["file"])
    exec(compile(job["code"], job["file"], "exec", dont_inherit=True), module.__dict__)
    for value in list(module.__dict__.values()):
        if isinstance(value, type):
            guard_equality(value)
    return module, before


_guarded = {}
_slots = tuple({type(object.__eq__), type(str.join), type(len)})  # methods that are not written in Python


def foreign(method):
    """Whether a method is neither Python's own nor an installed package's. A class
    may say of itself that it is of any module; its code comes from some file."""
    if method is None or isinstance(method, _slots):
        return False
    file = getattr(getattr(method, "__code__", None), "co_filename", "")
    return type(file) is not str or not file.startswith(_library) or file.endswith("/unittest/mock.py")  # which calls whatever a mock was given


_library = (os.path.dirname(os.__file__) + "/", "/usr/lib/python3/dist-packages/")


def equals_foreignly(cls):
    return any(foreign(one.__dict__.get(method)) for one in cls.__mro__ for method in ("__eq__", "__ne__"))


def guard_equality(cls):
    """Objects of the solution's classes are equal to objects only, not to the
    plain values that tests compare with."""
    for one in (*cls.__mro__, *type(cls).__mro__):
        if id(one) in _guarded:
            continue
        _guarded[id(one)] = one
        for method, otherwise in (("__eq__", False), ("__ne__", True)):
            original = one.__dict__.get(method)
            if not foreign(original) or not callable(original):
                continue

            def guarded(self, other, original=original, otherwise=otherwise):
                return original(self, other) if isinstance(other, type) or equals_guarded(type(other)) else otherwise
            keep = one.__dict__.get("__hash__", one.__hash__)
            setattr(one, method, guarded)
            one.__hash__ = keep


def equals_guarded(cls):
    """Whether objects of a class can be compared with the solution's: they are the
    solution's, or of a class of the tests'."""
    return cls.__module__ == solution_name or cls.__module__ in TEST_MODULES or equals_foreignly(cls)


_stops = []  # not empty where the tests themselves speak of StopIteration


def guard_results(function):
    """Calls of the tests get plain values where the solution gives a subclass of a
    built-in type that says of itself what it is equal to."""
    import functools
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return function

    @functools.wraps(function)
    def guarded(*args, **kwargs):
        try:
            value = function(*args, **kwargs)
        except (StopIteration, StopAsyncIteration) as e:
            if _stops:
                raise
            raise RuntimeError("the solution raised %s" % type(e).__name__) from e
        if isinstance(value, type):
            guard_equality(value)
        elif type(value) is type(getattr(sys.modules.get("unittest.mock"), "ANY", None)) and value is not None:
            return object()  # it would be equal to whatever the tests expect
        elif equals_foreignly(type(value)):
            form = underlying(value, lambda v, depth: None, 0)
            if form is not None or isinstance(value, complex):
                return decode(form, lambda data: None) if form is not None else complex.__pos__(value)
            try:
                guard_equality(type(value))
            except TypeError:
                return object()  # a class that cannot be guarded is equal to nothing
        return value
    return guarded


def unharmed(before):
    """Checks that must fail, and what must not have been changed."""
    if snapshot() != before:
        return "the solution changed Python or the test framework"
    try:
        assert False
        return "an assertion that must fail did not"
    except AssertionError:
        pass
    case = unittest.TestCase()
    try:
        case.assertEqual(1, 2)
        return "an assertion that must fail did not"
    except AssertionError:
        pass
    result = unittest.TestResult()

    class MustFail(unittest.TestCase):
        def runTest(self):
            self.assertTrue(False)
    MustFail().run(result)
    return "" if not result.wasSuccessful() and len(result.failures) == 1 else "a test that must fail did not"


def run_tests(spec):
    try:
        judge_tests()
    except NeedsSharing as e:
        tell({"share": str(e), "apart": bool(_failed)})
        _exit(0)
    except BrokenTests as e:
        tell({"broken": str(e)})
        _exit(0)


def judge_tests():
    global link, solution_name
    gc.disable()  # a short life: what a run leaves is thrown away with it
    job = receive(JUDGE)
    nonce = job.pop("nonce")
    solution_name = job["module"]
    TEST_MODULES.update("tests_%d" % n for n in range(len(job["tests"])))
    sys.path.insert(0, WORK)
    shared, before = job["shared"], None
    _stops.extend(s for s in ("StopIteration", "StopAsyncIteration") if any(s in source for source in job["tests"]))
    try:
        trees = [ast.parse(source) for source in job["tests"]] if job["framework"] != "doctest" else []
    except (SyntaxError, ValueError, RecursionError) as e:
        tell({"broken": "the tests do not parse: %s" % e})
        _exit(0)
    if shared:
        try:
            solution, before = load_shared(job)
        except BaseException as e:
            tell_check("loading the solution", False, describe(e))
            tell({"done": _sent[0], "nonce": nonce})
            _exit(0)
        names = list(solution.__dict__)
    else:
        link = Link(3, tell)
        link.stops = bool(_stops)
        names = [n for n in link.ask({"op": "names"}) if isinstance(n, str)]
        for tree in trees:
            why = needs_sharing(tree, names, solution_name)
            if why:
                tell({"share": why})
                _exit(0)
        solution = SolutionModule(solution_name)
        sys.modules[solution_name] = solution
    entry = job.get("entry_point") or ""
    if not entry and "def check(" in "".join(job["tests"]):
        functions = link.ask({"op": "functions"}) if link else [n for n, v in solution.__dict__.items() if inspect.isfunction(v)]
        entry = functions[-1] if functions else ""
    missing = alias_missing_modules(trees, solution, names, entry)
    if missing:
        tell({"broken": "the tests import %s, which is not here" % missing})
        _exit(0)
    for number, source in enumerate(job["tests"]):
        run_file(job, number, source, trees[number] if trees else None, solution, names, entry)
    if link is not None and link.sharing:
        raise NeedsSharing(link.sharing)  # whatever the tests made of it
    if link is not None and _failed and not link.dead and not link.stranger and (link.doubts() or doubtful(trees)):
        raise NeedsSharing("they failed where " + (link.doubts() or doubtful(trees)))
    if link is not None and link.dead:
        tell_check("the solution answers to the end", False, link.dead)
    if link is not None and not _failed and not link.used:
        raise BrokenTests("the tests use nothing of the solution; entry_point names what they are about")
    if before is not None:
        harm = unharmed(before)
        if harm:
            tell_check("the tests can fail", False, harm)
    sys.stdout.flush()
    tell({"done": _sent[0], "nonce": nonce})
    _exit(0)


def find_entry(solution, entry):
    """The function of a dotted name; a plain method is that of an instance."""
    holder, target = None, solution
    for part in entry.split("."):
        holder, target = target, getattr(target, part)
    if isinstance(holder, type) and inspect.isfunction(inspect.getattr_static(holder, part)):
        return getattr(holder(), part)
    return target


def run_file(job, number, source, tree, solution, names, entry):
    module_name = "__main__" if job["framework"] == "assert" else "tests_%d" % number
    module = types.ModuleType(module_name)
    namespace = module.__dict__
    sys.modules[module_name] = module
    namespace["__file__"] = WORK + "/tests_%d.py" % number
    linecache.cache["tests.py"] = (len(source), None, source.splitlines(True), "tests.py")
    try:
        if tree is None:
            used = set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", source))
        else:
            used = {n.id for n in nodes_of(tree) if isinstance(n, ast.Name)} - defined_names(tree)
            if solution_name in used and solution_name not in names:
                namespace[solution_name] = solution
        for n in used & LENT:
            namespace[n] = __import__(n)
        root = entry.split(".")[0]
        for n in names:
            if n in used and (n == root or not is_shadow(n)):
                namespace[n] = getattr(solution, n)
        taken = defined_names(tree) if tree is not None else set()
        types.ModuleType.__setattr__(solution, "__all__", [n for n in names if n == root or not (n.startswith("_") or is_shadow(n) or n in taken)])
        if link is None:
            for n, value in list(solution.__dict__.items()):
                if inspect.isfunction(value) and value.__module__ == solution_name and not hasattr(value, "_drover_guarded"):
                    guarded = guard_results(value)
                    guarded._drover_guarded = True
                    setattr(solution, n, guarded)
                    if n in namespace:
                        namespace[n] = guarded
        if entry:
            target = solution
            try:
                if link is not None and "." in entry:
                    target = link.ask({"op": "find", "name": entry})
                    link.named.add(link.number(target)) if isinstance(target, Remote) else None
                elif link is None:
                    target = find_entry(solution, entry)
                else:
                    target = getattr(target, entry)
                job["candidate"] = target
                namespace.setdefault("candidate", target)
                job["missing"] = ""
            except AttributeError:
                job["candidate"], job["missing"] = None, entry
        if job["framework"] == "assert":
            return run_assert(job, tree, source, namespace)
        if job["framework"] == "doctest":
            return run_doctest(source, namespace)
        exec(compile(tree, "tests.py", "exec", dont_inherit=True), namespace)
        if job["framework"] == "unittest":
            return run_unittest(module, namespace)
        Runner(namespace, tell_check).run()
    except (NeedsSharing, BrokenTests):
        raise
    except Skipped:
        pass
    except BaseException as e:
        tell_check("the tests run to their end", False, str(e) if isinstance(e, CandidateEnded) else describe(e))
