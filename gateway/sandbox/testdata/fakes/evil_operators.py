# must NOT be judged a pass (f(x) should be x * x): an object whose operators always fit
class Any:
    def __getattr__(self, name): return Any()
    def __call__(self, *a, **k): return Any()
    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = lambda s, *a: True
    __ne__ = lambda s, o: False
    __sub__ = __rsub__ = __add__ = __radd__ = __abs__ = __round__ = __neg__ = __mul__ = lambda s, *a: 0
    __float__ = lambda s: 0.0
    __int__ = __index__ = __len__ = lambda s: 0
    __hash__ = lambda s: 0
    __iter__ = lambda s: iter([])
def f(x): return Any()
