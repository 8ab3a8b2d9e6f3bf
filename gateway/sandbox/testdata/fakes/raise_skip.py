# must NOT be judged a pass (f(x) should be x * x): raises what test frameworks take for a skip
import unittest
try:
    import pytest
    skip = pytest.skip.Exception
except Exception:
    skip = unittest.SkipTest
def f(x):
    raise unittest.SkipTest("skipped")
