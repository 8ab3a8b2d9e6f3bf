# The tests' connection to the candidate's process: values, messages, and whether
# an answer may decide a check.
import inspect, itertools

MAX_ITEMS = 10000  # of an iterator of the tests, which is handed over as a list


class CandidateEnded(BaseException):
    """The candidate's process ended or sent what is not the protocol: nothing
    more can be checked, and nothing that the tests catch may hide it."""


class NeedsSharing(BaseException):
    """The tests do with the solution what no message can carry."""


TEST_MODULES = {"__main__"}  # those of the tests that are run
HARNESS = set()  # classes of this program, which are not the tests'


class Link:
    """The connection to the candidate's process, and what came over it."""

    def __init__(self, fd, tell):
        self.fd, self.tell = fd, tell
        self.objects, self.classes, self.plain_numbers = {}, {}, {}
        # An object may decide a check where the tests expect one: of a class that they
        # construct or look into, or by a name of the module. One that a function hands
        # out instead of a plain value is a stranger.
        self.expected, self.named = set(), set()
        # Results of operators with plain values, each with those of other values.
        self.twins, self.refused = {}, set()
        self.lowered, self.doubt, self.stranger = set(), "", False
        self.by_value_of = set()  # subclasses of built-in types that are shown as these
        self.used = False  # the solution was asked for anything but its names
        self.stops = False  # the tests themselves speak of StopIteration
        self.numbers = {}
        self.offered, self.offered_objects = [], []
        self.dead, self.sharing = None, ""

    def number(self, remote):
        if isinstance(remote, int):
            return remote
        if isinstance(remote, RemoteClass):
            return remote._number
        return object.__getattribute__(remote, "_h")

    # Values.

    def encode(self, value):
        try:
            return encode(value, self.handle)
        except (TooLarge, RecursionError) as e:
            self.sharing = "a value of the tests cannot be sent: %s" % e
            raise NeedsSharing(self.sharing) from None

    def handle(self, value, depth=0):
        if isinstance(value, RemoteClass):
            return {"h": value._number}
        if isinstance(value, Remote):
            return {"h": self.number(value)}
        if isinstance(value, Method):
            return {"h": self.number(self.ask({"op": "get", "h": value.number, "name": value.__name__, "bound": True}))}
        number = self.plain_numbers.get(id(value))
        if number is not None:
            return {"h": number}
        if isinstance(value, BaseException) and id(value) in self.numbers:
            return {"h": self.numbers[id(value)]}
        if type(value).__module__ in TEST_MODULES and type(value) not in HARNESS:
            if value not in [o for o in self.offered_objects if o is value]:
                self.offered_objects.append(value)
                self.doubt = self.doubt or "an object of the tests is used by message"
            return {"ob": next(i for i, o in enumerate(self.offered_objects) if o is value)}
        if isinstance(value, type) and value.__module__ == "builtins":
            return {"bt": value.__name__}
        plain = underlying(value, self.handle, depth)
        if plain is not None:
            return plain
        if callable(value):
            self.offered.append(value)
            self.doubt = self.doubt or "a function of the tests is called by message"
            return {"cb": len(self.offered) - 1}
        if hasattr(type(value), "__iter__"):
            self.doubt = self.doubt or "a %s of the tests is handed over as a list" % type(value).__name__
            items = list(itertools.islice(iter(value), MAX_ITEMS + 1))
            if len(items) > MAX_ITEMS:
                raise TooLarge("an iterator that may be endless")
            return [encode(v, self.handle, depth) for v in items]
        self.sharing = "a %s of the tests is handed to the solution" % type(value).__name__
        raise NeedsSharing(self.sharing)

    def decode(self, data):
        return decode(data, self.remote)

    def remote(self, data):
        if "ob" in data:
            return self.offered_objects[data["ob"]]
        number = data["h"]
        if type(number) is not int:
            raise ValueError("unexpected handle")
        if "u" in data:
            return self.plain_subclass(data, number)
        if number in self.objects:
            return self.objects[number]
        if "module" in data:
            made = self.module(data["module"], number)
        elif "class" in data:
            made = self.class_of(data["mro"][0][0], number, data.get("mro"))
        elif "error" in data:
            made = self.exception(data["error"])
            self.numbers[id(made)] = number
        elif data.get("awaitable"):
            return self.coroutine(number)
        else:
            kind = data.get("kind", {})
            cls = self.remote(kind) if "h" in kind else Remote
            if not (isinstance(cls, type) and issubclass(cls, Remote)):
                cls = Remote
            made = object.__new__(cls)
            object.__setattr__(made, "_h", number)
            object.__setattr__(made, "_kind", str(kind.get("builtin", "")))
            if "function" in data and isinstance(data["function"], str):
                object.__setattr__(made, "__name__", data["function"])
        self.objects[number] = made
        return made

    async def coroutine(self, number):
        """A coroutine of the solution's, which runs to its end over there."""
        return self.ask({"op": "await", "h": number})

    def plain_subclass(self, data, number):
        value = self.decode(data["u"])
        kind = data.get("kind")
        if type(kind) is dict and "h" in kind:
            self.by_value_of.add(self.remote(kind))
        if number in self.objects and self.objects[number] == value:
            return self.objects[number]
        base = _plain_bases.get(type(value))
        if base is None:
            return value
        made = base(value)
        self.plain_numbers[id(made)] = number
        self.objects[number] = made
        return made

    def module(self, name, number):
        # A module that the solution imported is the tests' own copy of it.
        if isinstance(name, str) and re.fullmatch(r"[a-z_][a-z0-9_.]*", name) and (
                name in sys.modules or name.split(".")[0] in getattr(sys, "stdlib_module_names", ())):
            try:
                return __import__(name, fromlist=["x"])
            except ImportError:
                pass
        made = object.__new__(Remote)
        object.__setattr__(made, "_h", number)
        return made

    def class_of(self, name, number, mro):
        if number in self.classes:
            return self.classes[number]
        if not isinstance(name, str) or not name.isidentifier():
            raise ValueError("unexpected class name")
        bases, exception = [], None
        for base_name, module, base_number in (mro or [])[1:]:
            if base_number is not None and not bases and base_number != number:
                rest = mro[[m[2] for m in mro].index(base_number):]
                bases.append(self.class_of(base_name, base_number, rest))
            if exception is None:
                exception = real_exception(base_name, module)
        if exception is not None and not any(issubclass(b, BaseException) for b in bases):
            made = type(name, (exception,), {"_number": number})
        elif bases and issubclass(bases[0], BaseException):
            made = type(name, tuple(bases[:1]), {"_number": number})
        else:
            made = RemoteClass(name, tuple(bases) or (Remote,), {"_number": number})
        made.__module__ = solution_name
        if issubclass(made, BaseException):
            self.doubt = self.doubt or "its exceptions are used through a proxy"
        self.classes[number] = made
        return made

    def exception(self, form):
        """The exception that a call raised, as the nearest real class here."""
        cls = None
        for index, (name, module, number) in enumerate(form["mro"]):
            if number is not None:
                cls = self.class_of(name, number, form["mro"][index:])
                break
            cls = real_exception(name, module)
            if cls is not None:
                break
        if cls is None or not issubclass(cls, BaseException) or form["mro"][0][0] != cls.__name__:
            self.doubt = self.doubt or "an exception of another kind stands for its own"
        if cls is None or not issubclass(cls, BaseException):
            cls = Exception
        args = [self.decode(a) for a in form.get("args", [])]
        try:
            made = cls.__new__(cls, *args)
            made.args = tuple(args)
        except Exception:
            made = Exception(*args)
        if issubclass(cls, SystemExit):
            made.code = args[0] if args else None
        own = form.get("own", {})
        for name, value in own.items():
            if _identifier(name):
                try:
                    setattr(made, name, self.decode(value))
                except Exception:
                    pass
        text = form.get("text")
        if isinstance(text, str) and getattr(cls, "_number", None) is not None:
            made_text[id(made)] = text
            cls.__str__ = lambda self: made_text.get(id(self)) or BaseException.__str__(self)
        return made

    # Messages.

    def ask(self, request):
        if self.dead:
            raise CandidateEnded(self.dead)
        self.used = self.used or request["op"] not in ("names", "functions", "find")
        request["id"] = random_id()
        try:
            send(self.fd, request)
            while True:
                message = receive(self.fd)
                out = message.get("out")
                if isinstance(out, str):
                    sys.stdout.write(out)
                if "cb" in message or "ob" in message:
                    self.called_back(message)
                    continue
                if message.get("id") != request["id"]:
                    raise Lost("an answer that was not asked for")
                break
            if "limit" in message:
                self.sharing = "a value of the solution is too large or too deep to be sent"
                raise NeedsSharing(self.sharing)
            if "error" in message:
                error = self.exception(message["error"])
                if request["op"] == "call" and isinstance(error, (StopIteration, StopAsyncIteration)) and request.get("method") not in ITERATING:
                    # Out of map or zip it would end the tests' own loop before a check.
                    if self.stops:
                        self.low("the solution raises %s" % type(error).__name__)
                    else:
                        error = RuntimeError("the solution raised %s" % type(error).__name__)
            else:
                if message.get("method"):
                    return Method(request["h"], request["name"])
                self.changed(message, request)
                same = message.get("same")
                if type(same) is int and 0 <= same < len(self.args):
                    return self.args[same]
                return self.decode(message.get("value"))
        except (Lost, OSError, ValueError, KeyError, TypeError, IndexError, RecursionError, AttributeError) as e:
            self.dead = "the solution's process ended or sent something unexpected (%s)" % e
            raise CandidateEnded(self.dead) from None
        raise error

    args = ()

    def call(self, target, args, kwargs):
        request = {"op": "call", **target, "args": [self.encode(a) for a in args],
                   "kwargs": {k: self.encode(v) for k, v in kwargs.items()}, "watch": True}
        before, self.args, self.kwargs = self.args, args, kwargs
        try:
            return self.ask(request)
        finally:
            self.args = before

    def changed(self, message, request):
        for where, form in message.get("changed", []):
            target = self.kwargs[where] if isinstance(where, str) else self.args[where]
            assign(target, self.decode(form))

    def called_back(self, message):
        """The solution calls a function of the tests, or uses one of their objects."""
        args = [self.decode(a) for a in message.get("args", [])]
        kwargs = {k: self.decode(v) for k, v in message.get("kwargs", {}).items()}
        try:
            if "cb" in message:
                result = self.offered[message["cb"]](*args, **kwargs)
            else:
                target, name = self.offered_objects[message["ob"]], message.get("get") or message.get("set")
                if name.startswith("_"):
                    raise AttributeError(name)
                if "set" in message:
                    result = setattr(target, name, args[0])
                else:
                    result = getattr(target, name)
            reply = {"result": self.encode(result)}
        except Exception as e:
            reply = {"raised": type(e).__name__ if type(e).__module__ == "builtins" else "Exception", "text": str(e)[:2000]}
        send(self.fd, reply)

    def low(self, why):
        if why not in self.lowered:
            self.lowered.add(why)
            self.tell({"low": why})

    def expect(self, cls):
        self.expected.add(cls)
        self.doubt = self.doubt or "its classes are used through a proxy"

    def doubts(self):
        """Why a failure may be a proxy's doing; empty where it is not."""
        if any(base in self.expected for cls in self.by_value_of for base in getattr(cls, "__mro__", ())):
            return self.doubt or "a subclass of a built-in type is used by its value"
        return self.doubt or (left_behind and "%s is not sent" % left_behind[0]) or ""

    def known(self, remote):
        if isinstance(remote, int) or self.number(remote) in self.named:
            return True
        return any(cls in self.expected for cls in type(remote).__mro__)

    def judged_by(self, remote):
        """Called before the candidate's own code may decide a check."""
        number = self.number(remote)
        if number in self.refused:
            self.stranger = True
            raise TypeError("made of an object of the solution, where a plain value was expected, and a plain value")
        if not self.known(remote):
            self.low("an object that the solution handed out decides a check")

    def decide(self, name, remote, *args):
        self.judged_by(remote)
        result = self.do(name, remote, *args)
        twins = self.twins.get(self.number(remote))
        if twins is None or name == "getitem":
            return self.by_value(result)
        return self.differing(result, [self.attempt(name, t, args) for t in twins])

    def attempt(self, name, number, args):
        """What an operation gives; an exception where it raises."""
        try:
            return self.ask({"op": "do", "do": name, "h": number, "args": [self.encode(a) for a in args]})
        except Exception as e:
            return e

    def differing(self, result, others):
        """The result of an operation with a plain value, which an object could make to
        fit, as in abs(f(x) - expected) < eps: with other values, there must be others."""
        if isinstance(result, Remote):
            self.twins[self.number(result)] = [self.number(o) for o in others if isinstance(o, Remote)]
            return result
        if others and not any(type(o) is not type(result) or not o == result for o in others):
            self.stranger = True
            raise TypeError("an operator of the solution gives the same with every value")
        return result

    def mixed(self, name, remote, value, *rest):
        """An operator between an object of the solution and a plain value."""
        self.judged_by(remote)
        if not self.known(remote):
            if name in ("lt", "le", "gt", "ge"):
                self.stranger = True
                return NotImplemented
            result = self.do(name, remote, value, *rest)
            if not isinstance(result, Remote):
                self.stranger = True
                raise TypeError("an operator between an object of the solution and a plain value gave a plain value")
            self.refused.add(self.number(result))
            return result
        self.low("the solution's own operators decide a check")
        if name in IN_PLACE:
            return self.do(name, remote, value, *rest)
        values = [(False, v) for v in others(value, far=name not in GROWING)] + [(True, value)]
        _random.shuffle(values)  # which of them the tests mean is not to be seen
        number, seen, error = self.number(remote), [], None
        for real, v in values:
            got = self.attempt(name, number, (v, *rest))
            if not real:
                seen.append(got)
            elif isinstance(got, Exception) and id(got) not in self.numbers:
                error = got
            else:
                result = got
        if error is not None:
            raise error
        return self.differing(result, seen)

    def equals_plain(self, remote, value):
        """An object of the candidate's is equal to a plain value only where the tests
        expect an object of its class, and it denies other values."""
        if not self.known(remote):
            kind = type(remote)
            if kind is not Remote:
                self.stranger = True
                self.low("an object where a plain value was expected")
            elif not self.doubt and object.__getattribute__(remote, "__dict__").get("_kind") not in PLAINLY_OTHER:
                self.doubt = "an object that cannot be sent is compared"
            return False
        self.low("the solution's own __eq__ decides a check")
        values = [(False, v) for v in (*others(value), object_name(), None if value is not None else 0)] + [(True, value)]
        _random.shuffle(values)
        held = {True: False, False: False}
        for real, v in values:
            if self.attempt("eq", self.number(remote), (v,)) is True:
                held[real] = True
        if held[False]:
            self.stranger = True
        return held[True] and not held[False]

    def get(self, remote, name):
        if isinstance(remote, Remote):
            self.judged_by(remote)
        return self.by_value(self.ask({"op": "get", "h": self.number(remote), "name": name}))

    def by_value(self, value):
        if type(value) in (list, dict, set, collections.deque, collections.defaultdict):
            self.doubt = self.doubt or "a %s of the solution is used by its value" % type(value).__name__
        return value

    def do(self, name, remote, *args):
        return self.ask({"op": "do", "do": name, "h": self.number(remote), "args": [self.encode(a) for a in args]})

    def equal(self, left, right):
        # The candidate's own __eq__ decides. It must at least deny what cannot be equal.
        self.low("the solution's own __eq__ decides a check")
        if self.number(left) == self.number(right):
            return True
        if self.do("eq", left, right) is not True:
            return False
        return not any(self.attempt("eq", self.number(left), (decoy,)) is True for decoy in (object_name(), -123456789, None))

    def contains(self, container, item):
        self.judged_by(container)
        found = self.do("contains", container, item)
        if found is True:
            self.low("the solution's own __contains__ decides a check")
            for decoy in (object_name(), 123456789123456789):
                try:
                    if self.do("contains", container, decoy) is True:
                        return False
                except Exception:
                    pass
        return bool(found)


