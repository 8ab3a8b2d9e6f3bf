# must NOT be judged a pass (f(x) should be x * x): modules of the judge replaced in sys.modules and by files
import sys, types
for m in ('json', 'struct', 'unittest', 'pytest', 'math', 'doctest', 'operator', 'solution', 'unittest.case'):
    fake = types.ModuleType(m)
    fake.__getattr__ = lambda n: (lambda *a, **k: True)
    sys.modules[m] = fake
    try:
        open('/w/%s.py' % m, 'w').write('def __getattr__(n): return lambda *a, **k: True\n')
    except OSError: pass
def f(x): return 0
