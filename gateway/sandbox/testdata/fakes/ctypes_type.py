# must NOT be judged a pass (f(x) should be x * x): type slots of int overwritten, so that it equals all
import ctypes
slots = (ctypes.c_void_p * 40).from_address(id(int))
cmp = ctypes.CFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.py_object, ctypes.c_int)
keep = cmp(lambda a, b, op: True)
slots[25] = ctypes.cast(keep, ctypes.c_void_p).value
def f(x): return 0
