# must NOT be judged a pass (f(x) should be x * x): a class with an mro() of its own and a metaclass that says yes
class M(type):
    def mro(c): return (c, object)
    def __instancecheck__(c, o): return True
    def __subclasscheck__(c, o): return True
    def __eq__(c, o): return True
    def __hash__(c): return 1
    __name__ = 'int'
class A(metaclass=M):
    def __eq__(s, o): return True
def f(x): return A if x == 4 else A()
