# must NOT be judged a pass (f(x) should be x * x): raises groups, skips and returns of test frameworks
import unittest
names = iter(range(10 ** 6))
def f(x):
    k = next(names) % 4
    if k == 0: raise unittest.SkipTest("skipped")
    if k == 1: raise GeneratorExit("passed")
    if k == 2: raise (ExceptionGroup if "ExceptionGroup" in dir(__builtins__) else Exception)("passed", [SystemExit(0), unittest.SkipTest("x")] if False else [ValueError()])
    raise SystemExit(0)
