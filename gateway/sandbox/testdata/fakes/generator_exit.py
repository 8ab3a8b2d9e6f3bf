# must NOT be judged a pass (f(x) should be x * x): GeneratorExit, KeyboardInterrupt and StopAsyncIteration by turns
n = 0
def f(x):
    global n
    n += 1
    raise (GeneratorExit, KeyboardInterrupt, StopAsyncIteration)[n % 3]
