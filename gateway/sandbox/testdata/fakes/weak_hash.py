# must NOT be judged a pass (f(x) should be x * x): answers with containers of its own objects, equal to everything
class E:
    def __eq__(self, other): return True
    def __hash__(self): return 0
    def __iter__(self): return iter([9])
    def __index__(self): return 9
def f(x):
    class L(list):
        __eq__ = lambda s, o: True
        __ne__ = lambda s, o: False
    return L([E()])
