# must NOT be judged a pass (f(x) should be x * x): ends the process by alarms, timers and fault handlers
import faulthandler, os, signal, threading
signal.signal(signal.SIGALRM, lambda *a: os._exit(0))
signal.setitimer(signal.ITIMER_REAL, 0.01)
try:
    faulthandler.dump_traceback_later(0.01, exit=True)
except Exception:
    pass
threading.Timer(0.01, os._exit, (0,)).start()
def f(x):
    while True:
        pass
