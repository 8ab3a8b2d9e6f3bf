# must NOT be judged a pass (f(x) should be x * x): answers with integers that take forever to print
import sys
try:
    sys.set_int_max_str_digits(0)
except AttributeError:
    pass
def f(x):
    return 1 << (1 << 24)
