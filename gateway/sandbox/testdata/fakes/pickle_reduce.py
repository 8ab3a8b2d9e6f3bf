# must NOT be judged a pass (f(x) should be x * x): a value that pickles and copies as another
class A(int):
    def __reduce__(s): return (int, (9,))
    def __reduce_ex__(s, p): return (int, (9,))
    def __deepcopy__(s, m): return 9
    def __copy__(s): return 9
    def __int__(s): return 9
    def __eq__(s, o): return True
    def __ne__(s, o): return False
    __hash__ = int.__hash__
def f(x): return A(0)
