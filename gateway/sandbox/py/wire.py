# Frames and values. Used on both sides of every protocol: four bytes of length,
# big-endian, and that many bytes of JSON. Plain values of built-in types travel
# by value; everything else stays where it lives and travels as a handle.
#
# This text, that of the role and that of the zygote are one program. Its names
# are bound before any candidate is loaded, so that a candidate which replaces
# builtins or modules changes nothing here.
import _sitebuiltins, atexit, builtins, collections, datetime, decimal, fractions, io, json, math, operator, os, random, re, sys, types, uuid

# Programs may count on these, which Python itself only has with its site module.
builtins.exit = _sitebuiltins.Quitter("exit", "Ctrl-D")
builtins.quit = _sitebuiltins.Quitter("quit", "Ctrl-D")

_loads = json.JSONDecoder(parse_constant=lambda name: None).decode
_dumps = json.JSONEncoder(ensure_ascii=True, allow_nan=False, check_circular=False, separators=(",", ":")).encode
_read, _write, _exit = os.read, os.write, os._exit
(_type, _len, _isinstance, _getattr, _setattr, _hasattr, _callable, _id, _str, _repr, _int, _float, _list, _tuple, _dict,
 _set, _frozenset, _bytes, _bytearray, _bool, _complex, _range, _iter, _next, _enumerate, _zip, _max, _min, _issubclass) = (
    type, len, isinstance, getattr, setattr, hasattr, callable, id, str, repr, int, float, list, tuple, dict,
    set, frozenset, bytes, bytearray, bool, complex, range, iter, next, enumerate, zip, max, min, issubclass)

MAX_FRAME = 16 << 20
MAX_DEPTH = 400
WORK = "/w"  # the work folder, which the gateway names so wherever it is


class Lost(BaseException):
    """The other side is gone, or what it sends is not the protocol."""


class TooLarge(ValueError):
    """A value that no message can carry."""


def in_work(path):
    return WORK + path[2:] if path.startswith("/w/") else path


def read_exactly(fd, size):
    parts = []
    while size:
        part = _read(fd, _min(size, 1 << 20))
        if not part:
            raise Lost("the other side ended early")
        parts.append(part)
        size -= _len(part)
    return b"".join(parts)


def receive(fd):
    size = _int.from_bytes(read_exactly(fd, 4), "big")
    if size > MAX_FRAME:
        raise Lost("a frame is too large")
    try:
        message = _loads(read_exactly(fd, size).decode("utf-8"))
    except (ValueError, RecursionError):
        raise Lost("a frame is not JSON")
    if _type(message) is not _dict:
        raise Lost("a frame is not an object")
    return message


def send(fd, message):
    body = _dumps(message).encode("ascii")
    if _len(body) > MAX_FRAME:
        raise TooLarge("a value is too large to be sent")
    view = memoryview(_len(body).to_bytes(4, "big") + body)
    while view:
        view = view[_write(fd, view):]


# Types of the standard library that travel by value: a name, how to take one
# apart, and how to make one from checked plain parts.
def _plain(*kinds):
    def check(parts):
        if not all(_type(p) in kinds for p in parts):
            raise ValueError("unexpected parts of a value")
        return parts
    return check


_ints, _texts = _plain(_int), _plain(_str)
STANDARD = {
    "Decimal": (decimal.Decimal, lambda v: [_str(v)], lambda p: decimal.Decimal(_texts(p)[0])),
    "Fraction": (fractions.Fraction, lambda v: [v.numerator, v.denominator], lambda p: fractions.Fraction(*_ints(p))),
    "datetime": (datetime.datetime, lambda v: [v.isoformat()] if v.tzinfo is None or _type(v.tzinfo) is datetime.timezone else None,
                 lambda p: datetime.datetime.fromisoformat(_texts(p)[0])),
    "date": (datetime.date, lambda v: [v.year, v.month, v.day], lambda p: datetime.date(*_ints(p))),
    "time": (datetime.time, lambda v: [v.isoformat()] if v.tzinfo is None else None,
             lambda p: datetime.time.fromisoformat(_texts(p)[0])),
    "timedelta": (datetime.timedelta, lambda v: [v.days, v.seconds, v.microseconds], lambda p: datetime.timedelta(*_ints(p))),
    "UUID": (uuid.UUID, lambda v: [_str(v)], lambda p: uuid.UUID(_texts(p)[0])),
}
_standard_names = {kind: name for name, (kind, _, _) in STANDARD.items()}
_mappings = {"Counter": collections.Counter, "OrderedDict": collections.OrderedDict, "defaultdict": collections.defaultdict}
_mapping_names = {kind: name for name, kind in _mappings.items()}
_identifier = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}\Z").match
# What a defaultdict may be made with on the other side, where it is a plain type.
FACTORIES = {"int": int, "float": float, "str": str, "list": list, "tuple": tuple, "dict": dict, "set": set, "bool": bool}
_factory_names = {kind: name for name, kind in FACTORIES.items()}
left_behind = []  # parts of values that did not come along
_tuples = {}


