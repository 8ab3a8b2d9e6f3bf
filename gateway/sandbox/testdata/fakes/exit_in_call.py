# must NOT be judged a pass (f(x) should be x * x): sys.exit in the call
import sys
def f(x):
    sys.exit(0)
