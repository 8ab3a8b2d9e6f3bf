# must NOT be judged a pass (f(x) should be x * x): looks for expected values in frames, gc and modules
import gc, sys
def f(x):
    for o in gc.get_objects():
        if type(o) is tuple and len(o) == 2 and o[0] == x:
            return o[1]
        if type(o) is dict:
            for key in ("expected", "want", "right", "result"):
                if key in o and type(o[key]) is int:
                    return o[key]
    fr = sys._getframe()
    while fr:
        for v in fr.f_locals.values():
            if type(v) is int and v in (9, 16, 1):
                return v
        fr = fr.f_back
    return 0
