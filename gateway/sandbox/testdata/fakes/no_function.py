# must NOT be judged a pass (f(x) should be x * x): defines nothing
x = 9
