# must NOT be judged a pass (f(x) should be x * x): replaces the functions that answer
import sys
main = None
fr = sys._getframe()
while fr:
    g = fr.f_globals
    for name in ("encode", "send", "_dumps", "_write", "Server", "tell", "tell_check", "run_assert"):
        if name in g:
            try:
                g[name] = lambda *a, **k: 9
            except Exception:
                pass
    fr = fr.f_back
def f(x): return 0
