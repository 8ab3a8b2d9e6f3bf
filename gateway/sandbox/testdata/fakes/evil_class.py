# must NOT be judged a pass (f(x) should be x * x): f is a class whose objects are equal to everything
class f:
    def __init__(self, x): pass
    def __eq__(self, other): return True
    def __hash__(self): return 1
    def __sub__(self, other): return 0
    __rsub__ = __sub__
