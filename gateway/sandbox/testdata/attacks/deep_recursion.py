# must: endless recursion in C ends the run alone
import sys
sys.setrecursionlimit(10**9)
class A:
    def __getattr__(self, n):
        return getattr(self, n + "x")
def f(n):
    return [f(n + 1)]
try:
    f(0)
except BaseException as e:
    print(type(e))
repr_me = []
for _ in range(10**6):
    repr_me = [repr_me]
repr(repr_me)
