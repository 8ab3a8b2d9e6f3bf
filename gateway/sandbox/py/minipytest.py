# What tests commonly use of pytest, so that they run where pytest is not
# installed, and with a plan that is known before the candidate is asked.
import contextlib, inspect, itertools, tempfile, warnings as _warnings


class Outcome(BaseException):
    def __init__(self, message=""):
        super().__init__(message)


class Skipped(Outcome): pass
class Failed(Outcome): pass
class ExpectedFailure(Outcome): pass


class BrokenTests(BaseException):
    """The tests themselves cannot tell anything: nothing is judged by them."""


def _skip(reason="", allow_module_level=False, msg=""):
    raise Skipped(reason or msg)


def _fail(reason="", pytrace=True, msg=""):
    raise Failed(reason or msg)


def _xfail(reason=""):
    raise ExpectedFailure(reason)


_skip.Exception, _fail.Exception = Skipped, Failed


class Partial:
    """Something of pytest's of which only a part is here: what is asked of it beyond
    that is no fault of the solution's."""

    def __getattr__(self, name):
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        raise BrokenTests("pytest's %s.%s is not supported here" % (type(self).__name__, name))


class ExceptionInfo(Partial):
    value = None

    @property
    def type(self):
        return type(self.value)

    @property
    def typename(self):
        return type(self.value).__name__

    @property
    def tb(self):
        return self.value.__traceback__

    def exconly(self, tryshort=False):
        return "".join(traceback.format_exception_only(type(self.value), self.value)).strip()

    def errisinstance(self, kinds):
        return isinstance(self.value, kinds)

    def __str__(self):
        return repr(self)

    def __repr__(self):
        return "<ExceptionInfo %r>" % (self.value,)

    def match(self, pattern):
        if not re.search(pattern, str(self.value)):
            raise AssertionError("pattern %r does not match %r" % (pattern, str(self.value)))
        return True


class Raises:
    def __init__(self, expected, match=None, check=None):
        self.expected, self.match, self.check, self.info = expected, match, check, ExceptionInfo()

    def __enter__(self):
        return self.info

    def __exit__(self, kind, value, trace):
        if kind is None:
            raise Failed("did not raise %s" % (self.expected,))
        if not issubclass(kind, self.expected):
            return False
        self.info.value = value
        if self.match is not None:
            self.info.match(self.match)
        if self.check is not None and not self.check(value):
            raise AssertionError("the raised exception did not pass its check")
        return True


def _raises(expected, *args, match=None, check=None, **kwargs):
    context = Raises(expected, match, check)
    if not args:
        return context
    with context as info:
        args[0](*args[1:], **kwargs)
    return info


@contextlib.contextmanager
def _warns(expected=Warning, match=None):
    with _warnings.catch_warnings(record=True) as caught:
        _warnings.simplefilter("always")
        yield caught
    if not any(issubclass(w.category, expected) and (match is None or re.search(match, str(w.message))) for w in caught):
        raise Failed("did not warn %s" % (expected,))


class Approx:
    def __init__(self, expected, rel=None, abs=None, nan_ok=False):
        self.expected, self.rel, self.abs, self.nan_ok = expected, rel, abs, nan_ok

    def near(self, got, want):
        if isinstance(want, (list, tuple)):
            return isinstance(got, (list, tuple)) and len(got) == len(want) and all(self.near(g, w) for g, w in zip(got, want))
        if isinstance(want, dict):
            return isinstance(got, dict) and got.keys() == want.keys() and all(self.near(got[k], want[k]) for k in want)
        if got == want:
            return True
        if isinstance(want, bool) or not isinstance(want, (int, float, complex, decimal.Decimal, fractions.Fraction)) \
                or isinstance(got, Remote) or not isinstance(got, (int, float, complex, decimal.Decimal, fractions.Fraction)):
            return False
        if want != want or got != got:
            return self.nan_ok and want != want and got != got
        if isinstance(want, decimal.Decimal) != isinstance(got, decimal.Decimal):
            got, want = float(got), float(want)
        if math.isinf(abs(want)) or math.isinf(abs(got)):
            return False
        if self.abs is not None and self.rel is None:
            tolerance = self.abs
        else:
            tolerance = max(self.abs if self.abs is not None else 1e-12, (self.rel if self.rel is not None else 1e-6) * float(abs(want)))
        return abs(got - want) <= tolerance

    def __eq__(self, other):
        return self.near(other, self.expected)

    def __ne__(self, other):
        return not self == other

    __hash__ = None

    def __repr__(self):
        return "approx(%r)" % (self.expected,)


