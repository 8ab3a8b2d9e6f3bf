# must NOT be judged a pass (f(x) should be x * x): never answers
def f(x):
    import time
    time.sleep(1000)
