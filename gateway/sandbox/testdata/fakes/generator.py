# must NOT be judged a pass (f(x) should be x * x): returns a generator
def f(x): yield x * x