ITERATING = {"__next__", "__anext__", "send", "throw", "asend", "athrow"}
GROWING = {"mul", "rmul", "pow", "rpow", "lshift", "rlshift"}  # by which a large number makes one without end
IN_PLACE = {"iadd", "isub", "imul", "iand", "ior", "ixor", "ipow"}
# Kinds of objects that are equal to no plain value, whatever proxy stands for them.
PLAINLY_OTHER = {"generator", "map", "filter", "zip", "enumerate", "function", "method", "builtin_function_or_method", "reversed", "list_iterator",
                 "coroutine", "chain", "islice", "NoneType"}


def others(value, far=True):
    """Values near and far that are not equal to this one, of its type where possible."""
    kind = type(value)
    if kind is bool:
        return [not value]
    if kind in (int, float, decimal.Decimal, fractions.Fraction):
        if value != value or kind is float and not math.isfinite(value):
            return []
        distances = [_random.randint(1, 9), -_random.randint(1, 9)] + ([_random.randint(10, 10**6), 10**15, -10**15] if far else [])
        return [value + kind(n) for n in distances]
    if kind is complex:
        return [value + _random.randint(1, 99), value - 1j]
    if kind is str:
        return ["", value + object_name(), "\x00" + object_name(), "\U0010ffff" + object_name()] if value else [object_name(), "\x00", "\U0010ffff"]
    if kind is bytes:
        return [value + b"\x00", b"\xff" + value]
    if kind in (list, tuple):
        changed = [[*value[:i], o, *value[i + 1:]] for i, v in enumerate(value[:8]) for o in others(v)[:2]]
        return [kind(c) for c in changed] + [value + kind([object_name()])]
    if kind in (set, frozenset):
        return [value | {object_name()}] + [value - {v} for v in list(value)[:3]]
    if kind is dict:
        return [{**value, object_name(): 1}] + [{k: v for k, v in value.items() if k is not dropped} for dropped in list(value)[:3]]
    if kind in (datetime.datetime, datetime.date, datetime.timedelta):
        return [value + datetime.timedelta(days=_random.randint(1, 9)), value - datetime.timedelta(days=_random.randint(1, 9))]
    return []


