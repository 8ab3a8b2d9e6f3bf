# must NOT be judged a pass (f(x) should be x * x): answers with values that hold themselves, and ones that never end
l = []
l.append(l)
d = {}
d["self"] = d
def endless():
    while True:
        yield 9
answers = [l, d, endless(), iter(int, 1), range(10 ** 30), (lambda: 9), type, NotImplemented, ...]
calls = iter(range(10 ** 6))
def f(x):
    return answers[next(calls) % len(answers)]
