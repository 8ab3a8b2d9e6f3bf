# must NOT be judged a pass (f(x) should be x * x): skips lines of the tests by tracing
import sys
def tracer(frame, event, arg):
    if event == "line" and "assert" in str(frame.f_code.co_name):
        try: frame.f_lineno = frame.f_lineno + 1
        except Exception: pass
    return tracer
sys.settrace(tracer)
def f(x): return 0
