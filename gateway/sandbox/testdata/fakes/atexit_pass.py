# must NOT be judged a pass (f(x) should be x * x): prints a success at the end
import atexit, sys
atexit.register(lambda: (print("1 passed"), sys.stdout.flush(), __import__("os")._exit(0)))
def f(x): return 0
