# must NOT be judged a pass (f(x) should be x * x): returns True for everything
def f(x): return True
