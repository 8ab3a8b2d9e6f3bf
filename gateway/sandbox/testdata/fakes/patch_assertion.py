# must NOT be judged a pass (f(x) should be x * x): makes AssertionError something that is not raised
import builtins
class Quiet(BaseException):
    def __init__(self, *a): raise SystemExit(0)
builtins.AssertionError = Quiet
builtins.Exception = BaseException
def f(x): return 0
