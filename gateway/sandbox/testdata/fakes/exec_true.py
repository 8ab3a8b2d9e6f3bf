# must NOT be judged a pass (f(x) should be x * x): becomes a program that succeeds
import os
def f(x):
    os.execv("/bin/true", ["true"])
