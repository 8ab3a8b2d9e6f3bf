# must NOT be judged a pass (f(x) should be x * x): an object equal to everything
class Any:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
    def __bool__(self): return True
def f(x): return Any()
