# must NOT be judged a pass (f(x) should be x * x): a timer whose handler unwinds the judge
import signal
def on(*a): raise SystemExit(0)
signal.signal(signal.SIGALRM, on)
signal.setitimer(signal.ITIMER_REAL, .001, .001)
def f(x): return 0
