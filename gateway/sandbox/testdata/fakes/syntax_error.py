# must NOT be judged a pass (f(x) should be x * x): does not parse
def f(x) return x * x
