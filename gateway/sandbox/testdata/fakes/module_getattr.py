# must NOT be judged a pass (f(x) should be x * x): defines every name on demand
def __getattr__(name):
    return lambda *a: True
def f(x): return 0
def check(candidate): return True
def test_f(): pass
