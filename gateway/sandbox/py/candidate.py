# The candidate's side. It loads the program and answers one request at a time:
# calls, attributes, operators. It never holds an expected value, a test or a
# verdict, so nothing that a program does here can pass a test; all it can do is
# to answer, as it would in any other test.
import gc, inspect, linecache, traceback

OPERATIONS = {
    "len": len, "iter": iter, "next": next, "str": str, "repr": repr, "bool": bool, "hash": hash, "int": int, "float": float,
    "complex": complex, "index": operator.index, "abs": abs, "format": format, "round": round, "reversed": reversed, "dir": dir,
    "contains": operator.contains, "getitem": operator.getitem, "setitem": operator.setitem, "delitem": operator.delitem,
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge,
    "neg": operator.neg, "pos": operator.pos, "invert": operator.invert, "divmod": divmod, "pow": pow,
    "enter": lambda o: _type(o).__enter__(o), "exit": lambda o, *a: _type(o).__exit__(o, *a), "bytes": bytes,
}
for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "matmul", "and_", "or_", "xor", "lshift", "rshift",
              "iadd", "isub", "imul", "iand", "ior", "ixor", "ipow"):
    OPERATIONS[_name] = _getattr(operator, _name)
for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "matmul", "pow"):
    OPERATIONS["r" + _name] = lambda o, v, apply=_getattr(operator, _name): apply(v, o)
OPERATIONS.update(rand=lambda o, v: v & o, ror=lambda o, v: v | o, rxor=lambda o, v: v ^ o, rdivmod=lambda o, v: divmod(v, o))


def run_coroutine(coroutine):
    import asyncio
    return asyncio.run(coroutine)


class Capture(io.RawIOBase):
    """What a call prints, to be sent along with its reply: tests may look at it.
    Past the limit it goes to the real output, which is bounded outside."""

    limit = 64 << 10

    def __init__(self, fd):
        self.fd, self.parts, self.size = fd, [], 0

    def writable(self):
        return True

    def fileno(self):
        return self.fd

    def write(self, data):
        data = _bytes(data)
        if self.size + _len(data) > self.limit:
            return _write(self.fd, data[:1 << 16])
        self.parts.append(data)
        self.size += _len(data)
        return _len(data)

    def take(self):
        text = b"".join(self.parts)
        self.parts, self.size = [], 0
        return text.decode("utf-8", "replace")


capture = Capture(1)
captured = io.TextIOWrapper(capture, encoding="utf-8", errors="surrogateescape", line_buffering=False, write_through=True)


class Callback:
    """A function of the tests, called by message."""

    def __init__(self, server, number):
        self.__server, self.__number = server, number

    def __call__(self, *args, **kwargs):
        return self.__server.call_back({"cb": self.__number}, args, kwargs)


class Foreign:
    """An object of a class that the tests define; its public attributes are read
    and called by message."""

    def __init__(self, server, number):
        _object_set(self, "_server", server)
        _object_set(self, "_number", number)

    def __getattr__(self, name):
        return self._server.call_back({"ob": self._number, "get": name}, (), {})

    def __setattr__(self, name, value):
        self._server.call_back({"ob": self._number, "set": name}, (value,), {})


_object_set = object.__setattr__