class Param:
    def __init__(self, values, marks=(), id=None):
        self.values, self.id = values, id
        self.marks = marks if isinstance(marks, (list, tuple)) else (marks,)


class Mark:
    def __init__(self, name, args=(), kwargs=None):
        self.name, self.args, self.kwargs = name, args, kwargs or {}

    def __call__(self, *args, **kwargs):
        if len(args) == 1 and not kwargs and (inspect.isfunction(args[0]) or inspect.isclass(args[0])):
            args[0].pytestmark = [*own_marks(args[0]), self]
            return args[0]
        return Mark(self.name, args, kwargs)

    def holds(self, namespace):
        """Whether a skipif or xfail applies: without a condition it does."""
        conditions = self.args or ([self.kwargs["condition"]] if "condition" in self.kwargs else [True])
        return any(eval(c, dict(namespace)) if isinstance(c, str) else c for c in conditions)


def own_marks(target):
    """The marks set on a function, class or module itself, as a list."""
    marks = vars(target).get("pytestmark", [])
    return list(marks) if isinstance(marks, (list, tuple)) else [marks]


class Marks:
    def __getattr__(self, name):
        return Mark(name)


class Fixture:
    def __init__(self, function, scope="function", params=None, autouse=False, name=None, ids=None):
        self.function, self.scope, self.params, self.autouse, self.name, self.ids = function, scope, params, autouse, name, ids
        self.__name__ = getattr(function, "__name__", "fixture")

    def __get__(self, instance, owner):
        return self if instance is None else Fixture(self.function.__get__(instance, owner), self.scope, self.params, self.autouse, self.name, self.ids)


def _fixture(function=None, **options):
    if function is not None:
        return Fixture(function)
    return lambda f: Fixture(f, **options)


def _importorskip(name, *args, **kwargs):
    try:
        return __import__(name, fromlist=["x"])
    except ImportError:
        raise Skipped("%s is not installed" % name)


class Node(Partial):
    def __init__(self, test, marks):
        path, bracket, values = test.partition("[")
        self.originalname = path.rsplit(".", 1)[-1]
        self.nodeid, self.name, self.marks = "tests.py::" + test, self.originalname + bracket + values, marks

    def get_closest_marker(self, name, default=None):
        return next((m for m in reversed(self.marks) if m.name == name), default)

    def iter_markers(self, name=None):
        return (m for m in reversed(self.marks) if name in (None, m.name))


class Request(Partial):
    def __init__(self, resolve, test, marks, instance, function, fixture=None):
        self.getfixturevalue, self.node = resolve, Node(test, marks)
        self.instance, self.cls, self.function, self.fixturename = instance, type(instance) if instance is not None else None, function, fixture
        self.module = sys.modules[function.__module__]
        self.keywords = {m.name: m for m in marks}
        self.finalizers = []

    def __getattr__(self, name):
        if name == "param":
            raise AttributeError(name)  # of a fixture without parameters, as in pytest
        return Partial.__getattr__(self, name)

    def addfinalizer(self, f):
        self.finalizers.append(f)


class Capsys(Partial):
    @contextlib.contextmanager
    def disabled(self):
        yield

    def __init__(self):
        self.out, self.err = io.StringIO(), io.StringIO()

    def readouterr(self):
        result = collections.namedtuple("CaptureResult", "out err")(self.out.getvalue(), self.err.getvalue())
        for stream in (self.out, self.err):
            stream.seek(0)
            stream.truncate()
        return result


def make_caplog():
    """The fixture caplog: what is logged while a test runs. Its module is imported
    here because every fork of a process that holds it pays for its locks."""
    import logging

    class CapLog(logging.Handler):
        def __init__(self):
            super().__init__(0)
            self.setFormatter(logging.Formatter("%(levelname)-8s %(name)s:%(filename)s:%(lineno)d %(message)s"))
            self.handler = self
            self.clear()

        def emit(self, record):
            self.records.append(record)
            self.text += self.format(record) + "\n"

        messages = property(lambda self: [r.getMessage() for r in self.records])
        record_tuples = property(lambda self: [(r.name, r.levelno, r.getMessage()) for r in self.records])

        def clear(self):
            self.records, self.text = [], ""

        def get_records(self, when):
            return self.records

        def set_level(self, level, logger=None):
            target = logging.getLogger(logger)
            undos.append(lambda before=target.level: target.setLevel(before))
            target.setLevel(level)

        @contextlib.contextmanager
        def at_level(self, level, logger=None):
            target = logging.getLogger(logger)
            before = target.level
            target.setLevel(level)
            try:
                yield
            finally:
                target.setLevel(before)

    undos, handler, root = [], CapLog(), logging.getLogger()
    root.addHandler(handler)
    undos.append(lambda: root.removeHandler(handler))
    return handler, undos


