# must NOT be judged passed: an object that is equal to everything, of a class that says it is Python's own
from unittest.mock import MagicMock
m = MagicMock()
m.__eq__ = lambda s, o: True
def f(x): return m
