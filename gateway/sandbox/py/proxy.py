# The tests' side of the pair protocol: what the tests take for the solution.
#
# Plain values are plain here. Everything else is a Remote that stands for an
# object in the candidate's process. Where an operator would let the candidate's
# own code say whether a test holds, the answer is given here instead, or the
# verdict is marked as of low assurance.
import inspect


class Remote:
    """An object that lives in the candidate's process."""

    def __init__(self, *args, **kwargs):
        raise TypeError("not made here")

    def __getattr__(self, name):
        if name.startswith("__") and name.endswith("__") and name not in ("__name__", "__doc__", "__dict__", "__wrapped__", "__annotations__"):
            raise AttributeError(name)
        return _link(self).get(self, name)

    def __setattr__(self, name, value):
        link = _link(self)
        link.ask({"op": "set", "h": link.number(self), "name": name, "value": link.encode(value)})

    def __delattr__(self, name):
        _link(self).ask({"op": "delete", "h": _link(self).number(self), "name": name})

    def __call__(self, *args, **kwargs):
        return _link(self).call({"h": _link(self).number(self)}, args, kwargs)

    def __eq__(self, other):
        if self is other:
            return True
        if not isinstance(other, Remote):
            return False  # an object of the candidate's is never equal to a value of the tests
        return _link(self).equal(self, other)

    def __ne__(self, other):
        return not self == other

    def __hash__(self):
        return _link(self).do("hash", self)

    def __contains__(self, item):
        return _link(self).contains(self, item)

    def __bool__(self):
        return _link(self).do("bool", self)

    def __await__(self):
        yield from ()
        link = _link(self)
        return link.ask({"op": "await", "h": link.number(self)})

    def __dir__(self):
        return [n for n in _link(self).do("dir", self) if isinstance(n, str)]

    def __instancecheck__(self, instance):
        return False


def _forward(name):
    def method(self, *args):
        return _link(self).do(name, self, *args)
    return method


def _operator(name, swap=False):
    # A plain result of an operator with a plain value could be made to fit, as in
    # abs(f(x) - expected) < eps: only objects may come out of it.
    def method(self, *args):
        if args and not isinstance(args[0], Remote):
            if name in ("lt", "le", "gt", "ge"):
                return NotImplemented
            result = _link(self).do(name, self, *args)
            if not isinstance(result, Remote):
                raise TypeError("an operator between an object of the solution and a plain value gave a plain value")
            _link(self).tainted.add(_link(self).number(result))
            return result
        return _link(self).do(name, self, *args)
    return method


for _op in ("len", "iter", "next", "str", "repr", "format", "reversed", "getitem", "setitem", "delitem", "enter", "exit", "bytes", "index"):
    setattr(Remote, "__%s__" % _op, _forward(_op))
for _op in ("int", "float", "complex", "abs", "round", "neg", "pos", "invert"):
    def _number(self, *args, _op=_op):
        if _link(self).number(self) in _link(self).tainted:
            raise TypeError("a number made of an object of the solution and a plain value")
        return _link(self).do(_op, self, *args)
    setattr(Remote, "__%s__" % _op, _number)
for _op in ("add", "sub", "mul", "truediv", "floordiv", "mod", "matmul", "and", "or", "xor", "lshift", "rshift", "pow", "divmod",
            "iadd", "isub", "imul", "lt", "le", "gt", "ge"):
    setattr(Remote, "__%s__" % _op, _operator({"and": "and_", "or": "or_"}.get(_op, _op)))


class RemoteClass(type):
    """Classes of the solution: real classes here, so that isinstance and except work."""

    def __call__(cls, *args, **kwargs):
        number = cls.__dict__.get("_number")
        if number is None:
            return type.__call__(cls, *args, **kwargs)
        return link.call({"h": number}, args, kwargs)

    def __getattr__(cls, name):
        number = cls.__dict__.get("_number")
        if number is None or name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return link.get(number, name)

    def __iter__(cls):
        return link.do("iter", cls._number)

    def __len__(cls):
        return link.do("len", cls._number)

    def __getitem__(cls, key):
        return link.do("getitem", cls._number, key)

    def __contains__(cls, item):
        return isinstance(item, cls) or any(item == member for member in cls)


link = None  # the one connection to the candidate


def _link(remote):
    return link


