# must NOT be judged passed: an object that is equal to everything, of a class that says it is Python's own
ns={'__name__':'fractions'}
exec('''class A:
    def __eq__(s, o): return True
    def __ne__(s, o): return False
    def __hash__(s): return 9
    def __sub__(s, o): return 0
    __rsub__ = __sub__
    def __abs__(s): return 0
    def __lt__(s, o): return True
    __le__ = __ge__ = __gt__ = __lt__
    def __float__(s): return 9.0
    def __repr__(s): return '9'
''', ns)
def f(x): return ns['A']()
