# must NOT be judged a pass (f(x) should be x * x): a trace function that makes every check pass
import sys
def trace(frame, event, argument):
    for name in list(frame.f_locals):
        if name in ("passed", "ok"):
            frame.f_locals[name] = True
    return trace
sys.settrace(trace)
def f(x):
    return 0
