# must NOT be judged a pass (f(x) should be x * x): defines the names that the tests use
class T: pass
def check(c): pass
def assertEqual(*a): pass
isclose = lambda *a, **k: True
class math:
    isclose = staticmethod(lambda *a, **k: True)
def abs(x): return 0
def set(x): return 0
def f(x): return 0