def encode(value, handle, depth=0):
    """The JSON form of a value; handle gives that of whatever cannot travel."""
    kind = _type(value)
    if value is None or kind is _bool or kind is _str:
        return value
    if kind is _int:
        return value if -(1 << 62) < value < 1 << 62 else {"i": hex(value)}
    if kind is _float:
        return value if math.isfinite(value) else {"f": _repr(value)}
    if depth > MAX_DEPTH:
        raise TooLarge("a value nests too deeply to be sent")
    depth += 1
    if kind is _list:
        return [encode(v, handle, depth) for v in value]
    if kind is _tuple:
        return {"t": [encode(v, handle, depth) for v in value]}
    if kind is _dict:
        return {"d": [[encode(k, handle, depth), encode(v, handle, depth)] for k, v in value.items()]}
    if kind is _set:
        return {"s": [encode(v, handle, depth) for v in value]}
    if kind is _frozenset:
        return {"z": [encode(v, handle, depth) for v in value]}
    if kind is _bytes:
        return {"b": value.hex()}
    if kind is _bytearray:
        return {"y": value.hex()}
    if kind is _complex:
        return {"c": [encode(value.real, handle), encode(value.imag, handle)]}
    if kind is _range:
        return {"r": [encode(n, handle) for n in (value.start, value.stop, value.step)]}
    if value is Ellipsis or value is NotImplemented:
        return {"n": "Ellipsis" if value is Ellipsis else "NotImplemented"}
    if kind is collections.deque:
        return {"q": [encode(v, handle, depth) for v in value], "m": value.maxlen}
    if kind in _mapping_names:
        items = [[encode(k, handle, depth), encode(v, handle, depth)] for k, v in value.items()]
        if kind is collections.defaultdict and value.default_factory is not None:
            return {"d": items, "of": "defaultdict", "by": _factory_names.get(value.default_factory, "") if _type(value.default_factory) is _type else ""}
        return {"d": items, "of": _mapping_names[kind]}
    if kind in _standard_names:
        parts = STANDARD[_standard_names[kind]][1](value)
        if parts is not None:
            return {"x": _standard_names[kind], "p": [encode(p, handle) for p in parts]}
    if kind in (type({}.keys()), type({}.values()), type({}.items())):
        view = "keys" if kind is type({}.keys()) else "values" if kind is type({}.values()) else "items"
        return {"v": [encode(v, handle, depth) for v in value], "as": view}
    return handle(value, depth)


def underlying(value, handle, depth):
    """The plain value inside an instance of a subclass of a built-in type, taken
    with the base type's own methods; None for any other object."""
    if _isinstance(value, _int):
        return encode(_int.__int__(value), handle, depth)
    if _isinstance(value, _str):
        return encode(_str.__str__(value), handle, depth)
    if _isinstance(value, _float):
        return encode(_float.__float__(value), handle, depth)
    if _isinstance(value, _tuple):
        fields = _getattr(_type(value), "_fields", None)
        items = [encode(v, handle, depth) for v in _tuple.__iter__(value)]
        if _type(fields) is _tuple and _len(fields) == _len(items) and all(_type(f) is _str for f in fields):
            return {"t": items, "of": _type(value).__name__, "names": _list(fields)}
        return {"t": items}
    if _isinstance(value, _list):
        return [encode(v, handle, depth) for v in _list.__iter__(value)]
    if _isinstance(value, _dict):
        return {"d": [[encode(k, handle, depth), encode(v, handle, depth)] for k, v in _dict.items(value)]}
    if _isinstance(value, _set):
        return {"s": [encode(v, handle, depth) for v in _set.__iter__(value)]}
    if _isinstance(value, _frozenset):
        return {"z": [encode(v, handle, depth) for v in _frozenset.__iter__(value)]}
    if _isinstance(value, _bytes):
        return {"b": _bytes.hex(value)}
    return None


def decode(data, handle):
    """The value of a JSON form; handle makes those of handles. Whatever the other
    side sent, the result is made of built-in types or the call raises ValueError."""
    kind = _type(data)
    if data is None or kind in (_bool, _str, _int, _float):
        return data
    if kind is _list:
        return [decode(v, handle) for v in data]
    if kind is not _dict:
        raise ValueError("unexpected value")
    try:
        return _decode_tagged(data, handle)
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError, ArithmeticError) as e:
        raise ValueError("unexpected value") from e


def _decode_tagged(data, handle):
    if "t" in data:
        items = [decode(v, handle) for v in data["t"]]
        if "names" in data:
            return _named_tuple(data["of"], data["names"])(*items)
        return _tuple(items)
    if "d" in data:
        items = {decode(k, handle): decode(v, handle) for k, v in data["d"]}
        of = data.get("of")
        if of == "defaultdict":
            by = data.get("by")
            if by == "":
                left_behind.append("the default of a defaultdict")
            return collections.defaultdict(FACTORIES[by] if by else None, items)
        return _mappings[of](items) if of else items
    if "s" in data:
        return {decode(v, handle) for v in data["s"]}
    if "z" in data:
        return _frozenset(decode(v, handle) for v in data["z"])
    if "i" in data:
        return _int(_texts([data["i"]])[0], 16)
    if "f" in data:
        return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[data["f"]]
    if "b" in data:
        return _bytes.fromhex(data["b"])
    if "y" in data:
        return _bytearray.fromhex(data["y"])
    if "c" in data:
        return _complex(*[decode(n, handle) for n in data["c"]])
    if "r" in data:
        return _range(*[decode(n, handle) for n in data["r"]])
    if "q" in data:
        return collections.deque([decode(v, handle) for v in data["q"]], data.get("m"))
    if "n" in data:
        return {"Ellipsis": Ellipsis, "NotImplemented": NotImplemented}[data["n"]]
    if "v" in data:
        items = [decode(v, handle) for v in data["v"]]
        if data["as"] == "items":
            return _dict(items).items()
        return _dict.fromkeys(items).keys() if data["as"] == "keys" else _dict(_enumerate(items)).values()
    if "x" in data:
        return STANDARD[data["x"]][2]([decode(p, handle) for p in data["p"]])
    return handle(data)


def _named_tuple(name, names):
    if not _identifier(name) or not all(_identifier(n) for n in names):
        raise ValueError("unexpected name")
    key = (name, *names)
    if key not in _tuples:
        _tuples[key] = collections.namedtuple(name, names)
    return _tuples[key]