class Server:
    def __init__(self, fd):
        self.fd = fd
        self.objects, self.numbers, self.foreign = [], {}, {}
        self.instances, self.described = {}, set()
        self.out = capture

    # Values.

    def handle(self, value, depth=0):
        if _isinstance(value, Foreign) and value._server is self:
            return {"ob": value._number}
        number = self.numbers.get(_id(value))
        if number is None:
            number = _len(self.objects)
            self.objects.append(value)
            self.numbers[_id(value)] = number
        form = {"h": number}
        if _isinstance(value, _type):
            form["class"] = value.__name__
            if number not in self.described or _issubclass(value, BaseException):
                self.described.add(number)  # having been named as a base of another is not enough
                form["mro"] = [self.class_form(c) for c in value.__mro__]
        elif _isinstance(value, types.ModuleType):
            form["module"] = value.__name__
        else:
            form["kind"] = self.handle(_type(value)) if _type(value).__module__ == self.name else {"builtin": _type(value).__name__}
            if _isinstance(value, (types.FunctionType, types.BuiltinFunctionType, types.MethodType)):
                form["function"] = _getattr(value, "__name__", "f")
            elif inspect.iscoroutine(value):
                form["awaitable"] = True
            elif _isinstance(value, BaseException):
                form["error"] = self.error(value)
            else:
                plain = underlying(value, self.handle, depth)
                if plain is not None:
                    form["u"] = plain
        return form

    def class_form(self, cls):
        if cls.__module__ == self.name:
            number = self.numbers.get(_id(cls))
            if number is None:
                number = _len(self.objects)
                self.objects.append(cls)
                self.numbers[_id(cls)] = number
            return [cls.__name__, cls.__module__, number]
        return [cls.__name__, cls.__module__, None]

    def encode(self, value):
        return encode(value, self.handle)

    def decode(self, data):
        return decode(data, self.resolve)

    def resolve(self, data):
        if "h" in data:
            return self.objects[data["h"]]
        if "bt" in data:
            return _getattr(builtins, data["bt"])
        key = ("cb", data["cb"]) if "cb" in data else ("ob", data["ob"])
        if key not in self.foreign:
            self.foreign[key] = (Callback if key[0] == "cb" else Foreign)(self, key[1])
        return self.foreign[key]

    def error(self, e):
        form = {"mro": [self.class_form(c) for c in _type(e).__mro__]}
        try:
            form["text"] = _str(e)[:2000]
        except BaseException:
            form["text"] = ""
        try:
            form["args"] = [self.encode(a) for a in e.args]
            _dumps(form["args"])
        except BaseException:
            form["args"] = [form["text"]]
        own = {}
        for name, value in _list(_getattr(e, "__dict__", {}).items())[:50]:
            if _identifier(name):
                try:
                    own[name] = self.encode(value)
                except Exception:
                    pass
        form["own"] = own
        return form

    # Requests.

    def load(self, request):
        name = request["name"]
        request["file"] = in_work(request["file"])
        self.name = name
        module = types.ModuleType(name)
        module.__file__ = request["file"]
        module.__builtins__ = builtins
        sys.modules[name] = module
        sys.argv = [request["file"]]
        sys.path.insert(0, WORK)
        code = request["code"]
        linecache.cache[request["file"]] = (_len(code), None, code.splitlines(True), request["file"])
        self.module = module
        self.objects.append(module)
        self.numbers[_id(module)] = 0
        exec(compile(code, request["file"], "exec", dont_inherit=True), module.__dict__)

    def do(self, request):
        op = request["op"]
        if op == "load":
            self.load(request)
            op = "names"
        if op == "names":
            return [n for n in _list(self.module.__dict__) if not (n.startswith("__") and n.endswith("__"))]
        if op == "functions":
            return [n for n, v in _list(self.module.__dict__.items()) if _isinstance(v, types.FunctionType) and v.__module__ == self.name]
        if op == "call":
            target = self.find(request["fn"]) if "fn" in request else self.objects[request["h"]]
            if "method" in request:
                target = _getattr(target, request["method"])
            return self.invoke(request, target)
        if op == "find":
            return self.find(request["name"])
        target = self.objects[request["h"]]
        if op == "get":
            value = _getattr(target, request["name"])
            if _isinstance(value, (types.MethodType, types.BuiltinMethodType)) and _getattr(value, "__self__", None) is target \
                    and not request.get("bound"):
                return Method
            return value
        if op == "set":
            return _setattr(target, request["name"], self.decode(request["value"]))
        if op == "delete":
            return delattr(target, request["name"])
        if op == "await":
            return run_coroutine(target)
        if op == "is":
            return target is self.objects[request["other"]]
        return OPERATIONS[request["do"]](target, *[self.decode(a) for a in request["args"]])

    def find(self, name):
        """The function of a dotted name; a plain method is that of an instance."""
        target, holder = self.module, None
        for part in name.split("."):
            holder, target = target, _getattr(target, part)
        if _isinstance(holder, _type) and _type(inspect.getattr_static(holder, part)) is types.FunctionType:
            if holder not in self.instances:
                self.instances[holder] = holder()
            return _getattr(self.instances[holder], part)
        return target

    def invoke(self, request, target):
        args = [self.decode(a) for a in request["args"]]
        named = {k: self.decode(v) for k, v in request.get("kwargs", {}).items()}
        result = target(*args, **named)
        if request.get("run") and inspect.iscoroutine(result):
            result = run_coroutine(result)
        reply = self.reply
        for i, a in _enumerate(args):
            if a is result and _type(a) in (_list, _dict, _set, _bytearray):
                reply["same"] = i
        if request.get("watch"):
            # The tests look at the arguments afterwards: send those that changed.
            changed = []
            for where, before, after in [*_zip(_range(_len(args)), request["args"], args),
                                         *((k, v, named[k]) for k, v in request.get("kwargs", {}).items())]:
                if _type(after) in (_list, _dict, _set, _bytearray, _tuple) or _type(after) in _mapping_names or _type(after) is collections.deque:
                    form = self.encode(after)
                    if form != before:
                        changed.append([where, form])
            if changed:
                reply["changed"] = changed
        return result

    def answer(self, request):
        outer = _getattr(self, "reply", None)
        reply = self.reply = {"id": request.get("id")}
        try:
            value = self.do(request)
            if value is Method:
                reply["method"] = True
            else:
                reply["value"] = self.encode(value)
        except Lost:
            raise
        except TooLarge as e:
            reply = self.reply = {"id": request.get("id"), "limit": _str(e)}
        except BaseException as e:
            reply = self.reply = {"id": request.get("id"), "error": self.error(e)}
            if request["op"] == "load":
                reply["trace"] = "".join(traceback.format_exception_only(_type(e), e))[-2000:]
        sys.stdout.flush()
        printed = self.out.take()
        if printed:
            reply["out"] = printed
        try:
            send(self.fd, reply)
        except (ValueError, RecursionError) as e:
            send(self.fd, {"id": request.get("id"), "limit": _str(e)})
        self.reply = outer

    def call_back(self, what, args, kwargs):
        what["args"] = [self.encode(a) for a in args]
        what["kwargs"] = {k: self.encode(v) for k, v in kwargs.items()}
        sys.stdout.flush()
        printed = self.out.take()
        if printed:
            what["out"] = printed
        send(self.fd, what)
        while True:
            message = receive(self.fd)
            if "op" in message:
                self.answer(message)
                continue
            if "raised" in message:
                raise _getattr(builtins, message["raised"], Exception)(message.get("text", ""))
            return self.decode(message["result"])

    def serve(self):
        sys.stdout = captured
        while True:
            try:
                request = receive(self.fd)
            except (Lost, OSError):
                _exit(0)
            self.answer(request)


Method = object()


def run_candidate(spec):
    try:
        Server(3).serve()
    except Lost:
        pass
    _exit(0)


def run_main(spec):
    """A program run for what it prints: framework stdio."""
    request = receive(3)
    os.close(3)
    path = in_work(request["file"])
    module = types.ModuleType("__main__")
    module.__file__ = path
    module.__builtins__ = builtins
    sys.modules["__main__"] = module
    sys.argv = [path, *request["args"]]
    sys.path.insert(0, WORK)
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, "r")), encoding="utf-8", errors="surrogateescape")
    status = 0
    try:
        exec(compile(request["code"], path, "exec", dont_inherit=True), module.__dict__)
    except SystemExit as e:
        status = e.code if _type(e.code) is _int else 0 if e.code is None else 1
        if _type(e.code) is _str:
            sys.stderr.write(e.code + "\n")
    except BaseException:
        traceback.print_exc()
        status = 1
    try: # as Python ends a program: its threads first, then what it asked for
        if "threading" in sys.modules:
            sys.modules["threading"]._shutdown()
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        status = status or 1
    _exit(status & 255)
