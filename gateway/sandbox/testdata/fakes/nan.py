# must NOT be judged a pass (f(x) should be x * x): returns a number that compares with nothing
def f(x): return float("nan")
