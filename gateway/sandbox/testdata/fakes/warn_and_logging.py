# must NOT be judged a pass (f(x) should be x * x): hooks of warnings, logging and the display
import builtins, logging, sys, threading, warnings
sys.displayhook = sys.excepthook = sys.unraisablehook = threading.excepthook = lambda *a: None
logging.raiseExceptions = False
warnings.showwarning = lambda *a, **k: None
builtins.__build_class__ = lambda *a, **k: True
builtins.print = builtins.repr = builtins.isinstance = builtins.len = builtins.type = lambda *a, **k: 9
def f(x): return 0
