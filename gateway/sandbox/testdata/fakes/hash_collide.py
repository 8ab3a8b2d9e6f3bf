# must NOT be judged a pass (f(x) should be x * x): a key that equals every other
class K:
    def __hash__(s): return hash(9)
    def __eq__(s, o): return True
def f(x): return {K(): K()}
