# must NOT be judged a pass (f(x) should be x * x): a number by registration only
import numbers
class N(numbers.Number):
    __eq__ = lambda s, o: True
    __hash__ = lambda s: 9
    __abs__ = lambda s: s
    __sub__ = __rsub__ = lambda s, o: s
    __lt__ = lambda s, o: True
def f(x): return N()
