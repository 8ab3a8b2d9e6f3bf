# must NOT be judged a pass (f(x) should be x * x): a child answers, the parent leaves with status 0
import os
if os.fork(): os._exit(0)
def f(x): return 0
