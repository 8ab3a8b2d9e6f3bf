# must NOT be judged a pass (f(x) should be x * x): returns a coroutine
async def f(x): return 0
