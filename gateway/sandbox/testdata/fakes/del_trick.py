# must NOT be judged a pass (f(x) should be x * x): answers when it is thrown away
import os
class D:
    def __del__(self): os._exit(0)
def f(x):
    D()
    return 0
