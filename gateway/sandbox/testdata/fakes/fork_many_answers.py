# must NOT be judged a pass (f(x) should be x * x): many children answer the same question differently
import os
def f(x):
    for guess in (9, 16, 1):
        if os.fork() == 0:
            return guess
    return 0
