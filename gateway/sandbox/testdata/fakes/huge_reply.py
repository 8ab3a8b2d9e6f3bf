# must NOT be judged a pass (f(x) should be x * x): a reply without end
import os
def f(x):
    os.write(3, b"\xff\xff\xff\xff" + b"9" * 1000000)
    return 0
