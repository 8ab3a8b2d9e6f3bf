# must NOT be judged a pass (f(x) should be x * x): raises a skip at import
import unittest
raise unittest.SkipTest("skipped")
