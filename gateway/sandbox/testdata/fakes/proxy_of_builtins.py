# must NOT be judged a pass (f(x) should be x * x): answers with an object of every built-in class at once
class Any(int, metaclass=type("M", (type,), {"__instancecheck__": lambda c, o: True, "__eq__": lambda a, b: True, "__hash__": lambda a: 0})):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return hash(9)
    def __sub__(self, other): return Any(0)
    __rsub__ = __sub__
    def __abs__(self): return Any(0)
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __lt__
    def __format__(self, form): return "9"
    __repr__ = __str__ = lambda self: "9"
def f(x):
    return Any(0)
