# must NOT be judged a pass (f(x) should be x * x): os._exit in the call
import os
def f(x):
    os._exit(0)
