# The runner of tests written for pytest, over the names that minipytest gives them:
# it collects, fills in fixtures and parameters, and tells what each test came to.


def labels(ids, values):
    """What the values of a parameter are called in a test's name."""
    given = ids if ids is None or callable(ids) else list(ids)
    for i, value in enumerate(values):
        own = given(value) if callable(given) else given[i] if given is not None and i < len(given) else None
        yield str(own) if own is not None else shorten(value if isinstance(value, str) else repr(value), 30)


def takes(function, cls):
    """The parameters that fixtures fill: neither self nor what mock.patch hands in."""
    parameters = list(inspect.signature(function).parameters.values())[1 if cls else 0:]
    patched = [p for p in getattr(function, "patchings", []) if not p.attribute_name and p.new is getattr(sys.modules.get("unittest.mock"), "DEFAULT", None)]
    return [p for p in parameters[len(patched):] if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


class Runner:
    """Collects and runs the tests of one module; tell(name, passed, message)."""

    def __init__(self, namespace, tell):
        self.namespace, self.tell = namespace, tell
        self.fixtures = {}
        self.kept = {}
        self.cleanups = []
        for name, value in namespace.items():
            if isinstance(value, Fixture):
                self.fixtures[value.name or name] = value
        places = [namespace]
        if os.path.exists(WORK + "/conftest.py"):
            places.append(vars(__import__("conftest")))
            for name, value in places[1].items():
                if isinstance(value, Fixture):
                    self.fixtures.setdefault(value.name or name, value)
        for name in itertools.chain(*places):
            if name.startswith("pytest_") and name not in ("pytest_addoption", "pytest_configure", "pytest_unconfigure", "pytest_asyncio"):
                raise BrokenTests("the hook %s is not supported here" % name)

    def run(self):
        call_setup(self.namespace.get("setup_module"), sys.modules[self.namespace["__name__"]])
        for name, value in list(self.namespace.items()):
            if name.startswith("test") and inspect.isfunction(value):
                self.run_function(name, value, self.fixtures, None)
            elif isinstance(value, type) and not isinstance(value, RemoteClass):
                if issubclass(value, unittest.TestCase):
                    if value.__module__ == self.namespace["__name__"]:
                        run_unittest_suite(load_cases(value), self.tell)
                elif name.startswith("Test") and "__init__" not in value.__dict__:
                    self.run_class(name, value)
        call_setup(self.namespace.get("teardown_module"), sys.modules[self.namespace["__name__"]])
        for undo in reversed(self.cleanups):
            undo()

    def run_class(self, name, cls, outer=None, marks=()):
        if not vars(cls).get("__test__", True):
            return
        fixtures = dict(outer or self.fixtures)
        marks = [*marks, *[m for base in reversed(cls.__mro__) for m in own_marks(base)]]
        for attribute in dir(cls):
            value = inspect.getattr_static(cls, attribute)
            if isinstance(value, Fixture):
                fixtures[value.name or attribute] = value
        getattr(cls, "setup_class", lambda: None)()
        order = [n for base in reversed(cls.__mro__) for n in base.__dict__ if n.startswith("test")]
        for attribute in dict.fromkeys(order):
            function = inspect.getattr_static(cls, attribute)
            if isinstance(function, (staticmethod, classmethod)):
                function = function.__func__
            if inspect.isfunction(function):
                self.run_function(name + "." + attribute, function, fixtures, None if isinstance(inspect.getattr_static(cls, attribute), staticmethod) else cls, marks)
        for attribute, value in list(vars(cls).items()):
            if attribute.startswith("Test") and isinstance(value, type) and not isinstance(value, RemoteClass) and "__init__" not in value.__dict__:
                self.run_class(name + "." + attribute, value, fixtures, marks)
        getattr(cls, "teardown_class", lambda: None)()

    def run_function(self, name, function, fixtures, cls, outer=()):
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise BrokenTests("%s is no test: a generator's body does not run when it is called" % name)
        module_marks = self.namespace.get("pytestmark", [])
        marks = [*(module_marks if isinstance(module_marks, (list, tuple)) else [module_marks]), *outer, *own_marks(function)]
        sets = [([], {}, [])]
        for mark in marks:
            if mark.name != "parametrize":
                continue
            names = mark.args[0] if len(mark.args) > 0 else mark.kwargs["argnames"]
            values = mark.args[1] if len(mark.args) > 1 else mark.kwargs["argvalues"]
            names = [n.strip() for n in names.split(",") if n.strip()] if isinstance(names, str) else list(names)
            indirect = mark.args[2] if len(mark.args) > 2 else mark.kwargs.get("indirect", False)
            given = mark.args[3] if len(mark.args) > 3 else mark.kwargs.get("ids")
            given = given if given is None or callable(given) else list(given)
            grown = []
            for number, value in enumerate(list(values)):
                extra, own = [], None if given is None or callable(given) or number >= len(given) else given[number]
                if isinstance(value, Param):
                    extra, own = list(value.marks), own if value.id is None else value.id
                    value = value.values if len(names) > 1 or len(value.values) != 1 else value.values[0]
                row = [value] if len(names) == 1 else list(value)
                if len(row) != len(names):
                    raise BrokenTests("%s has %d names for the values %s" % (name, len(names), shorten(repr(row), 100)))
                called = [str(own)] if own is not None else list(labels(given if callable(given) else None, row))
                filled = {("fixture", n) if indirect is True or indirect and n in indirect else n: v for n, v in zip(names, row)}
                for ids, chosen, more in sets:
                    grown.append((ids + called, {**chosen, **filled}, more + extra))
            sets = grown
        if not sets:
            return
        # A fixture with params runs the test once for each.
        wanted = self.closure(function, fixtures, cls)
        for fixture_name in wanted:
            fixture = fixtures.get(fixture_name)
            if fixture is not None and fixture.params and not any(("fixture", fixture_name) in chosen or fixture_name in chosen for _, chosen, _ in sets):
                params = list(fixture.params)
                sets = [(ids + [label if not isinstance(p, Param) or p.id is None else str(p.id)],
                         {**chosen, ("fixture", fixture_name): p.values[0] if isinstance(p, Param) else p}, more + (list(p.marks) if isinstance(p, Param) else []))
                        for ids, chosen, more in sets for p, label in zip(params, labels(fixture.ids, params))]
        for ids, chosen, more in sets:
            full = name + ("[%s]" % "-".join(ids) if ids else "")
            self.run_one(full, function, fixtures, cls, chosen, marks + more, wanted)

    def closure(self, function, fixtures, cls):
        wanted = [n for n, f in fixtures.items() if f.autouse]
        todo = [p.name for p in takes(function, cls)] + wanted
        for name in todo:
            if name not in wanted:
                wanted.append(name)
            if name in fixtures:
                todo.extend(p for p in inspect.signature(fixtures[name].function).parameters if p not in todo and p not in ("self", "request"))
        return wanted

    def run_one(self, name, function, fixtures, cls, chosen, marks, wanted):
        for mark in marks:
            if mark.name == "skip" or mark.name == "skipif" and mark.holds(self.namespace):
                return
        expected_failure = next((m for m in marks if m.name == "xfail" and m.holds(self.namespace)), None)
        undos, values = [], {}
        instance = cls() if cls else None

        def value_of(wanted_name):
            if wanted_name in values:
                return values[wanted_name]
            values[wanted_name] = made = self.make(wanted_name, fixtures, chosen, undos, value_of, instance, function, name, marks)
            return made

        streams = sys.stdout, sys.stderr
        passed, message, raised = True, "", None
        try:
            if instance is not None:
                for setup in ("setup_method", "setup"):
                    call_setup(getattr(instance, setup, None), function)
            else:
                call_setup(self.namespace.get("setup_function"), function)
            for fixture_name in wanted:
                if fixture_name in fixtures and fixtures[fixture_name].autouse:
                    value_of(fixture_name)
            for mark in marks:
                if mark.name == "usefixtures":
                    for fixture_name in mark.args:
                        value_of(fixture_name)
            arguments = {p.name: chosen[p.name] if p.name in chosen else value_of(p.name)
                         for p in takes(function, cls) if p.name in chosen or p.default is p.empty}
            result = function(instance, **arguments) if cls else function(**arguments)
            if inspect.iscoroutine(result):
                import asyncio
                asyncio.run(result)
        except (NeedsSharing, BrokenTests):
            raise
        except CandidateEnded as e:
            passed, message = False, str(e)
        except Skipped as e:
            if link is not None:
                return
            passed, message = False, "skipped while it ran: %s" % e  # in one process, perhaps by the solution
        except ExpectedFailure as e:
            passed, message = True, ""
        except BaseException as e:
            passed, message, raised = False, describe(e), e
        finally:
            try:
                if instance is not None:
                    for teardown in ("teardown_method", "teardown"):
                        call_setup(getattr(instance, teardown, None), function)
                else:
                    call_setup(self.namespace.get("teardown_function"), function)
                for undo in reversed(undos):
                    undo()
            except BaseException as e:
                passed, message = False, describe(e)
            sys.stdout, sys.stderr = streams
        if expected_failure is not None:
            if passed and not expected_failure.kwargs.get("strict"):
                return
            kinds = expected_failure.kwargs.get("raises")
            if passed:
                passed, message = False, "passed, although a failure was expected"
            elif kinds is None or raised is not None and isinstance(raised, kinds):
                passed, message = True, ""
        self.tell(name, passed, message)

    def make(self, name, fixtures, chosen, undos, value_of, instance, function, test, marks):
        if name == "request":
            return Request(value_of, test, marks, instance, function)
        if name == "capsys":
            capture = Capsys()
            sys.stdout, sys.stderr = capture.out, capture.err
            return capture
        if name == "monkeypatch":
            patch = MonkeyPatch()
            undos.append(patch.undo)
            return patch
        if name == "tmp_path":
            import pathlib
            return pathlib.Path(tempfile.mkdtemp())
        if name == "tmpdir":
            return LocalPath(tempfile.mkdtemp())
        if name == "tmp_path_factory":
            return TempFactory()
        if name == "caplog":
            handler, after = make_caplog()
            undos.append(lambda: [undo() for undo in reversed(after)])
            return handler
        if name == "recwarn":
            caught = _warnings.catch_warnings(record=True)
            found = caught.__enter__()
            _warnings.simplefilter("always")
            undos.append(lambda: caught.__exit__(None, None, None))
            return found
        if name not in fixtures:
            raise BrokenTests("there is no fixture %r here" % name)
        fixture = fixtures[name]
        kept = name if fixture.scope != "class" else (name, type(instance))
        keep = fixture.scope != "function" and ("fixture", name) not in chosen and (fixture.scope != "class" or instance is not None)
        if keep:
            if kept in self.kept:
                return self.kept[kept]
            undos = self.cleanups
        request = Request(value_of, test, marks, instance, function, name)
        if ("fixture", name) in chosen:
            request.param = chosen["fixture", name]
        arguments = {}
        for p in inspect.signature(fixture.function).parameters.values():
            if p.name == "self":
                arguments[p.name] = instance
            elif p.name == "request":
                arguments[p.name] = request
            elif p.default is p.empty:
                arguments[p.name] = value_of(p.name)
        made = fixture.function(**arguments)
        if inspect.iscoroutine(made) or inspect.isasyncgen(made):
            raise BrokenTests("the fixture %r is asynchronous, which is not supported here" % name)
        if inspect.isgenerator(made):
            generator, made = made, next(made)
            undos.append(lambda: next(generator, None))
        undos.extend(request.finalizers)
        if keep:
            self.kept[kept] = made
        return made


def call_setup(method, function):
    if method is None:
        return
    if len(inspect.signature(method).parameters) == 0:
        method()
    else:
        method(function)
