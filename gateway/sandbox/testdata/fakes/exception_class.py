# must NOT be judged a pass (f(x) should be x * x): raises exceptions whose class, args and text are hostile
class Hostile(BaseException):
    __module__ = "builtins"
    @property
    def __class__(self): return StopIteration
    @property
    def args(self): raise SystemExit(0)
    def __str__(self): raise KeyboardInterrupt
    __repr__ = __str__
    def __eq__(self, other): return True
    def with_traceback(self, tb): return self
def f(x):
    raise Hostile(9)