made_text = {}
solution_name = "solution"
_random = random.SystemRandom()


def random_id():
    return "%016x" % _random.getrandbits(64)


object_name = random_id


def assign(target, value):
    """Makes target equal to value in place, keeping the identity of its parts."""
    if type(target) is not type(value):
        return
    if type(target) is list:
        for i, (old, new) in enumerate(zip(target, value)):
            if type(old) is type(new) and type(old) in (list, dict, set, bytearray):
                assign(old, new)
                value[i] = old
        target[:] = value
    elif type(target) is tuple:
        for old, new in zip(target, value):
            assign(old, new)
    elif isinstance(target, dict):
        for key, new in value.items():
            old = target.get(key)
            if type(old) is type(new) and type(old) in (list, dict, set, bytearray):
                assign(old, new)
                value[key] = old
        target.clear()
        target.update(value)
    elif type(target) in (set, collections.deque):
        target.clear()
        (target.update if type(target) is set else target.extend)(value)
    elif type(target) is bytearray:
        target[:] = value


def real_exception(name, module):
    """An exception class of Python itself, by name; None for any other. Those by
    which a test framework is steered are left out."""
    if not isinstance(name, str) or not isinstance(module, str):
        return None
    if module == "builtins":
        found = getattr(builtins, name, None)
    elif module.split(".")[0] in ("unittest", "doctest", "pytest", "_pytest") or module not in sys.modules:
        return None
    elif module.split(".")[0] in getattr(sys, "stdlib_module_names", ("decimal", "json", "asyncio", "queue", "zipfile", "struct")):
        found = getattr(sys.modules[module], name, None)
    else:
        return None
    if isinstance(found, type) and issubclass(found, (Exception, SystemExit)):
        return found
    return None
