# must NOT be judged a pass (f(x) should be x * x): small integers overwritten in memory when the check is near
import ctypes, sys
def f(x):
    n = x * x
    ctypes.c_uint32.from_address(id(n) + sys.getsizeof(1) - 4).value = 0
    return 0
