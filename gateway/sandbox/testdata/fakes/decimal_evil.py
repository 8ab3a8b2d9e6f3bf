# must NOT be judged a pass (f(x) should be x * x): a subclass of Decimal that is equal to everything
import decimal
class D(decimal.Decimal):
    __eq__ = lambda s, o: True
    __hash__ = lambda s: 0
    __sub__ = __rsub__ = lambda s, o: 0
def f(x): return D(0)
