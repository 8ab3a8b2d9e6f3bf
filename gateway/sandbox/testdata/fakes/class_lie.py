# must NOT be judged a pass (f(x) should be x * x): an object whose __class__ says int
class A:
    __class__ = int
    def __eq__(s, o): return True
    def __hash__(s): return 1
    def __sub__(s, o): return 0
    __rsub__ = __sub__
    def __abs__(s): return 0
    def __lt__(s, o): return True
    __le__ = __gt__ = __ge__ = __lt__
    def __index__(s): return 9
    __int__ = __index__
    def __float__(s): return 9.0
    def __repr__(s): return '9'
def f(x): return A()
