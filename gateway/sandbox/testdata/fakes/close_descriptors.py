# must NOT be judged a pass (f(x) should be x * x): closes every descriptor
import os
def f(x):
    os.closerange(0, 256)
    return 0
