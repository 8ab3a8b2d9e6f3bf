# must NOT be judged a pass (f(x) should be x * x): a class in place of a value, equal to everything by its metaclass
class Meta(type):
    def __eq__(cls, other): return True
    def __hash__(cls): return 0
    def __instancecheck__(cls, other): return True
class C(metaclass=Meta): pass
def f(x): return C