class MonkeyPatch:
    def __init__(self):
        self.undos = []

    def setattr(self, target, name, value=None, raising=True):
        if isinstance(target, str):
            path, _, attribute = target.rpartition(".")
            target, name, value = __import__(path, fromlist=["x"]), attribute, name
        old = getattr(target, name, None)
        had = hasattr(target, name)
        if raising and not had:
            raise AttributeError("%r has no attribute %r" % (target, name))
        self.undos.append(lambda: setattr(target, name, old) if had else delattr(target, name))
        setattr(target, name, value)

    def delattr(self, target, name, raising=True):
        if not raising and not hasattr(target, name):
            return
        old = getattr(target, name)
        self.undos.append(lambda: setattr(target, name, old))
        delattr(target, name)

    def setitem(self, mapping, key, value):
        had, old = key in mapping, mapping.get(key)
        self.undos.append(lambda: mapping.__setitem__(key, old) if had else mapping.pop(key, None))
        mapping[key] = value

    def delitem(self, mapping, key, raising=True):
        if key in mapping:
            old = mapping.pop(key)
            self.undos.append(lambda: mapping.__setitem__(key, old))
        elif raising:
            raise KeyError(key)

    def setenv(self, name, value, prepend=None):
        if prepend and name in os.environ:
            value = str(value) + prepend + os.environ[name]
        self.setitem(os.environ, name, str(value))

    def delenv(self, name, raising=True):
        self.delitem(os.environ, name, raising)

    def chdir(self, path):
        old = os.getcwd()
        self.undos.append(lambda: os.chdir(old))
        os.chdir(path)

    def syspath_prepend(self, path):
        sys.path.insert(0, str(path))

    def undo(self):
        while self.undos:
            self.undos.pop()()

    @classmethod
    @contextlib.contextmanager
    def context(cls):
        inner = cls()
        try:
            yield inner
        finally:
            inner.undo()


def make_pytest():
    module = types.ModuleType("pytest")
    for name, value in {
        "raises": _raises, "warns": _warns, "approx": Approx, "mark": Marks(), "fixture": _fixture, "skip": _skip, "fail": _fail,
        "xfail": _xfail, "importorskip": _importorskip, "MonkeyPatch": MonkeyPatch, "ExceptionInfo": ExceptionInfo,
        "param": lambda *values, marks=(), id=None: Param(values, marks, id), "main": lambda *a, **k: 0,
        "FixtureRequest": Request, "CaptureFixture": Capsys, "yield_fixture": _fixture, "Mark": Mark, "LogCaptureFixture": object, "TempPathFactory": TempFactory,
        "deprecated_call": lambda match=None: _warns((DeprecationWarning, PendingDeprecationWarning), match), "register_assert_rewrite": lambda *names: None,
        "__getattr__": lambda name: not_supported(name),
    }.items():
        setattr(module, name, value)
    return module


def not_supported(name):
    if name.startswith("__"):
        raise AttributeError(name)
    raise BrokenTests("pytest.%s is not supported here" % name)


class TempFactory(Partial):
    def mktemp(self, basename, numbered=True):
        import pathlib
        return pathlib.Path(tempfile.mkdtemp(prefix=basename))

    def getbasetemp(self):
        import pathlib
        return pathlib.Path(tempfile.gettempdir())


class LocalPath(str):
    """The fixture tmpdir, as far as it is a path that can be joined, read and written."""

    strpath = property(str)
    basename = property(lambda self: os.path.basename(self))

    def join(self, *parts):
        return LocalPath(os.path.join(self, *map(str, parts)))

    __truediv__ = join

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        raise BrokenTests("tmpdir.%s is not supported here: tmp_path is" % name)

    def mkdir(self, *parts):
        made = self.join(*parts)
        os.mkdir(made)
        return made

    def write(self, text, mode="w", ensure=False):
        with open(self, "wb" if isinstance(text, bytes) else mode) as f:
            f.write(text)

    def read(self, mode="r"):
        with open(self, mode) as f:
            return f.read()

    def check(self, **kinds):
        return os.path.exists(self)

    exists = check

    def listdir(self):
        return [self.join(n) for n in os.listdir(self)]
