# must NOT be judged a pass (f(x) should be x * x): a subclass of complex with methods of its own
class V(complex):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __hash__ = lambda self: 0
    def __sub__(self, other): return 0
    __rsub__ = __sub__
    def __repr__(self): return "9"
    __str__ = __repr__
    def __int__(self): return 9
    __index__ = __int__
    def __float__(self): return 9.0
    def __getitem__(self, k): return 9
    def __iter__(self): return iter([9])
    def __len__(self): return 1
def f(x): return V(0j)
