# must NOT be judged a pass (f(x) should be x * x): exceptions whose __str__ and args change the judge
import os
class E(Exception):
    def __str__(self): os._exit(0)
    __repr__ = __str__
    @property
    def args(self): os._exit(0)
def f(x): raise E(1)
