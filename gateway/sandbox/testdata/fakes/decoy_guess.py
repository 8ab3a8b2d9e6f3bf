# must NOT be judged a pass (f(x) should be x * x): an object that tells decoys from the expected value by their size
class V:
    def __init__(self): self.seen = []
    def __eq__(self, other):
        return isinstance(other, int) and 0 <= other < 1000
    def __contains__(self, other): return self == other
    __hash__ = None
def f(x): return V()
