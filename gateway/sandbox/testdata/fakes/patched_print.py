# must NOT be judged a pass (f(x) should be x * x): prints the answers of all cases, whatever is asked
import sys
def f(x):
    for n in (9, 16, 1):
        print(n, flush=True)
    sys.stdout = sys.stderr
    return n + 1
