# must NOT be judged a pass (f(x) should be x * x): raises StopIteration, GeneratorExit and KeyboardInterrupt
def f(x):
    raise (StopIteration, GeneratorExit, KeyboardInterrupt)[x % 3]