class Method:
    """A bound method of a remote object: one message for look-up and call."""

    def __init__(self, number, name):
        self.number, self.__name__ = number, name

    def __call__(self, *args, **kwargs):
        return link.call({"h": self.number, "method": self.__name__}, args, kwargs)


class RemoteInt(int): pass
class RemoteStr(str): pass
class RemoteFloat(float): pass
class RemoteList(list): pass
class RemoteTuple(tuple): pass
class RemoteDict(dict): pass
class RemoteSet(set): pass


_plain_bases = {int: RemoteInt, str: RemoteStr, float: RemoteFloat, list: RemoteList, tuple: RemoteTuple, dict: RemoteDict, set: RemoteSet}


def _plain_getattr(self, name):
    number = link.plain_numbers.get(id(self))
    if number is None or name.startswith("__"):
        raise AttributeError(name)
    return link.get(number, name)


for _kind in _plain_bases.values():
    _kind.__getattr__ = _plain_getattr


class CandidateEnded(BaseException):
    """The candidate's process ended or sent what is not the protocol: nothing
    more can be checked, and nothing that the tests catch may hide it."""


class Link:
    """The connection to the candidate's process, and what came over it."""

    def __init__(self, fd, tell):
        self.fd, self.tell = fd, tell
        self.objects, self.classes, self.plain_numbers, self.tainted = {}, {}, {}, set()
        self.numbers = {}
        self.offered, self.offered_objects = [], []
        self.local_classes = set()
        self.dead = None

    def number(self, remote):
        if isinstance(remote, int):
            return remote
        if isinstance(remote, RemoteClass):
            return remote._number
        return object.__getattribute__(remote, "_h")

    # Values.

    def encode(self, value):
        return encode(value, self.handle)

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
        if type(value) in self.local_classes:
            if value not in [o for o in self.offered_objects if o is value]:
                self.offered_objects.append(value)
            return {"ob": next(i for i, o in enumerate(self.offered_objects) if o is value)}
        if isinstance(value, type) and value.__module__ == "builtins":
            return {"bt": value.__name__}
        plain = underlying(value, self.handle, depth)
        if plain is not None:
            return plain
        if callable(value):
            self.offered.append(value)
            return {"cb": len(self.offered) - 1}
        if hasattr(type(value), "__iter__"):
            return [encode(v, self.handle, depth) for v in value]
        raise TypeError("%s cannot be handed to the solution" % type(value).__name__)

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
        else:
            kind = data.get("kind", {})
            cls = self.remote(kind) if "h" in kind else Remote
            if not (isinstance(cls, type) and issubclass(cls, Remote)):
                cls = Remote
            made = object.__new__(cls)
            object.__setattr__(made, "_h", number)
            if "function" in data and isinstance(data["function"], str):
                object.__setattr__(made, "__name__", data["function"])
        self.objects[number] = made
        return made

    def plain_subclass(self, data, number):
        value = self.decode(data["u"])
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
            if "error" in message:
                error = self.exception(message["error"])
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

    def get(self, remote, name):
        return self.ask({"op": "get", "h": self.number(remote), "name": name})

    def do(self, name, remote, *args):
        return self.ask({"op": "do", "do": name, "h": self.number(remote), "args": [self.encode(a) for a in args]})

    def equal(self, left, right):
        # The candidate's own __eq__ decides. It must at least deny what cannot be equal.
        if self.number(left) == self.number(right):
            return True
        same = self.do("eq", left, right)
        if same is not True:
            return False
        self.tell({"low": "the solution's own __eq__ decides a check"})
        for decoy in (object_name(), -123456789, None):
            if self.do("eq", left, decoy) is True:
                return False
        return True

    def contains(self, container, item):
        found = self.do("contains", container, item)
        if found is True:
            self.tell({"low": "the solution's own __contains__ decides a check"})
            for decoy in (object_name(), 123456789123456789):
                try:
                    if self.do("contains", container, decoy) is True:
                        return False
                except Exception:
                    pass
        return bool(found)


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


class SolutionModule(types.ModuleType):
    """What the tests import."""

    def __getattr__(self, name):
        if name == "__all__":
            names = [n for n in link.ask({"op": "names"}) if isinstance(n, str) and not n.startswith("_")]
            return names
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return link.get(0, name)

    def __setattr__(self, name, value):
        if name.startswith("__"):
            return types.ModuleType.__setattr__(self, name, value)
        link.ask({"op": "set", "h": 0, "name": name, "value": link.encode(value)})
