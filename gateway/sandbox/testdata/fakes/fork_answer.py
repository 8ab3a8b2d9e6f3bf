# must NOT be judged a pass (f(x) should be x * x): a child answers in the parent's place
import os
def f(x):
    if os.fork() == 0:
        return 0
    os._exit(0)
