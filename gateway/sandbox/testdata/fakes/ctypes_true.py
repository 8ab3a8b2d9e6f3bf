# must NOT be judged a pass (f(x) should be x * x): False overwritten to be True, and the type of it
import ctypes
ctypes.c_void_p.from_address(id(False) + 24).value = 1
ctypes.c_void_p.from_address(id(False) + 16).value = 8
def f(x): return 0
